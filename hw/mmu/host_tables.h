// The host's tables of nested translation: what a hypervisor makes before it
// starts its guest. They map all of guest-physical memory to the same
// addresses, so that what goes past the MMU (DMA, the OS layer's own accesses)
// means the same bytes, and lie above it, where the guest has no address.
#pragma once

#include <array>
#include <cstdint>

#include "hw/base/types.h"
#include "hw/config/machine_config.h"
#include "hw/memory/backing_store.h"
#include "hw/mmu/page_table_format.h"

namespace faultline::hw {

class HostTables {
 public:
  // In `format`, for `guest_bytes` of guest-physical memory. Throws std::invalid_argument,
  // one line, where the format has no pages of config.page, they do not fit
  // the guest's memory or its base page, or the entries cannot name it all.
  HostTables(PageTableFormat format, const NestedConfig& config, uint64_t guest_bytes, PageSize guest_page);

  PhysAddr root() const { return first_; }
  uint64_t bytes() const { return bytes_; }
  // Where memory must reach to hold guest and tables.
  uint64_t end() const { return first_.value + bytes_; }

  // Writes them, untimed. Every entry is referenced and modified from the start.
  void build(BackingStore& memory) const;

 private:
  // The tables of one level lie one behind the other, the root first.
  struct Level {
    uint64_t tables = 0;
    PhysAddr first{};
  };
  uint64_t stride(unsigned level) const { return format_.page().round_up(format_.table_bytes(level)); }
  void fill(BackingStore& memory, unsigned level) const;

  PageTableFormat format_;
  unsigned leaf_level_;
  uint64_t guest_bytes_;
  PhysAddr first_{};
  uint64_t bytes_ = 0;
  std::array<Level, PageTableFormat::kMaxLevels> levels_;
};

}  // namespace faultline::hw
