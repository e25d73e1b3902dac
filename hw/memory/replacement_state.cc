#include "hw/memory/replacement_state.h"

#include <stdexcept>

namespace faultline::hw {
namespace {

// splitmix64: small, good enough to choose a way, the same on every host.
uint64_t next_random(uint64_t& state) {
  state += 0x9E3779B97F4A7C15;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

}  // namespace

OrderTurn turn_of_tree(uint32_t ways, uint32_t way) {
  OrderTurn turn;
  uint32_t node = 1;
  for (uint32_t half = ways / 2; half > 0; half /= 2) {
    const uint32_t right = (way & half) != 0;
    turn.keep &= ~(uint64_t{1} << node);
    if (!right) turn.set |= uint64_t{1} << node;
    node = 2 * node + right;
  }
  return turn;
}

ReplacementState::ReplacementState(Replacement policy, uint32_t sets, uint32_t ways, uint64_t seed)
    : policy_(policy), ways_(ways), random_(seed) {
  if (policy == Replacement::lru || policy == Replacement::fifo) {
    if (ways <= kPackedWays) {
      words_.assign(sets, 0xFEDCBA9876543210);  // every way once, so that a way is found in one place
    } else {
      list_.resize(size_t{sets} * ways);
      ends_.resize(sets);
      for (uint32_t set = 0; set < sets; ++set) {
        for (uint32_t way = 0; way < ways; ++way) move_to_front(set, way);
      }
    }
  }
  if (policy == Replacement::plru) {
    if ((ways & (ways - 1)) != 0 || ways > 64) {
      throw std::invalid_argument("tree-PLRU needs a power of two of at most 64 ways");
    }
    words_.resize(sets);
    for (uint32_t way = 0; way < ways; ++way) turns_.push_back(turn_of_tree(ways, way));
  }
}

void ReplacementState::move_to_front(uint32_t set, uint32_t way) {
  const uint32_t slot = set * ways_ + way;
  Ends& ends = ends_[set];
  if (ends.newest == slot) return;
  Neighbours& self = list_[slot];
  if (self.newer != kNone) list_[self.newer].older = self.older;
  if (self.older != kNone) list_[self.older].newer = self.newer;
  if (ends.oldest == slot) ends.oldest = self.newer;
  self = {kNone, ends.newest};
  if (ends.newest != kNone) list_[ends.newest].newer = slot;
  ends.newest = slot;
  if (ends.oldest == kNone) ends.oldest = slot;
}

uint32_t ReplacementState::victim(uint32_t set) {
  switch (policy_) {
    case Replacement::lru:
    case Replacement::fifo:
      if (ways_ > kPackedWays) return ends_[set].oldest - set * ways_;
      return words_[set] >> 4 * (ways_ - 1) & 15;
    case Replacement::plru: {
      const uint64_t tree = words_[set];
      uint32_t node = 1;
      while (node < ways_) node = 2 * node + (tree >> node & 1);
      return node - ways_;
    }
    case Replacement::random:
      return static_cast<uint32_t>(next_random(random_) % ways_);
  }
  return 0;
}

}  // namespace faultline::hw
