#include "hw/mmu/use_order.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <stdexcept>

namespace faultline::hw {
namespace {

constexpr uint32_t kMostTreeWays = 64;

template <uint32_t kWays>
uint64_t latest(const uint64_t* cells) {
  if constexpr (kWays == 1) {
    return cells[0];
  } else {
    return std::max(latest<kWays / 2>(cells), latest<kWays / 2>(cells + kWays / 2));
  }
}

// From the root of a tree over `cells` down to the leaf that it points to.
template <uint32_t kWays>
uint32_t pointed_to(const uint64_t* cells) {
  if constexpr (kWays == 1) {
    return 0;
  } else {
    constexpr uint32_t kHalf = kWays / 2;
    const uint32_t right = kHalf * uint32_t{latest<kHalf>(cells) > latest<kHalf>(cells + kHalf)};
    return right + pointed_to<kHalf>(cells + right);
  }
}

// The same for many: a tree of groups, by the latest use of each, and the tree in one.
template <uint32_t kGroups>
uint32_t pointed_to_in_groups(const uint64_t* cells) {
  constexpr uint32_t kGroup = 8;
  std::array<uint64_t, kGroups> groups;
  for (uint32_t group = 0; group < kGroups; ++group) groups[group] = latest<kGroup>(cells + group * kGroup);
  const uint32_t first = pointed_to<kGroups>(groups.data()) * kGroup;
  return first + pointed_to<kGroup>(cells + first);
}

}  // namespace

// ---- OldestCell --------------------------------------------------------------

// Fills are in order but for those used since. A way may be told of twice, where
// a flush emptied it: what its cell holds counts once.
void OldestCell::sort_again(const uint64_t* cells) {
  const auto earlier = [](const Seen& a, const Seen& b) { return a.moment < b.moment; };
  order_.clear();
  next_ = 0;
  for (const Seen& fill : fills_) {
    if (cells[fill.way] != fill.moment) {
      used_.push_back(fill.way);
    } else {
      order_.push_back(fill);
      known_[fill.way] = fill.moment;
    }
  }
  fills_.clear();
  const auto sorted = static_cast<std::ptrdiff_t>(order_.size());
  for (const uint32_t way : used_) {
    if (known_[way] == cells[way]) continue;
    known_[way] = cells[way];
    order_.push_back({cells[way], way});
  }
  used_.clear();
  std::sort(order_.begin() + sorted, order_.end(), earlier);
  std::inplace_merge(order_.begin(), order_.begin() + sorted, order_.end(), earlier);
}

// All are to be looked at again.
void OldestCell::forget_order() {
  order_.clear();
  fills_.clear();
  used_.resize(known_.size());
  std::iota(used_.begin(), used_.end(), uint32_t{0});
  std::fill(known_.begin(), known_.end(), 0);
}

// ---- UseOrder ----------------------------------------------------------------

UseOrder::UseOrder(Replacement policy, uint32_t sets, uint32_t ways, uint64_t seed)
    : policy_(policy),
      ways_(ways),
      hits_matter_(policy == Replacement::lru || policy == Replacement::plru),
      wide_(ways > kFewWays && (policy == Replacement::lru || policy == Replacement::fifo)),
      cells_(size_t{sets} * ways + 1),
      random_(Replacement::random, sets, ways, seed) {
  if (policy == Replacement::plru && ((ways & (ways - 1)) != 0 || ways > kMostTreeWays)) {
    throw std::invalid_argument("tree-PLRU needs a power of two of at most 64 ways");
  }
  if (wide_) orders_.assign(sets, OldestCell(ways));
}

void UseOrder::fill_wide(uint32_t set, uint32_t slot) {
  const uint32_t first = set * ways_;
  orders_[set].filled(slot - first, &cells_[first]);
}

uint32_t UseOrder::victim_of_many(uint32_t set) {
  const uint64_t* const cells = &cells_[size_t{set} * ways_];
  if (wide_) return orders_[set].take(cells);
  if (policy_ == Replacement::random) return random_.victim(set);
  if (policy_ == Replacement::plru) return by_tree(cells);
  return oldest(cells);
}

uint32_t UseOrder::oldest(const uint64_t* cells) const {
  uint32_t oldest = 0;
  uint64_t moment = cells[0];
  for (uint32_t way = 1; way < ways_; ++way) {
    oldest = cells[way] < moment ? way : oldest;
    moment = std::min(cells[way], moment);
  }
  return oldest;
}

uint32_t UseOrder::by_tree(const uint64_t* cells) const {
  switch (ways_) {
    case 4:
      return pointed_to<4>(cells);
    case 8:
      return pointed_to<8>(cells);
    case 16:
      return pointed_to_in_groups<2>(cells);
    case 32:
      return pointed_to_in_groups<4>(cells);
    case 64:
      return pointed_to_in_groups<8>(cells);
    default:
      return ways_ == 2 ? pointed_to<2>(cells) : 0;
  }
}

}  // namespace faultline::hw
