#include "os/process/process_table.h"

#include <algorithm>

namespace faultline::os {

bool ProcessTable::is_free(int32_t pid) const {
  if (processes_.contains(pid)) return false;
  if (!wrapped_) return true;  // nobody had it yet
  return std::none_of(processes_.begin(), processes_.end(),
                      [pid](const auto& entry) { return entry.second->group == pid || entry.second->session == pid; });
}

int32_t ProcessTable::next_number() {
  const int32_t number = next_;
  next_ = number + 1;
  if (next_ == kPidMax) {
    next_ = kFirstPid;
    wrapped_ = true;
  }
  return number;
}

Process* ProcessTable::create() {
  int32_t pid = next_number();
  for (int32_t tried = 1; !is_free(pid); ++tried) {
    if (tried == kPidMax - kFirstPid) return nullptr;
    pid = next_number();
  }
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
