// The timers of setitimer(2): SIGALRM at a moment of the clock, SIGVTALRM and
// SIGPROF at one of the process's own time, and again at intervals.
#pragma once

#include <array>
#include <cstdint>

#include "os/process/timer_queue.h"

namespace faultline::os {

class Kernel;
class Process;

enum class IntervalClock : uint8_t { real, user, all };
inline constexpr size_t kIntervalClocks = 3;

// In nanoseconds.
struct TimerSetting {
  uint64_t interval = 0;   // 0: once
  uint64_t remaining = 0;  // 0: off
};

struct IntervalTimer {
  TimerQueue* queue = nullptr;  // where it waits
  TimerQueue::Id armed = 0;
  uint64_t due = 0;       // nanoseconds of its clock
  uint64_t interval = 0;  // nanoseconds, 0: once
};

using IntervalTimers = std::array<IntervalTimer, kIntervalClocks>;

TimerSetting get_interval_timer(Kernel& kernel, Process& process, IntervalClock clock);
void set_interval_timer(Kernel& kernel, Process& process, IntervalClock clock, const TimerSetting& setting);
// At the process's end.
void stop_interval_timers(Process& process);

// SIGALRM has left the process's queue: the timer of real time runs again (Linux
// starts it from here, so that it is never ahead of the program).
void alarm_taken(Kernel& kernel, Process& process);

}  // namespace faultline::os
