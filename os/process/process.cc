#include "os/process/process.h"

#include <algorithm>

#include "os/files/file_table.h"
#include "os/memory/address_space.h"
#include "os/process/process_table.h"
#include "os/process/scheduler.h"

namespace faultline::os {

void Process::collect_faults(AddressSpace& from, Task* task) {
  const FaultCounts counts = from.take_fault_counts();
  usage.minor_faults += counts.minor;
  usage.major_faults += counts.major;
  if (!task) return;
  task->usage.minor_faults += counts.minor;
  task->usage.major_faults += counts.major;
}

size_t Process::live_tasks() const {
  return static_cast<size_t>(std::count_if(tasks.begin(), tasks.end(), [](const auto& task) { return !task->over; }));
}

const Task& Process::live_task() const {
  const auto live = std::find_if(tasks.begin(), tasks.end(), [](const auto& task) { return !task->over; });
  return live == tasks.end() ? main_task() : **live;
}

Cycles Process::cpu_time(const Scheduler& scheduler) const {
  Cycles total = ended_cpu_time;
  for (const auto& task : tasks) {
    if (!task->over) total += scheduler.cpu_time(*task);
  }
  return total;
}

void Usage::add(const Usage& other) {
  instructions += other.instructions;
  user_cycles += other.user_cycles;
  system_cycles += other.system_cycles;
  minor_faults += other.minor_faults;
  major_faults += other.major_faults;
  voluntary_switches += other.voluntary_switches;
  involuntary_switches += other.involuntary_switches;
  peak_resident_pages = std::max(peak_resident_pages, other.peak_resident_pages);
}

Process::Process(Executor& executor, int32_t pid)
    : group(pid),
      session(ProcessTable::kInitPid),
      child_events(executor),
      resumed(executor),
      task_ended(executor),
      pid_(pid) {
  tasks.push_back(std::make_unique<Task>(executor, *this, pid));
}

Process::~Process() = default;

bool Task::signal_pending() const {
  const SignalSet waiting = pending.set() | process_.pending.set();
  return !(waiting & ~blocked).empty();
}

bool Task::must_end() const {
  const bool replaced = process_.exec_task && process_.exec_task != this;
  return process_.ending || exit_code || replaced;
}

void Task::become_leader() { tid_ = process_.pid(); }

bool Task::hears_signal() const {
  const SignalSet waiting = pending.set() | process_.pending.set();
  return !(waiting & (~blocked | awaited | SignalSet::of(kSigKill))).empty();
}

bool Task::dying() const {
  if (must_end()) return true;
  return pending.has(kSigKill) || process_.pending.has(kSigKill);
}

Co<Wake> sleep_interruptibly(Task& task, WaitQueue& queue, Cycles until) {
  task.process().timer_pace.release_all();
  if (task.hears_signal() || task.dying()) co_return Wake::interrupted;
  ++task.process().usage.voluntary_switches;
  ++task.usage.voluntary_switches;
  const Wake wake = co_await queue.sleep_interruptibly(until);
  co_return wake;
}

}  // namespace faultline::os
