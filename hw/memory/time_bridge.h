// From a hart's integer cycles to the memory side's femtoseconds and back.
#pragma once

#include <systemc>

#include "hw/base/clock.h"
#include "hw/base/types.h"

namespace faultline::hw {

class TimeBridge {
 public:
  explicit TimeBridge(const Clock& clock) : clock_(clock) {}

  uint64_t fs(Cycles moment) const { return moment.value * clock_.period_fs(); }

  // When an access that began at `now` is done if it took `taken_fs`. Rounded
  // up to whole cycles.
  Cycles done(Cycles now, uint64_t taken_fs) {
    if (taken_fs != last_taken_fs_) {  // a division, mostly saved
      last_taken_fs_ = taken_fs;
      last_cycles_ = clock_.cycles(sc_core::sc_time::from_value(taken_fs));
    }
    return now + last_cycles_;
  }

 private:
  const Clock& clock_;
  uint64_t last_taken_fs_ = 0;
  Cycles last_cycles_{};
};

}  // namespace faultline::hw
