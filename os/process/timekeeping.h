// Simulated time as Linux's clocks show it. No host clock anywhere.
#pragma once

#include <cstdint>

#include "hw/base/types.h"
#include "os/cpu.h"

namespace faultline::os {

inline constexpr uint64_t kNanosecondsPerSecond = 1'000'000'000;

class Timekeeping {
 public:
  // CLOCK_REALTIME at the first cycle: 2024-01-01 00:00:00 UTC.
  static constexpr uint64_t kEpochSeconds = 1'704'067'200;

  explicit Timekeeping(const Cpu& cpu) : cpu_(cpu) {}

  // Nanoseconds since the machine started, and since 1970.
  uint64_t monotonic() const { return nanoseconds(cpu_.now()); }
  uint64_t realtime() const { return monotonic() + kEpochSeconds * kNanosecondsPerSecond; }

  uint64_t nanoseconds(Cycles cycles) const;
  // Rounded up, so that nobody wakes early; kForever for what never comes.
  Cycles cycles(uint64_t nanoseconds) const;
  // The moment `nanoseconds` from now.
  Cycles after(uint64_t nanoseconds) const;

 private:
  const Cpu& cpu_;
};

}  // namespace faultline::os
