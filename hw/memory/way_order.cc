#include "hw/memory/way_order.h"

namespace faultline::hw {

WayOrder::WayOrder(Replacement policy, uint32_t sets, uint32_t ways, uint64_t seed)
    : is_tree_(policy == Replacement::plru),
      in_word_(fits(policy, ways)),
      by_turns_(in_word_ || policy != Replacement::lru),
      ways_(ways),
      tree_levels_(static_cast<unsigned>(std::bit_width(ways)) - 1),
      touches_(by_turns_ ? ways : 0),
      fills_(in_word_ ? ways : 0),
      wide_(policy, in_word_ ? 0 : sets, ways, seed) {
  if (!in_word_) return;
  for (uint32_t way = 0; way < ways; ++way) {
    fills_[way] = is_tree_ ? turn_of_tree(ways, way) : turn_of_matrix(way);
    if (policy != Replacement::fifo) touches_[way] = fills_[way];
  }
  // The rows of ways that are not there never become zero: no turn clears the
  // columns of such ways.
  if (!is_tree_ && ways < kMatrixWays) start_ = ~uint64_t{0} << 8 * ways;
}

void WayOrder::fill_wide(uint32_t set, uint32_t way) { wide_.fill(set, way); }

// The way is newer than all others, and none is newer than it.
WayOrder::Turn WayOrder::turn_of_matrix(uint32_t way) const {
  const uint64_t others = ((uint64_t{1} << ways_) - 1) & ~(uint64_t{1} << way);
  return {.keep = ~(kLowBits << way), .set = others << 8 * way};
}

}  // namespace faultline::hw
