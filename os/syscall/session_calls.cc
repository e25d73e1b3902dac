// Process groups and sessions: setpgid(2), setsid(2).
#include <algorithm>

#include "os/kernel.h"
#include "os/syscall/groups.h"
#include "os/syscall/process_argument.h"
#include "os/syscall/syscall.h"

namespace faultline::os {

namespace {

SyscallResult sys_setpgid(SyscallContext& call) {
  const int32_t wanted = call.integer(1) == 0 ? call.integer(0) : call.integer(1);
  if (wanted < 0) return Errno{EINVAL};
  Process& self = call.task.process();
  Process* const process = named_process(call, call.integer(0));
  if (!process || (process != &self && process->parent != &self)) return Errno{ESRCH};
  if (process->session != self.session) return Errno{EPERM};
  if (process != &self && process->has_execed) return Errno{EACCES};
  if (process->session == process->pid()) return Errno{EPERM};
  const int32_t group = wanted == 0 ? process->pid() : wanted;
  if (group != process->pid()) {
    const auto in_group = [&](const auto& entry) {
      return entry.second->group == group && entry.second->session == self.session;
    };
    ProcessTable& all = call.kernel.processes();
    if (std::none_of(all.begin(), all.end(), in_group)) return Errno{EPERM};
  }
  process->group = group;
  return uint64_t{0};
}

SyscallResult sys_getpgid(SyscallContext& call) {
  if (call.integer(0) == ProcessTable::kInitPid) return uint64_t{ProcessTable::kInitPid};
  const Process* const process = named_process(call, call.integer(0));
  if (!process) return Errno{ESRCH};
  return static_cast<uint64_t>(process->group);
}

SyscallResult sys_getsid(SyscallContext& call) {
  if (call.integer(0) == ProcessTable::kInitPid) return uint64_t{ProcessTable::kInitPid};
  const Process* const process = named_process(call, call.integer(0));
  if (!process) return Errno{ESRCH};
  return static_cast<uint64_t>(process->session);
}

SyscallResult sys_setsid(SyscallContext& call) {
  Process& self = call.task.process();
  for (const auto& [pid, process] : call.kernel.processes()) {
    if (process->group == self.pid()) return Errno{EPERM};
  }
  self.session = self.group = self.pid();
  return static_cast<uint64_t>(self.session);
}

}  // namespace

void register_session_calls(SyscallTable& table) {
  table.add(154, sys_setpgid);
  table.add(155, sys_getpgid);
  table.add(156, sys_getsid);
  table.add(157, sys_setsid);
}

}  // namespace faultline::os
