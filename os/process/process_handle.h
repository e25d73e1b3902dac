// A process that is known by more than its number, which may be given again.
#pragma once

#include <cstdint>
#include <memory>

#include "os/process/process_table.h"

namespace faultline::os {

class ProcessHandle {
 public:
  ProcessHandle() = default;
  explicit ProcessHandle(const Process& process) : pid_(process.pid()), mark_(process.cpu_events) {}

  int32_t pid() const { return pid_; }
  // Null when it is gone, waited for and all.
  Process* find(ProcessTable& processes) const {
    Process* const process = processes.find(pid_);
    return process && process->cpu_events == mark_ ? process : nullptr;
  }

 private:
  int32_t pid_ = 0;
  std::shared_ptr<CpuEvents> mark_;  // no two processes have the same
};

}  // namespace faultline::os
