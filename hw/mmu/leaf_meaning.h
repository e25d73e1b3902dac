// What an entry that maps a page and those above it permit together. Many
// entries have the same bits but for their frame: what those mean is kept.
#pragma once

#include <array>
#include <cstdint>

#include "hw/mmu/page_table_format.h"
#include "hw/mmu/tlb_entry.h"
#include "hw/mmu/walk_cache.h"

namespace faultline::hw {

struct LeafMeaning {
  bool valid = false;
  Permissions permissions{};
  // Of the last level, for a TLB, but for the frame; no access is the user's where a walk would set a bit in the entry.
  TlbEntry entry{};
};

class LeafMeanings {
 public:
  explicit LeafMeanings(const PageTableFormat& format)
      : format_(format),
        all_matter_(format.tables_restrict() ? format.layout().writable | format.layout().user : 0),
        any_matter_((format.tables_restrict() ? format.layout().no_execute : 0) |
                    (format.tables_global() ? format.layout().global : 0)) {}

  // What of the entries above has a say.
  uint64_t say(const Above& above) const { return (above.all & all_matter_) | (above.any & any_matter_); }

  // Of an entry of the last level, whatever its frame.
  const LeafMeaning& of(uint64_t leaf, const Above& above) {
    constexpr uint64_t kSpread = 0x9E3779B97F4A7C15;
    const uint64_t bits = format_.without_frame(leaf);
    Kept& kept = kept_[bits * kSpread >> (64 - kKeptBits)];
    if (kept.leaf != bits || kept.above != say(above)) [[unlikely]]
      keep(kept, leaf, above);
    return kept.meaning;
  }
  // Of an entry of any level; without `entry`.
  LeafMeaning tell(uint64_t leaf, unsigned level, const Above& above) const;

 private:
  struct Kept {
    uint64_t leaf = ~uint64_t{0};  // the bits that it was told from
    uint64_t above = 0;
    LeafMeaning meaning{};
  };
  static constexpr unsigned kKeptBits = 4;

  Permissions effective(const Entry& leaf, const Above& above) const;
  void keep(Kept& kept, uint64_t leaf, const Above& above) const;

  const PageTableFormat& format_;
  uint64_t all_matter_;  // bits that Above::all and Above::any have a say with
  uint64_t any_matter_;
  std::array<Kept, size_t{1} << kKeptBits> kept_{};
};

}  // namespace faultline::hw
