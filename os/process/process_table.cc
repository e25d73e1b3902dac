#include "os/process/process_table.h"

namespace faultline::os {

Process* ProcessTable::create() {
  if (processes_.size() >= static_cast<size_t>(kPidMax - kFirstPid)) return nullptr;
  while (processes_.contains(next_)) next_ = next_ + 1 < kPidMax ? next_ + 1 : kFirstPid;
  const int32_t pid = next_;
  next_ = pid + 1 < kPidMax ? pid + 1 : kFirstPid;
  return processes_.emplace(pid, std::make_unique<Process>(executor_, pid)).first->second.get();
}

std::unique_ptr<Process> ProcessTable::take(Process& process) {
  return std::move(processes_.extract(process.pid()).mapped());
}

Process* ProcessTable::find(int32_t pid) {
  const auto found = processes_.find(pid);
  return found == processes_.end() ? nullptr : found->second.get();
}

// While each process has one task, the two share their number.
Task* ProcessTable::find_task(int32_t tid) {
  Process* const process = find(tid);
  return process ? &process->main_task() : nullptr;
}

}  // namespace faultline::os
