// Which way of a set goes next: the replacement state that TLBs and caches
// share. One word for each set: under tree-PLRU the tree, under LRU and FIFO
// the ways in order of age, four bits each; wide sets keep a list from the
// newest to the oldest; random a generator of its own.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "hw/config/machine_config.h"

namespace faultline::hw {

// What a touch of one way does to the word that orders its set.
struct OrderTurn {
  uint64_t keep = ~uint64_t{0};
  uint64_t set = 0;
  void apply(uint64_t& word) const { word = (word & keep) | set; }
};

// Of a tree: bit n is node n; the root is 1. A node's bit says where the victim
// is: 0 below the left child, 1 below the right. A touch turns every node on
// the way from the root away. `ways` is a power of two of at most 64.
OrderTurn turn_of_tree(uint32_t ways, uint32_t way);

class ReplacementState {
 public:
  // Throws std::invalid_argument for PLRU with ways that are no power of two
  // or more than 64.
  ReplacementState(Replacement policy, uint32_t sets, uint32_t ways, uint64_t seed);

  // A hit on `way` of `set`. Touching the way touched last in its set changes
  // no decision that is still to come, under any policy.
  void touch(uint32_t set, uint32_t way) {
    if (policy_ == Replacement::plru) {
      point_away(set, way);
    } else if (policy_ == Replacement::lru) {
      renew(set, way);
    }
  }

  // `way` was filled.
  void fill(uint32_t set, uint32_t way) {
    if (policy_ == Replacement::plru) {
      point_away(set, way);
    } else if (policy_ != Replacement::random) {
      renew(set, way);
    }
  }

  // The way to evict from a full set, each of whose ways was filled. Random
  // draws a number: ask once a fill.
  uint32_t victim(uint32_t set);

 private:
  // Ways fit into four bits up to here.
  static constexpr uint32_t kPackedWays = 16;
  static constexpr uint32_t kNone = ~uint32_t{0};

  struct Neighbours {
    uint32_t newer = kNone;
    uint32_t older = kNone;
  };
  struct Ends {
    uint32_t newest = kNone;
    uint32_t oldest = kNone;
  };

  void point_away(uint32_t set, uint32_t way) { turns_[way].apply(words_[set]); }
  void renew(uint32_t set, uint32_t way) {
    if (ways_ > kPackedWays) return move_to_front(set, way);
    words_[set] = renewed(words_[set], way);
  }
  // Moves `way` to the low end, where the newest stands, and what was newer one up.
  static uint64_t renewed(uint64_t order, uint64_t way) {
    constexpr uint64_t kOnes = 0x1111111111111111;
    const uint64_t differs = order ^ way * kOnes;
    // The lowest of these bits marks the lowest digit that is zero.
    const auto at = static_cast<unsigned>(std::countr_zero((differs - kOnes) & ~differs & kOnes << 3)) & ~3u;
    const uint64_t newer = (uint64_t{1} << at) - 1;
    const uint64_t older = ~newer << 4;
    return (order & older) | (order & newer) << 4 | way;
  }
  void move_to_front(uint32_t set, uint32_t way);

  Replacement policy_;
  uint32_t ways_;
  std::vector<uint64_t> words_;   // by set: order of age (lru, fifo), or tree (plru)
  std::vector<OrderTurn> turns_;  // plru, by way
  std::vector<Neighbours> list_;  // by set x ways + way, in place of words: slots
  std::vector<Ends> ends_;        // by set
  uint64_t random_;
};

}  // namespace faultline::hw
