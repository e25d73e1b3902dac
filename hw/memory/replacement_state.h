// Which way of a set goes next: the replacement state that TLBs and caches
// share. LRU and FIFO by a stamp for each way, tree-PLRU by a word for each
// set, random by a generator of its own.
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

  // A hit on `way`. Touching the way touched last in its set changes no
  // decision that is still to come, under any policy.
  void touch(uint32_t set, uint32_t way) {
    if (policy_ == Replacement::lru) {
      stamps_[size_t{set} * ways_ + way] = ++clock_;
    } else if (policy_ == Replacement::plru) {
      point_away(set, way);
    }
  }

  // `way` was filled.
  void fill(uint32_t set, uint32_t way) {
    if (policy_ == Replacement::fifo) stamps_[size_t{set} * ways_ + way] = ++clock_;
    touch(set, way);
  }

  // The way to evict from a full set. Random draws a number: ask once a fill.
  uint32_t victim(uint32_t set);

 private:
  void point_away(uint32_t set, uint32_t way);
  uint32_t oldest(uint32_t set) const;

  Replacement policy_;
  uint32_t ways_;
  uint64_t clock_ = 0;
  std::vector<uint64_t> stamps_;  // lru: last touch; fifo: fill
  std::vector<uint64_t> trees_;   // plru: bit n is node n of the set's tree, the root is 1
  uint64_t random_;
};

}  // namespace faultline::hw
