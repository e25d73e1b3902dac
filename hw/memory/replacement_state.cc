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

ReplacementState::ReplacementState(Replacement policy, uint32_t sets, uint32_t ways, uint64_t seed)
    : policy_(policy), ways_(ways), random_(seed) {
  const size_t slots = size_t{sets} * ways;
  if (policy == Replacement::lru || policy == Replacement::fifo) {
    if (ways < kListWays) {
      stamps_.resize(slots);
    } else {
      list_.resize(slots);
      ends_.resize(sets);
      for (uint32_t slot = 0; slot < slots; ++slot) move_to_front(slot / ways, slot);
    }
  }
  if (policy == Replacement::plru) {
    if ((ways & (ways - 1)) != 0 || ways > 64) {
      throw std::invalid_argument("tree-PLRU needs a power of two of at most 64 ways");
    }
    trees_.resize(sets);
  }
}

// The bit of a node says where the victim is: 0 below the left child, 1 below
// the right. A touch turns every node on the way from the root away.
void ReplacementState::point_away(uint32_t set, uint32_t slot) {
  const uint32_t way = slot - set * ways_;
  uint64_t tree = trees_[set];
  uint32_t node = 1;
  for (uint32_t half = ways_ / 2; half > 0; half /= 2) {
    const uint32_t right = (way & half) != 0;
    tree = right ? tree & ~(uint64_t{1} << node) : tree | uint64_t{1} << node;
    node = 2 * node + right;
  }
  trees_[set] = tree;
}

void ReplacementState::move_to_front(uint32_t set, uint32_t slot) {
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

uint32_t ReplacementState::oldest(uint32_t set) const {
  if (stamps_.empty()) return ends_[set].oldest;
  const uint32_t first = set * ways_;
  uint32_t slot = first;
  for (uint32_t other = first + 1; other < first + ways_; ++other) {
    if (stamps_[other] < stamps_[slot]) slot = other;
  }
  return slot;
}

uint32_t ReplacementState::victim(uint32_t set) {
  switch (policy_) {
    case Replacement::lru:
    case Replacement::fifo:
      return oldest(set);
    case Replacement::plru: {
      uint32_t node = 1;
      while (node < ways_) node = 2 * node + (trees_[set] >> node & 1);
      return set * ways_ + node - ways_;
    }
    case Replacement::random:
      return set * ways_ + static_cast<uint32_t>(next_random(random_) % ways_);
  }
  return set * ways_;
}

}  // namespace faultline::hw
