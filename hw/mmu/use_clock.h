// The moments at which pages are used: what tells the older of two uses.
//
// A use is given a moment later than all before it. An instruction that finds
// its page in a TranslationFilter uses the cycle at which it was fetched, plus
// base(): every instruction takes at least one cycle, so each has a moment of its
// own. Look-ups that the Mmu makes itself may come several in one cycle, and an
// instruction may follow in the same: each moves base() on.
#pragma once

#include <cstdint>

#include "hw/base/types.h"

namespace faultline::hw {

class UseClock {
 public:
  // The moment of a look-up at `now`, which is not before any look-up and behind
  // the fetch of every instruction so far.
  uint64_t at(Cycles now) { return now.value + base_++; }

  const uint64_t& base() const { return base_; }

 private:
  uint64_t base_ = 1;  // 0: never used
};

}  // namespace faultline::hw
