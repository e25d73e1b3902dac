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
// that was not. Every way is in that order, or among those filled since, or
// among those found written since; or it is the one taken last.
class OldestCell {
 public:
  explicit OldestCell(uint32_t ways);

  // The way with the lowest cell. Each was filled; this one must be filled next.
  uint32_t take(const uint64_t* cells) {
    see_newest(cells);
    for (;;) {
      while (next_ < order_.size()) {
        const uint32_t way = order_[next_++];
        if (cells[way] == known_[way]) return newest_ = way;
        used_[used_count_++] = way;
      }
      sort_again(cells);
    }
  }

 private:
  static constexpr uint32_t kNone = ~uint32_t{0};

  // The newest way is looked at when another is needed: most uses of a page follow its fill at once.
  void see_newest(const uint64_t* cells) {
    if (newest_ == kNone) return;
    known_[newest_] = cells[newest_];
    order_[filled_count_++] = newest_;
    newest_ = kNone;
  }
  void sort_again(const uint64_t* cells);

  // Oldest first: from next_ on those that are not yet looked at again, up to
  // filled_count_ those filled since they were put in order.
  std::vector<uint32_t> order_;
  size_t next_ = 0;
  size_t filled_count_ = 0;
  std::vector<uint32_t> used_;  // those that were written since, as far as looked at
  size_t used_count_ = 0;
  std::vector<uint32_t> scratch_;
  std::vector<uint64_t> known_;  // by way: what the cell held when the way was put in order
  uint32_t newest_ = kNone;      // taken, and not yet looked at
};

// Of each half of a tree's ways, counted from its first, the one known to be used last.
struct LatestOfHalves {
  uint32_t left = 0;
  uint32_t right = 0;
};

class UseOrder {
 public:
  // Throws std::invalid_argument for PLRU with ways that are no power of two
  // or more than 64.
  UseOrder(Replacement policy, uint32_t sets, uint32_t ways, uint64_t seed);

  // The sets have too many ways to go through them one by one. Of a single set
  // these are fewer, since what is kept of it in place of that is small.
  static bool is_wide(uint32_t sets, uint32_t ways) { return ways > (sets == 1 ? kFewWaysOfOneSet : kFewWays); }

  // What a hit on the slot (set x ways + way) stores its moment in. Where hits do
  // not matter it is a cell that nobody reads.
  uint64_t* cell(uint32_t slot) { return hits_matter_ ? &cells_[slot] : &cells_.back(); }
  // `slot` of `set` was filled.
  void fill(uint32_t set, uint32_t slot, uint64_t moment) { cells_[slot] = moment; }
  // The way to evict from a full set, which must be filled next.
  uint32_t victim(uint32_t set) {
    if (ways_ == 2 && policy_ != Replacement::random) [[likely]]
      return cells_[2 * size_t{set}] > cells_[2 * size_t{set} + 1];
    return victim_of_many(set);
  }

 private:
  static constexpr uint32_t kFewWays = 16;
  static constexpr uint32_t kFewWaysOfOneSet = 8;

  uint32_t victim_of_many(uint32_t set);
  uint32_t oldest(const uint64_t* cells) const;
  uint32_t by_tree(uint32_t set, const uint64_t* cells);

  Replacement policy_;
  uint32_t ways_;
  bool hits_matter_;
  bool wide_;
  std::vector<uint64_t> cells_;         // by slot, 0: never used; and the one that nobody reads
  std::vector<OldestCell> orders_;      // by set, where ways are many
  std::vector<LatestOfHalves> halves_;  // by set, for trees
  ReplacementState random_;
};

}  // namespace faultline::hw
