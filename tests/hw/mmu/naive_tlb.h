// What a TLB of pages of several sizes must do, written as plainly as can be:
// for each set a list of ways, and the four policies by their textbook rules.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hw/config/machine_config.h"

namespace faultline::hw {

class NaiveTlb {
 public:
  struct Held {
    uint64_t address;  // first byte of what the entry translates
    unsigned shift;
    unsigned leaf_shift;
    int space;
    bool global;
    bool dirty;
    uint64_t used = 0;    // when, by touch or fill
    uint64_t filled = 0;  // when
  };

  // `sizes`: the format's page sizes, ascending.
  NaiveTlb(const TlbLevelConfig& config, TlbLarge large, const std::vector<unsigned>& sizes, uint64_t seed)
      : sizes_(sizes), several_(large == TlbLarge::several) {
    add(config.sets, config.ways, config.replacement, seed);
    if (!config.split || several_) return;
    if (sizes.size() > 1 && config.large.enabled) {
      second_ = add(config.large.sets, config.large.ways, config.large.replacement, seed);
    }
    third_ = second_;
    if (sizes.size() > 2 && config.huge.enabled) {
      third_ = add(config.huge.sets, config.huge.ways, config.huge.replacement, seed);
    }
  }

  // Smallest first.
  Held* find(uint64_t address, int space) {
    for (const unsigned size : sizes_) {
      for (auto& way : set_of(address, size)) {
        if (way && way->shift == size && way->address >> size == address >> size && matches(*way, space)) return &*way;
      }
    }
    return nullptr;
  }

  void touch(Held* held) {
    held->used = ++clock_;
    const Place place = place_of(*held);
    turn(place);
  }

  // True when a page had to go. `held.shift` is the size in the tables.
  bool fill(Held held) {
    held.leaf_shift = held.shift;
    if (several_) held.shift = sizes_[0];
    held.address = held.address >> held.shift << held.shift;
    held.used = held.filled = ++clock_;
    Array& array = arrays_[array_of(held.shift)];
    auto& set = set_of(held.address, held.shift);
    size_t way = 0;
    while (way < set.size() && set[way]) ++way;
    const bool evicts = way == set.size();
    if (evicts) way = victim(array, set, array.trees[set_number(array, held)]);
    set[way] = held;
    turn(place_of(*set[way]));
    return evicts;
  }

  void flush_page(uint64_t address, int space) {
    drop([&](const Held& held) {
      return held.address >> held.leaf_shift == address >> held.leaf_shift && matches(held, space);
    });
  }
  void flush_space(int space) {
    drop([&](const Held& held) { return !held.global && held.space == space; });
  }
  void flush_not_global() {
    drop([&](const Held& held) { return !held.global; });
  }
  void flush_all() {
    drop([&](const Held&) { return true; });
  }

 private:
  using Set = std::vector<std::optional<Held>>;
  struct Array {
    Replacement policy;
    std::vector<Set> sets;
    std::vector<std::vector<bool>> trees;  // a node's bit: the victim is on the right
    uint64_t random;
  };
  struct Place {
    Array& array;
    size_t set;
    size_t way;
  };

  size_t add(uint32_t sets, uint32_t ways, Replacement policy, uint64_t seed) {
    arrays_.push_back({policy, std::vector<Set>(sets, Set(ways)),
                       std::vector<std::vector<bool>>(sets, std::vector<bool>(2 * ways)),
                       seed + 1000 * arrays_.size()});
    return arrays_.size() - 1;
  }
  static bool matches(const Held& held, int space) { return held.global || held.space == space; }
  size_t array_of(unsigned shift) const {
    if (sizes_.size() > 2 && shift >= sizes_[2]) return third_;
    return sizes_.size() > 1 && shift >= sizes_[1] ? second_ : 0;
  }
  static size_t set_number(const Array& array, const Held& held) {
    return (held.address >> held.shift) % array.sets.size();
  }
  Set& set_of(uint64_t address, unsigned shift) {
    Array& array = arrays_[array_of(shift)];
    return array.sets[(address >> shift) % array.sets.size()];
  }
  Place place_of(const Held& held) {
    Array& array = arrays_[array_of(held.shift)];
    const size_t set = set_number(array, held);
    size_t way = 0;
    while (!array.sets[set][way] || &*array.sets[set][way] != &held) ++way;
    return {array, set, way};
  }

  // Tree-PLRU: every node on the way to the leaf points away from it.
  static void turn(const Place& place) {
    if (place.array.policy != Replacement::plru) return;
    auto& tree = place.array.trees[place.set];
    size_t first = 0;
    size_t ways = place.array.sets[place.set].size();
    size_t node = 1;
    while (ways > 1) {
      ways /= 2;
      const bool right = place.way >= first + ways;
      tree[node] = !right;
      node = 2 * node + right;
      if (right) first += ways;
    }
  }
  static size_t victim(Array& array, const Set& set, const std::vector<bool>& tree) {
    if (array.policy == Replacement::plru) {
      size_t node = 1;
      while (node < set.size()) node = 2 * node + tree[node];
      return node - set.size();
    }
    if (array.policy == Replacement::random) return next_random(array.random) % set.size();
    size_t oldest = 0;
    for (size_t way = 1; way < set.size(); ++way) {
      const bool lru = array.policy == Replacement::lru;
      if ((lru ? set[way]->used : set[way]->filled) < (lru ? set[oldest]->used : set[oldest]->filled)) oldest = way;
    }
    return oldest;
  }
  // splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
  static uint64_t next_random(uint64_t& state) {
    uint64_t z = state += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
  }
  template <class Goes>
  void drop(Goes goes) {
    for (Array& array : arrays_) {
      for (Set& set : array.sets) {
        for (auto& way : set) {
          if (way && goes(*way)) way.reset();
        }
      }
    }
  }

  std::vector<unsigned> sizes_;
  bool several_;
  std::vector<Array> arrays_;
  size_t second_ = 0;
  size_t third_ = 0;
  uint64_t clock_ = 0;
};

}  // namespace faultline::hw
