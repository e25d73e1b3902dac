// Page tables for a trace of another tool's, which tells addresses and nothing of
// an operating system: a page gets a frame and its entries when it is first
// referred to, before the look-up. Takes no time.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_set>

#include "hw/base/types.h"
#include "hw/memory/backing_store.h"
#include "hw/mmu/page_table_format.h"

namespace faultline::cli {

class PageMapper {
 public:
  // `memory_bytes`: of the store's front, that pages and tables may take. Makes the
  // root table; if not even that fits, ensure() says so.
  PageMapper(const hw::PageTableFormat& format, hw::BackingStore& memory, uint64_t memory_bytes);

  PhysAddr root() const { return root_; }

  // Maps the base page that holds `va`, unless it is mapped, open to every access
  // of user mode. Referenced and modified stand from the start, in
  // tables too, so that no walk writes. `va` must be valid in the format. False when memory
  // is used up: then nothing has changed that a look-up could see.
  bool ensure(VirtAddr va);

  uint64_t pages() const { return mapped_.size(); }
  uint64_t table_bytes() const { return table_bytes_; }
  // Of the tables of one level, 0 being the last.
  uint64_t table_bytes(unsigned level) const { return level_bytes_[level]; }

 private:
  // Zeroed, aligned to its own size or a page's; 0 frames left answer false.
  bool take(uint64_t bytes, PhysAddr& begin);
  uint64_t load(PhysAddr entry) const;
  void store(PhysAddr entry, uint64_t raw);

  const hw::PageTableFormat& format_;
  hw::BackingStore& memory_;
  uint64_t end_;
  uint64_t next_ = 0;  // first byte not taken
  PhysAddr root_{};
  bool has_root_ = false;
  uint64_t table_bytes_ = 0;
  std::array<uint64_t, hw::PageTableFormat::kMaxLevels> level_bytes_{};
  std::unordered_set<uint64_t> mapped_;  // virtual page numbers; looked up, never walked through
};

}  // namespace faultline::cli
