// Every process by its pid, zombies included.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "os/process/process.h"

namespace faultline::os {

class ProcessTable {
 public:
  // Linux's default kernel.pid_max; also the bound on processes at once.
  static constexpr int32_t kPidMax = 32768;
  static constexpr int32_t kInitPid = 1;  // init, which is no guest; also its group and session
  static constexpr int32_t kFirstPid = 2;

  explicit ProcessTable(Executor& executor) : executor_(executor) {}

  // A new process with the next free pid; null when there is none. The number of
  // a process group or session that has a member, a zombie too, is not free.
  Process* create();
  // The process leaves the table; its pid may be given again in the end.
  std::unique_ptr<Process> take(Process& process);
  Process* find(int32_t pid);
  Task* find_task(int32_t tid);

  bool empty() const { return processes_.empty(); }
  size_t size() const { return processes_.size(); }
  // In order of pid.
  auto begin() const { return processes_.begin(); }
  auto end() const { return processes_.end(); }

 private:
  Executor& executor_;
  std::map<int32_t, std::unique_ptr<Process>> processes_;
  bool is_free(int32_t pid) const;
  int32_t next_number();

  int32_t next_ = kFirstPid;
  bool wrapped_ = false;  // numbers have been used before
};

}  // namespace faultline::os
