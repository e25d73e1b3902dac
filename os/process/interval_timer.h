// ITIMER_REAL of setitimer(2): SIGALRM at a moment, and again at intervals.
#pragma once

#include <cstdint>

namespace faultline::os {

class Kernel;
class Process;

// The shortest interval, so that a program cannot stop simulated time by
// timers that go off faster than the kernel can tell of them.
inline constexpr uint64_t kLeastInterval = 10'000;  // nanoseconds

// In nanoseconds.
struct IntervalTimer {
  uint64_t interval = 0;   // 0: once
  uint64_t remaining = 0;  // 0: off
};

IntervalTimer get_alarm(const Kernel& kernel, const Process& process);
void set_alarm(Kernel& kernel, Process& process, const IntervalTimer& timer);

}  // namespace faultline::os
