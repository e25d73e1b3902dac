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

// The oldest of many cells, one set's, some of which are written unseen. They
// are put in order now and then: whatever was written since is later than all
// that was not.
class OldestCell {
 public:
  explicit OldestCell(uint32_t ways) : known_(ways) {}

  // The way was filled, later than every use before.
  void filled(uint32_t way, const uint64_t* cells) {
    see_newest(cells);
    newest_ = way;
  }
  // The way with the lowest cell. Each was filled; this one must be filled next.
  uint32_t take(const uint64_t* cells) {
    see_newest(cells);
    for (;;) {
      while (next_ < order_.size()) {
        const Seen seen = order_[next_++];
        if (cells[seen.way] == seen.moment) return seen.way;
        used_.push_back(seen.way);
      }
      sort_again(cells);
    }
  }

 private:
  struct Seen {
    uint64_t moment;
    uint32_t way;
  };
  // Fills for each way, where nothing is taken, before the order is made anew.
  static constexpr size_t kMostFills = 4;
  static constexpr uint32_t kNone = ~uint32_t{0};

  // The newest way is looked at when another comes: most uses of a page follow its fill at once.
  void see_newest(const uint64_t* cells) {
    if (newest_ == kNone) return;
    if (fills_.size() >= kMostFills * known_.size()) [[unlikely]]
      forget_order();
    fills_.push_back({cells[newest_], newest_});
    newest_ = kNone;
  }
  void sort_again(const uint64_t* cells);
  void forget_order();

  std::vector<Seen> order_;  // of all that had been filled then; from next_ on not yet looked at again
  size_t next_ = 0;
  std::vector<uint32_t> used_;   // those that were, and had been written
  std::vector<Seen> fills_;      // since then, in order
  uint32_t newest_ = kNone;      // filled, and not yet there
  std::vector<uint64_t> known_;  // by way, while they are sorted: what stands in the order
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
    if (wide_) fill_wide(set, slot);
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
  void fill_wide(uint32_t set, uint32_t slot);

  Replacement policy_;
  uint32_t ways_;
  bool hits_matter_;
  bool wide_;
  std::vector<uint64_t> cells_;     // by slot, 0: never used; and the one that nobody reads
  std::vector<OldestCell> orders_;  // by set, where ways are many
  ReplacementState random_;
};

}  // namespace faultline::hw
