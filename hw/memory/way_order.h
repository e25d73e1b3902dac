// Which way of a cache's set goes next, where the order of most sets fits into
// one word that lies beside the set's lines. A touch of a way is then a turn:
// word & keep | set, with two constants for each way, so that host code can
// write it out.
//   tree-PLRU: the tree, as turn_of_tree() has it.
//   LRU and FIFO of up to eight ways: bit 8a + b says that way a was renewed
//     after way b (the matrix method: Tanenbaum, Modern Operating Systems,
//     "The LRU page replacement algorithm"). The row of the oldest is zero.
//   FIFO renews at a fill alone; random keeps nothing, and draws.
// Wider sets of LRU and FIFO are left to ReplacementState.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "hw/config/machine_config.h"
#include "hw/memory/replacement_state.h"

namespace faultline::hw {

namespace plru {

// The node that so many levels of a tree lead to from `node`.
constexpr uint32_t descend(uint64_t tree, uint32_t node, unsigned levels) {
  for (; levels > 0; --levels) node = 2 * node + (tree >> node & 1);
  return node;
}

// Where the first three levels lead from the root, by their nodes 1 to 7.
inline constexpr unsigned kTopLevels = 3;
inline constexpr auto kTops = [] {
  std::array<uint8_t, 128> nodes{};
  for (uint64_t top = 0; top < nodes.size(); ++top) nodes[top] = static_cast<uint8_t>(descend(top << 1, 1, kTopLevels));
  return nodes;
}();

}  // namespace plru

class WayOrder {
 public:
  using Turn = OrderTurn;

  // Throws as ReplacementState does.
  WayOrder(Replacement policy, uint32_t sets, uint32_t ways, uint64_t seed);

  // What the word of every set begins with.
  uint64_t start() const { return start_; }

  // touch() is the way's turn of the word, and nothing else.
  bool touches_by_turns() const { return by_turns_; }
  // By way; where touches_by_turns().
  const std::vector<Turn>& touches() const { return touches_; }

  // A hit on `way` of `set`, whose word this is.
  void touch(uint64_t& word, uint32_t set, uint32_t way) {
    if (by_turns_) {
      touches_[way].apply(word);
    } else {
      wide_.touch(set, way);
    }
  }
  // `way` was filled.
  void fill(uint64_t& word, uint32_t set, uint32_t way) {
    if (in_word_) [[likely]] {
      fills_[way].apply(word);
    } else {
      fill_wide(set, way);
    }
  }
  // Fills the way that victim() names, and answers it.
  [[gnu::always_inline]] uint32_t replace(uint64_t& word, uint32_t set) {
    if (is_tree_) [[likely]] {
      const uint32_t way = victim_of_tree(word);
      fills_[way].apply(word);
      return way;
    }
    const uint32_t way = victim(word, set);
    fill(word, set, way);
    return way;
  }
  // The way to evict from a full set, each of whose ways was filled. Random
  // draws a number: ask once a fill.
  uint32_t victim(uint64_t word, uint32_t set) {
    if (is_tree_) [[likely]]
      return victim_of_tree(word);
    if (!in_word_) [[unlikely]]
      return wide_.victim(set);
    // The lowest of these bits marks the lowest byte that is zero.
    return static_cast<uint32_t>(std::countr_zero((word - kLowBits) & ~word & kLowBits << 7)) / 8;
  }

 private:
  static constexpr uint32_t kMatrixWays = 8;
  static constexpr uint64_t kLowBits = 0x0101010101010101;

  static bool fits(Replacement policy, uint32_t ways) {
    return policy == Replacement::plru || (policy != Replacement::random && ways <= kMatrixWays);
  }
  uint32_t victim_of_tree(uint64_t tree) const {
    using namespace plru;
    if (tree_levels_ < kTopLevels) [[unlikely]]
      return descend(tree, 1, tree_levels_) - ways_;
    return descend(tree, kTops[tree >> 1 & (kTops.size() - 1)], tree_levels_ - kTopLevels) - ways_;
  }
  Turn turn_of_matrix(uint32_t way) const;
  void fill_wide(uint32_t set, uint32_t way);

  bool is_tree_;
  bool in_word_;   // the order is
  bool by_turns_;  // touches are
  uint32_t ways_;
  unsigned tree_levels_;
  uint64_t start_ = 0;
  std::vector<Turn> touches_;  // by way
  std::vector<Turn> fills_;
  ReplacementState wide_;  // what does not fit
};

}  // namespace faultline::hw
