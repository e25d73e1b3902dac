// Which way of a TLB's set goes next, told from the moments at which its ways
// were used (UseClock). A use is one store into the way's cell, so that whoever
// knows the cell can make a hit without asking here.
//
//   LRU       the way used longest ago
//   FIFO      the way filled longest ago: hits leave its cell alone
//   tree-PLRU a touch turns every node above its way away from it, so a node
//             points to the child whose latest use is the older one; to the left
//             where neither was ever used. The cells tell the whole tree.
//   random    a number drawn once a fill; no cell counts
#pragma once

#include <cstdint>
#include <vector>

#include "hw/config/machine_config.h"
#include "hw/memory/replacement_state.h"

namespace faultline::hw {

// The oldest of many cells, one set's, some of which are written unseen: what
// was seen is kept in order, and looked at again when it comes to the front.
class OldestCell {
 public:
  explicit OldestCell(uint32_t ways) : known_(ways) {}

  // The way was filled at a moment later than all before.
  void filled(uint32_t way, uint64_t moment, const uint64_t* cells);
  // The way with the lowest cell. Each was filled; this one must be filled next.
  uint32_t take(const uint64_t* cells);

 private:
  struct Seen {
    uint64_t moment;
    uint32_t way;
  };
  static bool later(const Seen& a, const Seen& b) { return a.moment > b.moment; }

  Seen earliest();
  void sort_again(const uint64_t* cells);

  std::vector<Seen> fills_;  // in order, from first_ on
  size_t first_ = 0;
  std::vector<Seen> found_;      // a heap: those that had been written since they were seen
  std::vector<uint64_t> known_;  // by way: the latest moment in either
};

class UseOrder {
 public:
  // Throws std::invalid_argument for PLRU with ways that are no power of two
  // or more than 64.
  UseOrder(Replacement policy, uint32_t sets, uint32_t ways, uint64_t seed);

  // What a hit on the slot (set x ways + way) stores its moment in. Where hits do
  // not matter it is a cell that nobody reads.
  uint64_t* cell(uint32_t slot) { return hits_matter_ ? &cells_[slot] : &cells_.back(); }
  // `slot` of `set` was filled.
  void fill(uint32_t set, uint32_t slot, uint64_t moment) {
    cells_[slot] = moment;
    if (wide_) fill_wide(set, slot, moment);
  }
  // The way to evict from a full set, which must be filled next.
  uint32_t victim(uint32_t set) {
    if (ways_ == 2 && policy_ != Replacement::random) [[likely]]
      return cells_[2 * size_t{set}] > cells_[2 * size_t{set} + 1];
    return victim_of_many(set);
  }

 private:
  // Up to so many ways are compared one by one.
  static constexpr uint32_t kFewWays = 16;

  uint32_t victim_of_many(uint32_t set);
  uint32_t oldest(const uint64_t* cells) const;
  uint32_t by_tree(const uint64_t* cells) const;
  void fill_wide(uint32_t set, uint32_t slot, uint64_t moment);

  Replacement policy_;
  uint32_t ways_;
  bool hits_matter_;
  bool wide_;
  std::vector<uint64_t> cells_;     // by slot, 0: never used; and the one that nobody reads
  std::vector<OldestCell> orders_;  // by set, where ways are many
  ReplacementState random_;
};

}  // namespace faultline::hw
