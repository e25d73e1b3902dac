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
  if (policy == Replacement::lru || policy == Replacement::fifo) stamps_.resize(size_t{sets} * ways);
  if (policy == Replacement::plru) {
    if ((ways & (ways - 1)) != 0 || ways > 64) {
      throw std::invalid_argument("tree-PLRU needs a power of two of at most 64 ways");
    }
    trees_.resize(sets);
  }
}

// The bit of a node says where the victim is: 0 below the left child, 1 below
// the right. A touch turns every node on the way from the root away.
void ReplacementState::point_away(uint32_t set, uint32_t way) {
  uint64_t tree = trees_[set];
  uint32_t node = 1;
  for (uint32_t half = ways_ / 2; half > 0; half /= 2) {
    const uint32_t right = (way & half) != 0;
    tree = right ? tree & ~(uint64_t{1} << node) : tree | uint64_t{1} << node;
    node = 2 * node + right;
  }
  trees_[set] = tree;
}

uint32_t ReplacementState::oldest(uint32_t set) const {
  const uint64_t* stamps = &stamps_[size_t{set} * ways_];
  uint32_t way = 0;
  for (uint32_t w = 1; w < ways_; ++w) {
    if (stamps[w] < stamps[way]) way = w;
  }
  return way;
}

uint32_t ReplacementState::victim(uint32_t set) {
  switch (policy_) {
    case Replacement::lru:
    case Replacement::fifo:
      return oldest(set);
    case Replacement::plru: {
      uint32_t node = 1;
      while (node < ways_) node = 2 * node + (trees_[set] >> node & 1);
      return node - ways_;
    }
    case Replacement::random:
      return static_cast<uint32_t>(next_random(random_) % ways_);
  }
  return 0;
}

}  // namespace faultline::hw
