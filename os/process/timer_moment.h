// Arithmetic of timers: moments of clocks in nanoseconds, and when they come.
#pragma once

#include <cstdint>

#include "os/process/cpu_clock.h"
#include "os/process/timekeeping.h"

namespace faultline::os {

// `time` + `more`, or the end of time.
inline uint64_t later(uint64_t time, uint64_t more) { return more > ~uint64_t{0} - time ? ~uint64_t{0} : time + more; }

// Moves `due` on by whole intervals, not 0, to the first moment after `now`.
// How many those were: 0 when it lies there already.
inline uint64_t forward(uint64_t& due, uint64_t interval, uint64_t now) {
  if (due > now) return 0;
  const uint64_t whole = (now - due) / interval;
  due = later(due + whole * interval, interval);
  return whole + 1;
}

// When the clock that shows `shown` now will show `due`.
inline Cycles moment_of(const Timekeeping& clock, uint64_t due, uint64_t shown) {
  return clock.after(due > shown ? due - shown : 0);
}
inline Cycles moment_of(const Timekeeping& clock, uint64_t due) { return moment_of(clock, due, clock.monotonic()); }

// The moment `due` on a process's own clock. With `again`, after an expiry, a
// tick from now at the earliest: Linux looks at these timers once a tick.
Cycles cpu_moment(Kernel& kernel, const Process& process, CpuClock clock, uint64_t due, bool again);

}  // namespace faultline::os
