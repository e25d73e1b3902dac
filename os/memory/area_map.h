// The areas of one address space by their start, and what they come to. The
// sums, the gaps between areas, and the list that every mapped file keeps of its
// mappings change with the areas: nothing that asks for them walks over all areas.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "hw/base/types.h"
#include "os/memory/vm_area.h"

namespace faultline::os {

class AddressSpace;

// In bytes.
struct AreaTotals {
  uint64_t mapped = 0;     // all: VmSize, RLIMIT_AS
  uint64_t data = 0;       // what RLIMIT_DATA bounds
  uint64_t committed = 0;  // charged against the commit limit
  uint64_t locked = 0;     // mlock(2): VmLck, RLIMIT_MEMLOCK

  bool operator==(const AreaTotals&) const = default;
};

class AreaMap {
 public:
  // Not to be written through: an area changes by change().
  using iterator = std::map<uint64_t, VmArea>::const_iterator;

  // Nobody's place is within `guard` bytes below a stack, though nothing is there.
  AreaMap(AddressSpace& owner, Asid asid, uint64_t guard);
  ~AreaMap();
  AreaMap(const AreaMap&) = delete;
  AreaMap& operator=(const AreaMap&) = delete;

  iterator begin() const { return areas_.begin(); }
  iterator end() const { return areas_.end(); }
  iterator find(uint64_t start) const { return areas_.find(start); }
  iterator lower_bound(uint64_t start) const { return areas_.lower_bound(start); }
  iterator upper_bound(uint64_t start) const { return areas_.upper_bound(start); }
  size_t size() const { return areas_.size(); }
  const AreaTotals& totals() const { return totals_; }
  uint64_t peak_mapped() const { return peak_mapped_; }  // bytes, the most at once
  // Where the locked areas begin that nobody may touch: their pages have no entries.
  const std::set<uint64_t>& locked_out_of_reach() const { return locked_out_of_reach_; }

  // The place is free; the area is not empty.
  iterator insert(VmArea area);
  iterator erase(iterator area);
  // Changes anything of an area but its start and its file.
  template <class Change>
  void change(iterator area, Change&& how) {
    VmArea& there = areas_.find(area->first)->second;
    take_out(there);
    forget_gaps(area);
    std::forward<Change>(how)(there);
    note_gaps(area);
    count_in(there);
  }
  // An area begins further down from now on; what it shows there comes before
  // what it showed so far.
  void begin_at(iterator area, uint64_t start);

  // The highest place for `length` bytes, not 0, between `lowest` and `top` that
  // no area has, nor the guard below one that grows down; it begins at a border
  // of `unit`.
  std::optional<uint64_t> highest_hole(uint64_t lowest, uint64_t top, uint64_t length, PageSize unit) const;
  // An area's first byte, or that of the guard below it.
  uint64_t guarded_start(const VmArea& area) const {
    return area.grows_down ? area.start - std::min(area.start, guard_) : area.start;
  }

  // The sums, the gaps and the files' lists counted again: one line when they differ.
  std::optional<std::string> check_invariants() const;

 private:
  void count_in(const VmArea& area);
  void take_out(const VmArea& area);
  // By their first byte, the byte after the last; a map for each binary order of length.
  using Gaps = std::array<std::map<uint64_t, uint64_t>, 64>;
  // The gap from `floor` up to the area `above`, if there is one.
  void note_gap(Gaps& gaps, uint64_t floor, iterator above) const;
  void forget_gap(uint64_t floor, iterator above);
  uint64_t floor_below(iterator area) const;
  // On both sides of an area.
  void note_gaps(iterator area);
  void forget_gaps(iterator area);

  AddressSpace& owner_;
  Asid asid_;
  uint64_t guard_;
  std::map<uint64_t, VmArea> areas_;
  AreaTotals totals_;
  uint64_t peak_mapped_ = 0;
  std::set<uint64_t> locked_out_of_reach_;
  Gaps gaps_;
};

}  // namespace faultline::os
