// Which way of a set goes next: the replacement state that TLBs and caches
// share. A slot is set x ways + way. LRU and FIFO keep a stamp for each slot, or
// in wide sets a list from the newest to the oldest; tree-PLRU a word for each
// set; random a generator of its own.
#pragma once

#include <cstdint>
#include <vector>

#include "hw/config/machine_config.h"

namespace faultline::hw {

class ReplacementState {
 public:
  // Throws std::invalid_argument for PLRU with ways that are no power of two
  // or more than 64.
  ReplacementState(Replacement policy, uint32_t sets, uint32_t ways, uint64_t seed);

  // A hit on `slot` of `set`. Touching the slot touched last in its set changes
  // no decision that is still to come, under any policy.
  void touch(uint32_t set, uint32_t slot) {
    if (policy_ == Replacement::lru) {
      renew(set, slot);
    } else if (policy_ == Replacement::plru) {
      point_away(set, slot);
    }
  }

  // `slot` was filled.
  void fill(uint32_t set, uint32_t slot) {
    if (policy_ == Replacement::plru) {
      point_away(set, slot);
    } else if (policy_ != Replacement::random) {
      renew(set, slot);
    }
  }

  // The slot to evict from a full set. Random draws a number: ask once a fill.
  uint32_t victim(uint32_t set);

 private:
  // From so many ways on, looking for the lowest stamp costs more than a list.
  static constexpr uint32_t kListWays = 17;
  static constexpr uint32_t kNone = ~uint32_t{0};

  struct Neighbours {
    uint32_t newer = kNone;
    uint32_t older = kNone;
  };
  struct Ends {
    uint32_t newest = kNone;
    uint32_t oldest = kNone;
  };

  void renew(uint32_t set, uint32_t slot) {
    if (stamps_.empty()) {
      move_to_front(set, slot);
    } else {
      stamps_[slot] = ++clock_;
    }
  }
  void move_to_front(uint32_t set, uint32_t slot);
  void point_away(uint32_t set, uint32_t slot);
  uint32_t oldest(uint32_t set) const;

  Replacement policy_;
  uint32_t ways_;
  uint64_t clock_ = 0;
  std::vector<uint64_t> stamps_;  // by slot: last touch (lru) or fill (fifo)
  std::vector<Neighbours> list_;  // by slot, in place of stamps
  std::vector<Ends> ends_;        // by set
  std::vector<uint64_t> trees_;   // plru: bit n is node n of the set's tree, the root is 1
  uint64_t random_;
};

}  // namespace faultline::hw
