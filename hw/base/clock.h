// Cycles to simulated time and back. Inside a hart time is integer cycles;
// sc_time appears only at module borders.
#pragma once

#include <cstdint>
#include <systemc>

#include "hw/base/types.h"

namespace faultline::hw {

// The SystemC time resolution that faultline sets before elaboration: 1 fs, so
// that a clock of any whole number of MHz up to 10 GHz has a period that is off
// by less than one part in 10^5, and 2^64 fs are five simulated hours.
// SystemC takes it once a process; further calls do nothing.
inline void set_time_resolution() {
  static const bool done = (sc_core::sc_set_time_resolution(1, sc_core::SC_FS), true);
  static_cast<void>(done);
}

class Clock {
 public:
  explicit Clock(uint64_t mhz) : mhz_(mhz), period_fs_(1'000'000'000 / mhz) {}

  uint64_t mhz() const { return mhz_; }
  uint64_t period_fs() const { return period_fs_; }
  sc_core::sc_time time(Cycles cycles) const { return sc_core::sc_time::from_value(cycles.value * period_fs_); }
  // Rounded up: an event inside a cycle is seen at the cycle's end.
  Cycles cycles(const sc_core::sc_time& time) const { return Cycles((time.value() + period_fs_ - 1) / period_fs_); }
  // By the clock's rate, not by the period, which is no whole femtosecond at every rate.
  double seconds(Cycles cycles) const { return static_cast<double>(cycles.value) / (static_cast<double>(mhz_) * 1e6); }

 private:
  uint64_t mhz_;
  uint64_t period_fs_;
};

}  // namespace faultline::hw
