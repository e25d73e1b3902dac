// From a hart's integer cycles to a TLM delay and back.
#pragma once

#include <systemc>

#include "hw/base/clock.h"
#include "hw/base/types.h"

namespace faultline::hw {

class TimeBridge {
 public:
  explicit TimeBridge(const Clock& clock) : clock_(clock) {}

  // The delay of the moment `now` against SystemC's own time. A moment in
  // SystemC's past is a fault of the caller, reported as an sc_report error.
  sc_core::sc_time delay(Cycles now) const {
    const uint64_t at = now.value * clock_.period_fs();
    const uint64_t kernel = sc_core::sc_time_stamp().value();
    if (at < kernel) report_past();
    return sc_core::sc_time::from_value(at - kernel);
  }

  // When an access that began at `now`, with delay `before`, is done if its
  // delay has grown to `after`. Rounded up to whole cycles.
  Cycles done(Cycles now, const sc_core::sc_time& before, const sc_core::sc_time& after) {
    const uint64_t taken = after.value() - before.value();
    if (taken != last_taken_) {  // a division, mostly saved
      if (after < before) report_backwards();
      last_taken_ = taken;
      last_cycles_ = clock_.cycles(sc_core::sc_time::from_value(taken));
    }
    return now + last_cycles_;
  }

 private:
  [[noreturn]] static void report_past();
  [[noreturn]] static void report_backwards();

  const Clock& clock_;
  uint64_t last_taken_ = 0;
  Cycles last_cycles_{};
};

}  // namespace faultline::hw
