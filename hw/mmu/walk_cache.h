// Page-walk caches: what earlier walks read above the last level, so that a
// walk may begin further down.
//
// Intel SDM volume 3A, 4.10.3, calls them paging-structure caches: one for each
// level whose entries point at tables, looked up by the address's prefix; an
// entry holds where the next table is, and the say of all levels so far.
// RISC-V allows the same (Privileged Architecture, SFENCE.VMA). In the terms of
// Barr, Cox, Rixner, "Translation Caching: Skip, Don't Walk", ISCA 2010, they
// are a split translation cache.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "hw/base/types.h"
#include "hw/config/machine_config.h"
#include "hw/mmu/page_table_format.h"
#include "hw/mmu/tagged_array.h"

namespace faultline::hw {

// The table entries above a point of the walk, as the format lets them have a say.
struct Above {
  uint64_t all = ~uint64_t{0};  // bits set in every one
  uint64_t any = 0;             // bits set in at least one
};

// What the cache of level l holds of an address's first bits: where the table
// of level l - 1 is, and the say of the levels down to l.
struct TablePointer {
  PhysAddr table{};
  Above above;
};

class WalkCaches {
 public:
  // None where config.caches is false, or for a level that is not enabled.
  WalkCaches(const PageTableFormat& format, const WalkerConfig& config, uint64_t seed);

  bool has(unsigned level) const { return levels_[level].has_value(); }
  // There is at least one.
  bool any() const { return any_; }

  // Whether the cache of the level knows the address; null: no. Changes nothing.
  const TablePointer* find(unsigned level, VirtAddr va, Asid asid) const {
    if (!levels_[level]) return nullptr;
    const uint32_t slot = levels_[level]->find(prefix(va, level), asid);
    return slot == Array::kMiss ? nullptr : &levels_[level]->at(slot);
  }
  // The slot of the cache of the level, or kMiss; that a walk used it; what it holds.
  static constexpr uint32_t kMiss = ~uint32_t{0};
  uint32_t slot_of(unsigned level, VirtAddr va, Asid asid) const {
    return levels_[level] ? levels_[level]->find(prefix(va, level), asid) : kMiss;
  }
  void touch_slot(unsigned level, uint32_t slot) { levels_[level]->touch(slot); }
  const TablePointer& at(unsigned level, uint32_t slot) const { return levels_[level]->at(slot); }

  // The cache of the level served a walk of this address.
  void touch(unsigned level, VirtAddr va, Asid asid);
  // A walk of an address that the cache of the level did not know came by there.
  void fill(unsigned level, VirtAddr va, Asid asid, const TablePointer& pointer);

  // Whatever leads to the page, at every level.
  void flush_page(Asid asid, VirtAddr va);
  void flush_asid(Asid asid);
  void flush_all();

 private:
  using Array = TaggedArray<TablePointer>;

  uint64_t prefix(VirtAddr va, unsigned level) const { return va.value >> shift_[level]; }

  std::array<std::optional<Array>, PageTableFormat::kMaxLevels> levels_;  // level 0 never has one
  std::array<unsigned, PageTableFormat::kMaxLevels> shift_{};
  bool any_ = false;
};

}  // namespace faultline::hw
