// Builds real page tables in modelled memory for the tests, by index
// arithmetic of its own and the format's encoders.
#pragma once

#include <cstdint>

#include "hw/memory/backing_store.h"
#include "hw/mmu/page_table_format.h"

namespace faultline::hw {

inline constexpr Permissions kUserRw{.read = true, .write = true, .execute = true, .user = true};
inline constexpr Permissions kUserRo{.read = true, .user = true};
inline constexpr Permissions kKernelRw{.read = true, .write = true};

class PageTableBuilder {
 public:
  // Tables are taken from `first_frame` upwards.
  PageTableBuilder(const PageTableFormat& format, BackingStore& memory, Pfn first_frame)
      : format_(format), memory_(memory), next_(first_frame) {
    root_ = memory.page().address(take(format.root_level()));
  }

  PhysAddr root() const { return root_; }

  void map(VirtAddr va, Pfn pfn, Permissions permissions, unsigned level = 0) {
    write(entry(va, level), format_.encode_leaf(pfn, permissions, false, false, level));
  }

  // Where the entry of `va` at `level` lies; makes the tables above it.
  PhysAddr entry(VirtAddr va, unsigned level) {
    PhysAddr table = root_;
    for (unsigned l = format_.root_level(); l > level; --l) {
      const PhysAddr at = format_.entry_address(table, va, l);
      if (read(at) == 0) write(at, format_.encode_table(take(l - 1)));
      table = memory_.page().address(format_.decode(read(at), l).pfn);
    }
    return format_.entry_address(table, va, level);
  }

  uint64_t read(PhysAddr at) const {
    return format_.entry_bytes() == 4 ? memory_.load<uint32_t>(at) : memory_.load<uint64_t>(at);
  }
  void write(PhysAddr at, uint64_t raw) {
    if (format_.entry_bytes() == 4) {
      memory_.store<uint32_t>(at, static_cast<uint32_t>(raw));
    } else {
      memory_.store<uint64_t>(at, raw);
    }
  }

 private:
  Pfn take(unsigned level) {
    const Pfn frame = next_;
    next_ += memory_.page().pages(format_.table_bytes(level));
    return frame;
  }

  const PageTableFormat& format_;
  BackingStore& memory_;
  Pfn next_;
  PhysAddr root_{};
};

}  // namespace faultline::hw
