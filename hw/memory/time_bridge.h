// From a hart's integer cycles to the memory side's femtoseconds and back.
#pragma once

#include <cstdint>

#include "hw/base/clock.h"
#include "hw/base/divider.h"
#include "hw/base/types.h"

namespace faultline::hw {

class TimeBridge {
 public:
  explicit TimeBridge(const Clock& clock) : period_fs_(clock.period_fs()) {}

  uint64_t fs(Cycles moment) const { return moment.value * period_fs_.by(); }

  // When an access that began at `now` is done if it took `taken_fs`. Rounded
  // up to whole cycles, as Clock::cycles().
  Cycles done(Cycles now, uint64_t taken_fs) const {
    return now + Cycles(period_fs_.quotient(taken_fs + period_fs_.by() - 1));
  }

 private:
  Divider period_fs_;
};

}  // namespace faultline::hw
