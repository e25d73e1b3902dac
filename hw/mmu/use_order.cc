#include "hw/mmu/use_order.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <span>
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

// The latest uses of a tree's groups of cells.
constexpr uint32_t kGroup = 8;
template <uint32_t kGroups>
std::array<uint64_t, kGroups> latest_of_groups(const uint64_t* cells) {
  std::array<uint64_t, kGroups> groups;
  for (uint32_t group = 0; group < kGroups; ++group) groups[group] = latest<kGroup>(cells + group * kGroup);
  return groups;
}

// Where the latest use is.
template <uint32_t kWays>
uint32_t latest_way(const uint64_t* cells) {
  return static_cast<uint32_t>(std::max_element(cells, cells + kWays) - cells);
}

// The same for many, of which one half is enough nearly always: where no use in
// it is later than one that is known of the other.
template <uint32_t kWays>
uint32_t pointed_to_in_halves(const uint64_t* cells, LatestOfHalves& known) {
  constexpr uint32_t kHalf = kWays / 2;
  constexpr uint32_t kGroups = kHalf / kGroup;
  uint32_t& left = known.left;
  uint32_t& right = known.right;
  uint32_t older = cells[left] > cells[kHalf + right] ? 1 : 0;
  auto groups = latest_of_groups<kGroups>(cells + older * kHalf);
  if (latest<kGroups>(groups.data()) > std::max(cells[left], cells[kHalf + right])) [[unlikely]] {
    left = latest_way<kHalf>(cells);
    right = latest_way<kHalf>(cells + kHalf);
    older = cells[left] > cells[kHalf + right] ? 1 : 0;
    groups = latest_of_groups<kGroups>(cells + older * kHalf);
  }
  const uint32_t first = pointed_to<kGroups>(groups.data()) * kGroup;
  const uint32_t way = first + pointed_to<kGroup>(cells + older * kHalf + first);
  (older == 0 ? left : right) = way;
  return older * kHalf + way;
}

// Merges `left` with what stands at the end of `out`, which has room for both.
// Which of the two comes next is chance, so no branch may depend on it.
void merge_before(std::span<const uint32_t> left, std::span<uint32_t> out, const uint64_t* moments) {
  const uint32_t* const end = out.data() + out.size();
  const uint32_t* a = left.data();
  const uint32_t* const a_end = a + left.size();
  const uint32_t* b = end - (out.size() - left.size());
  uint32_t* to = out.data();
  while (a != a_end && b != end) {
    const bool second = moments[*b] < moments[*a];
    *to++ = *(second ? b : a);
    b += second;
    a += !second;
  }
  std::copy(a, a_end, to);
}

// Merge sort: of many that are in no order, a quicker one would be mispredicted at every other step.
void sort_by(const uint64_t* moments, std::span<uint32_t> ways, std::span<uint32_t> scratch) {
  for (size_t run = 1; run < ways.size(); run *= 2) {
    for (size_t first = 0; first + run < ways.size(); first += 2 * run) {
      const std::span<uint32_t> both = ways.subspan(first, std::min(2 * run, ways.size() - first));
      std::copy_n(both.begin(), run, scratch.begin());
      merge_before(scratch.first(run), both, moments);
    }
  }
}

}  // namespace

// ---- OldestCell --------------------------------------------------------------

// Of no way is anything known at first: all are to be looked at.
OldestCell::OldestCell(uint32_t ways) : order_(ways), used_(ways), scratch_(ways), known_(ways) {
  std::iota(order_.begin(), order_.end(), uint32_t{0});
}

// Fills are in order but for those used since.
void OldestCell::sort_again(const uint64_t* cells) {
  size_t kept = order_.size();
  for (size_t n = filled_count_; n-- > 0;) {
    const uint32_t way = order_[n];
    const bool same = cells[way] == known_[way];
    order_[kept - 1] = way;
    kept -= same;
    used_[used_count_] = way;
    used_count_ += !same;
  }
  const std::span<uint32_t> used(used_.data(), used_count_);
  for (const uint32_t way : used) known_[way] = cells[way];
  sort_by(known_.data(), used, scratch_);
  merge_before(used, order_, known_.data());
  next_ = 0;
  filled_count_ = 0;
  used_count_ = 0;
}

// ---- UseOrder ----------------------------------------------------------------

UseOrder::UseOrder(Replacement policy, uint32_t sets, uint32_t ways, uint64_t seed)
    : policy_(policy),
      ways_(ways),
      hits_matter_(policy == Replacement::lru || policy == Replacement::plru),
      wide_(is_wide(sets, ways) && (policy == Replacement::lru || policy == Replacement::fifo)),
      cells_(size_t{sets} * ways + 1),
      random_(Replacement::random, sets, ways, seed) {
  if (policy == Replacement::plru && ((ways & (ways - 1)) != 0 || ways > kMostTreeWays)) {
    throw std::invalid_argument("tree-PLRU needs a power of two of at most 64 ways");
  }
  if (policy == Replacement::plru) halves_.resize(sets);
  if (wide_) orders_.assign(sets, OldestCell(ways));
}

uint32_t UseOrder::victim_of_many(uint32_t set) {
  const uint64_t* const cells = &cells_[size_t{set} * ways_];
  if (wide_) return orders_[set].take(cells);
  if (policy_ == Replacement::random) return random_.victim(set);
  if (policy_ == Replacement::plru) return by_tree(set, cells);
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

uint32_t UseOrder::by_tree(uint32_t set, const uint64_t* cells) {
  switch (ways_) {
    case 4:
      return pointed_to<4>(cells);
    case 8:
      return pointed_to<8>(cells);
    case 16:
      return pointed_to_in_halves<16>(cells, halves_[set]);
    case 32:
      return pointed_to_in_halves<32>(cells, halves_[set]);
    case 64:
      return pointed_to_in_halves<64>(cells, halves_[set]);
    default:
      return ways_ == 2 ? pointed_to<2>(cells) : 0;
  }
}

}  // namespace faultline::hw
