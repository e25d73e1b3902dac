// The areas of one address space by their start, and what they come to. The
// sums, and the list that every mapped file keeps of its mappings, change with
// the areas: nothing that asks for them walks over all areas.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "hw/base/types.h"
#include "os/memory/vm_area.h"

namespace faultline::os {

class AddressSpace;

// In bytes.
struct AreaTotals {
  uint64_t mapped = 0;       // all: VmSize, RLIMIT_AS
  uint64_t data = 0;         // what RLIMIT_DATA bounds
  uint64_t committed = 0;    // charged against the commit limit
  uint64_t locked = 0;       // mlock(2): VmLck, RLIMIT_MEMLOCK
  uint64_t unreachable = 0;  // of these, those that nobody may touch: they have no entries

  bool operator==(const AreaTotals&) const = default;
};

class AreaMap {
 public:
  // Not to be written through: an area changes by change().
  using iterator = std::map<uint64_t, VmArea>::const_iterator;

  AreaMap(AddressSpace& owner, Asid asid) : owner_(owner), asid_(asid) {}
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

  // The place is free; the area is not empty.
  iterator insert(VmArea area);
  iterator erase(iterator area);
  // Changes anything of an area but its start and its file.
  template <class Change>
  void change(iterator area, Change&& how) {
    VmArea& there = areas_.find(area->first)->second;
    take_out(there);
    std::forward<Change>(how)(there);
    count_in(there);
  }
  // An area begins further down from now on; what it shows there comes before
  // what it showed so far.
  void begin_at(iterator area, uint64_t start);

  // The sums and the files' lists counted again: one line when they differ.
  std::optional<std::string> check_invariants() const;

 private:
  void count_in(const VmArea& area);
  void take_out(const VmArea& area);

  AddressSpace& owner_;
  Asid asid_;
  std::map<uint64_t, VmArea> areas_;
  AreaTotals totals_;
};

}  // namespace faultline::os
