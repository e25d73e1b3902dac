#include "os/process/process_table.h"

#include <algorithm>
#include <utility>

namespace faultline::os {

bool ProcessTable::is_free(int32_t number) const {
  if (processes_.contains(number) || threads_.contains(number)) return false;
  if (!wrapped_) return true;  // nobody had it yet
  return std::none_of(processes_.begin(), processes_.end(), [number](const auto& entry) {
    return entry.second->group == number || entry.second->session == number;
  });
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

int32_t ProcessTable::allocate() {
  int32_t number = next_number();
  for (int32_t tried = 1; !is_free(number); ++tried) {
    if (tried == kPidMax - kFirstPid) return 0;
    number = next_number();
  }
  return number;
}

Process* ProcessTable::create() {
  const int32_t pid = allocate();
  if (pid == 0) return nullptr;
  return processes_.emplace(pid, std::make_unique<Process>(executor_, pid)).first->second.get();
}

Task* ProcessTable::create_task(Process& process) {
  const int32_t tid = allocate();
  if (tid == 0) return nullptr;
  Task* const task = process.tasks.emplace_back(std::make_unique<Task>(executor_, process, tid)).get();
  threads_.emplace(tid, task);
  return task;
}

std::unique_ptr<Process> ProcessTable::take(Process& process) {
  return std::move(processes_.extract(process.pid()).mapped());
}

std::unique_ptr<Task> ProcessTable::take(Task& task) {
  threads_.erase(task.tid());
  std::vector<std::unique_ptr<Task>>& tasks = task.process().tasks;
  const auto place = std::find_if(tasks.begin(), tasks.end(), [&](const auto& other) { return other.get() == &task; });
  std::unique_ptr<Task> taken = std::move(*place);
  tasks.erase(place);
  return taken;
}

std::unique_ptr<Task> ProcessTable::make_first(Task& task) {
  Process& process = task.process();
  if (&process.main_task() == &task) return nullptr;
  std::unique_ptr<Task> before = std::move(process.tasks.front());
  process.tasks.front() = take(task);
  task.become_leader();
  return before;
}

Process* ProcessTable::find(int32_t pid) {
  const auto found = processes_.find(pid);
  return found == processes_.end() ? nullptr : found->second.get();
}

Task* ProcessTable::find_task(int32_t tid) {
  if (Process* const process = find(tid)) return &process->main_task();
  const auto found = threads_.find(tid);
  return found == threads_.end() ? nullptr : found->second;
}

Process* ProcessTable::find_by_task(int32_t tid) {
  Task* const task = find_task(tid);
  return task ? &task->process() : nullptr;
}

}  // namespace faultline::os
