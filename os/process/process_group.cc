#include "os/process/process_group.h"

#include <algorithm>
#include <vector>

#include "os/process/process_table.h"
#include "os/process/signal_send.h"

namespace faultline::os {

bool has_keeper(const Process& process) {
  if (process.parent) return process.parent->group != process.group && process.parent->session == process.session;
  return process.from_shell && process.session == ProcessTable::kInitPid;
}

bool is_orphaned_group(const ProcessTable& processes, int32_t group) {
  return std::none_of(processes.begin(), processes.end(), [group](const auto& entry) {
    const Process& process = *entry.second;
    return process.group == group && process.life != Process::Life::zombie && has_keeper(process);
  });
}

void hang_up_if_orphaned(ProcessTable& processes, int32_t group) {
  if (!is_orphaned_group(processes, group)) return;
  std::vector<Process*> members;
  for (const auto& [pid, process] : processes) {
    if (process->group == group) members.push_back(process.get());
  }
  const auto is_stopped = [](const Process* member) { return member->life == Process::Life::stopped; };
  if (std::none_of(members.begin(), members.end(), is_stopped)) return;
  for (const int signal : {kSigHup, kSigCont}) {
    SignalInfo info;
    info.signal = signal;
    info.code = kCodeKernel;
    for (Process* const member : members) (void)send_signal(*member, info);
  }
}

}  // namespace faultline::os
