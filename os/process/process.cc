#include "os/process/process.h"

#include <algorithm>

#include "os/files/file_table.h"
#include "os/memory/address_space.h"
#include "os/process/process_table.h"

namespace faultline::os {

void Process::collect_faults(AddressSpace& from) {
  const FaultCounts counts = from.take_fault_counts();
  usage.minor_faults += counts.minor;
  usage.major_faults += counts.major;
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
    : group(pid), session(ProcessTable::kInitPid), child_events(executor), resumed(executor), pid_(pid) {
  tasks.push_back(std::make_unique<Task>(executor, *this, pid));
}

Process::~Process() = default;

bool Task::signal_pending() const {
  const SignalSet waiting = pending.set() | process_.pending.set();
  return !(waiting & ~blocked).empty();
}

bool Task::hears_signal() const {
  const SignalSet waiting = pending.set() | process_.pending.set();
  return !(waiting & (~blocked | awaited | SignalSet::of(kSigKill))).empty();
}

bool Task::dying() const {
  if (process_.ending) return true;
  return pending.has(kSigKill) || process_.pending.has(kSigKill);
}

Co<Wake> sleep_interruptibly(Task& task, WaitQueue& queue, Cycles until) {
  task.process().timer_pace.release_all();
  if (task.hears_signal()) co_return Wake::interrupted;
  ++task.process().usage.voluntary_switches;
  const Wake wake = co_await queue.sleep_interruptibly(until);
  co_return wake;
}

}  // namespace faultline::os
