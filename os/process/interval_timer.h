// ITIMER_REAL of setitimer(2): SIGALRM at a moment, and again at intervals.
#pragma once

#include <cstdint>

#include "os/process/process.h"

namespace faultline::os {

class Kernel;

// In nanoseconds.
struct IntervalTimer {
  uint64_t interval = 0;   // 0: once
  uint64_t remaining = 0;  // 0: off
};

IntervalTimer get_alarm(const Kernel& kernel, const Process& process);
void set_alarm(Kernel& kernel, Process& process, const IntervalTimer& timer);

}  // namespace faultline::os
