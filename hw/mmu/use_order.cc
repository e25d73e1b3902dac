#include "hw/mmu/use_order.h"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace faultline::hw {
namespace {

constexpr uint32_t kMostTreeWays = 64;
// Records for each way, old ones among them, before the order is made anew.
constexpr size_t kMostSeen = 4;

}  // namespace

// ---- OldestCell --------------------------------------------------------------

void OldestCell::filled(uint32_t way, uint64_t moment, const uint64_t* cells) {
  if (fills_.size() >= kMostSeen * known_.size()) {
    if (first_ >= known_.size()) {
      fills_.erase(fills_.begin(), fills_.begin() + static_cast<std::ptrdiff_t>(first_));
      first_ = 0;
    } else {
      sort_again(cells);
    }
  }
  fills_.push_back({moment, way});
  known_[way] = moment;
}

// Flushes empty ways without taking them, and leave old records behind.
void OldestCell::sort_again(const uint64_t* cells) {
  fills_.clear();
  found_.clear();
  first_ = 0;
  for (uint32_t way = 0; way < known_.size(); ++way) {
    known_[way] = cells[way];
    if (cells[way] != 0) fills_.push_back({cells[way], way});
  }
  std::sort(fills_.begin(), fills_.end(), [](const Seen& a, const Seen& b) { return later(b, a); });
}

OldestCell::Seen OldestCell::earliest() {
  if (found_.empty() || (first_ < fills_.size() && later(found_.front(), fills_[first_]))) return fills_[first_++];
  std::pop_heap(found_.begin(), found_.end(), later);
  const Seen seen = found_.back();
  found_.pop_back();
  return seen;
}

// A cell only grows, so what was seen of it is not later than what it holds:
// the first that still holds what was seen is the lowest of all.
uint32_t OldestCell::take(const uint64_t* cells) {
  for (;;) {
    const Seen seen = earliest();
    const uint64_t held = cells[seen.way];
    if (held == seen.moment) return seen.way;
    if (held == known_[seen.way]) continue;  // a later record knows it
    known_[seen.way] = held;
    found_.push_back({held, seen.way});
    std::push_heap(found_.begin(), found_.end(), later);
  }
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

void UseOrder::fill_wide(uint32_t set, uint32_t slot, uint64_t moment) {
  const uint32_t first = set * ways_;
  orders_[set].filled(slot - first, moment, &cells_[first]);
}

uint32_t UseOrder::victim_of_many(uint32_t set) {
  const uint64_t* const cells = &cells_[size_t{set} * ways_];
  if (policy_ == Replacement::random) return random_.victim(set);
  if (policy_ == Replacement::plru) return by_tree(cells);
  return wide_ ? orders_[set].take(cells) : oldest(cells);
}

uint32_t UseOrder::oldest(const uint64_t* cells) const {
  uint32_t oldest = 0;
  for (uint32_t way = 1; way < ways_; ++way) {
    if (cells[way] < cells[oldest]) oldest = way;
  }
  return oldest;
}

// From the leaves up: the latest use below each node; then from the root down.
uint32_t UseOrder::by_tree(const uint64_t* cells) const {
  std::array<uint64_t, 2 * size_t{kMostTreeWays}> latest;
  std::copy_n(cells, ways_, &latest[ways_]);
  for (uint32_t node = ways_ - 1; node > 1; --node) latest[node] = std::max(latest[2 * node], latest[2 * node + 1]);
  uint32_t node = 1;
  while (node < ways_) node = 2 * node + (latest[2 * node] > latest[2 * node + 1] ? 1 : 0);
  return node - ways_;
}

}  // namespace faultline::hw
