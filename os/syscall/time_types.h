// The structures that calls about time share, as riscv64 Linux lays them out.
#pragma once

#include <cstdint>

#include "os/process/timekeeping.h"
#include "os/result.h"

namespace faultline::os {

// clockid_t of linux/time.h, but for those of a process's own time
// (os/process/cpu_clock.h).
enum ClockId : int32_t {
  kClockRealtime = 0,
  kClockMonotonic = 1,
  kClockMonotonicRaw = 4,
  kClockRealtimeCoarse = 5,
  kClockMonotonicCoarse = 6,
  kClockBoottime = 7,
  kClockTai = 11,
};

constexpr bool is_coarse(int32_t clock) { return clock == kClockRealtimeCoarse || clock == kClockMonotonicCoarse; }
// TAI is UTC where nobody has told the kernel of leap seconds.
constexpr bool is_realtime(int32_t clock) {
  return clock == kClockRealtime || clock == kClockRealtimeCoarse || clock == kClockTai;
}
// Timers and sleeps may name it.
constexpr bool has_timers(int32_t clock) {
  return clock == kClockRealtime || clock == kClockMonotonic || clock == kClockBoottime || clock == kClockTai;
}
constexpr bool is_clock(int32_t clock) { return has_timers(clock) || is_coarse(clock) || clock == kClockMonotonicRaw; }

struct TimeSpec {
  int64_t seconds = 0;
  int64_t nanoseconds = 0;

  static TimeSpec of(uint64_t total_nanoseconds) {
    return {static_cast<int64_t>(total_nanoseconds / kNanosecondsPerSecond),
            static_cast<int64_t>(total_nanoseconds % kNanosecondsPerSecond)};
  }
  bool valid() const {
    return seconds >= 0 && nanoseconds >= 0 && nanoseconds < static_cast<int64_t>(kNanosecondsPerSecond);
  }
  // Of a valid one; what does not fit is for ever.
  uint64_t total() const {
    constexpr uint64_t kMost = ~uint64_t{0} / kNanosecondsPerSecond - 1;
    const uint64_t whole = static_cast<uint64_t>(seconds);
    if (whole > kMost) return ~uint64_t{0};
    return whole * kNanosecondsPerSecond + static_cast<uint64_t>(nanoseconds);
  }
};

struct TimeVal {
  int64_t seconds = 0;
  int64_t microseconds = 0;

  static TimeVal of(uint64_t nanoseconds) {
    return {static_cast<int64_t>(nanoseconds / kNanosecondsPerSecond),
            static_cast<int64_t>(nanoseconds % kNanosecondsPerSecond / 1000)};
  }
  // As a time in nanoseconds; fields out of range show there as well.
  bool valid() const { return seconds >= 0 && microseconds >= 0 && microseconds < 1'000'000; }
  uint64_t total() const { return TimeSpec{seconds, microseconds * 1000}.total(); }
};

}  // namespace faultline::os
