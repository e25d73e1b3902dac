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

  // A new process with the next free number; null when there is none. That of a
  // process group or session that has a member, a zombie too, is not free.
  Process* create();
  // One more task of a process, with a number of its own; null as above.
  Task* create_task(Process& process);
  // The process leaves the table; its pid may be given again in the end.
  std::unique_ptr<Process> take(Process& process);
  // The same for a task other than its process's first.
  std::unique_ptr<Task> take(Task& task);
  // After exec only the task that called it is left, and it is the first one
  // from here on. The one that was it before; null when it is the same.
  std::unique_ptr<Task> make_first(Task& task);
  Process* find(int32_t pid);
  // Also the first task of a process, whose number is the pid.
  Task* find_task(int32_t tid);
  // The process that a task with this number belongs to: what Linux's calls
  // take for a pid may name any of its tasks.
  Process* find_by_task(int32_t tid);

  bool empty() const { return processes_.empty(); }
  size_t size() const { return processes_.size(); }
  size_t tasks() const { return processes_.size() + threads_.size(); }
  // In order of pid.
  auto begin() const { return processes_.begin(); }
  auto end() const { return processes_.end(); }

 private:
  // The next free number; 0: all are taken.
  int32_t allocate();
  bool is_free(int32_t number) const;
  int32_t next_number();

  Executor& executor_;
  std::map<int32_t, std::unique_ptr<Process>> processes_;
  std::map<int32_t, Task*> threads_;  // but for each process's first
  int32_t next_ = kFirstPid;
  bool wrapped_ = false;  // numbers have been used before
};

}  // namespace faultline::os
