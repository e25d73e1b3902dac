// A process's own time: what its clocks show, and what is to happen at a moment
// of them. See clock_getcpuclockid(3), time(7).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "hw/base/types.h"
#include "os/process/timer_queue.h"

namespace faultline::os {

class Kernel;
class Process;
class Task;

// Time in user mode, or of the processor altogether.
enum class CpuClock : uint8_t { user, all };

// Events at moments of a process's own clocks. Others may hold on to it; once
// the process has ended nothing happens there any more.
struct CpuEvents {
  TimerQueue user;
  TimerQueue all;
  TimerQueue& of(CpuClock clock) { return clock == CpuClock::user ? user : all; }
};

// What a clockid_t names that is of a process's own time.
struct CpuClockName {
  int32_t pid = 0;  // 0: the caller
  CpuClock clock = CpuClock::all;
  bool of_task = false;  // CLOCK_THREAD_CPUTIME_ID and its like
  bool exact = true;     // false: as getrusage(2) counts, in ticks
};
std::optional<CpuClockName> cpu_clock_name(int32_t clockid);
// The process whose clock that is for `asker`, or whose task's. Null: nobody's,
// or another process's task's, which EINVAL stands for.
Process* clock_owner(Kernel& kernel, Process& asker, const CpuClockName& name);

// The task of the asker's process whose clock that is; null for a whole process's.
const Task* clock_task(Kernel& kernel, const Task& asker, const CpuClockName& name);

Cycles read_cpu_clock(Kernel& kernel, const Process& process, CpuClock clock);
// In nanoseconds.
uint64_t read_cpu_clock_time(Kernel& kernel, const Process& process, CpuClock clock);
uint64_t read_task_clock_time(Kernel& kernel, const Task& task, CpuClock clock);

// How long the task, which runs, may stay in user mode before something of its
// process's own time is due.
Cycles until_cpu_event(Kernel& kernel, const Task& task, Cycles until);
void run_cpu_events(Kernel& kernel, Task& task);

}  // namespace faultline::os
