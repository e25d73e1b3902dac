// ITIMER_VIRTUAL and ITIMER_PROF of setitimer(2): signals after so much time in
// user mode, or of the processor altogether.
#pragma once

#include <cstdint>

#include "hw/base/types.h"
#include "os/process/interval_timer.h"

namespace faultline::os {

class Kernel;
class Process;
class Task;

struct CpuTimer {
  Cycles due{};           // on the process's own clock; 0: off
  uint64_t interval = 0;  // nanoseconds, 0: once
  bool on() const { return due.value != 0; }
};

enum class CpuClock : uint8_t { user, all };

IntervalTimer get_cpu_timer(Kernel& kernel, Process& process, CpuClock clock);
void set_cpu_timer(Kernel& kernel, Process& process, CpuClock clock, const IntervalTimer& timer);

// How long the task, which runs, may stay in user mode before one is due.
Cycles until_cpu_timer(Kernel& kernel, Task& task, Cycles until);
// Sends the signals of those that are due.
void expire_cpu_timers(Kernel& kernel, Task& task);

}  // namespace faultline::os
