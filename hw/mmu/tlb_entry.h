// What a TLB holds of a page.
#pragma once

#include <cstdint>

#include "hw/base/types.h"
#include "hw/mmu/page_table_format.h"

namespace faultline::hw {

// One page's translation. Two words, so that it passes in registers.
struct TlbEntry {
  Pfn pfn{};                  // of a base page in it; frame() tells that of any other
  Permissions permissions{};  // `global` matches every address space
  bool dirty = false;         // the modified bit is known to be set
  uint8_t page_shift = 0;     // log2 bytes of the page that the entry translates
  uint8_t leaf_shift = 0;     // and of the page in the tables around it: they are flushed together
  // Bit a: user mode may make Access a with no walk. The TLB keeps it true.
  uint32_t user_accesses = 0;

  bool user_may(Access access) const { return (user_accesses >> static_cast<unsigned>(access) & 1) != 0; }
  // As the fields above say.
  void set_user_accesses() {
    const auto bit = [](Access access, bool may) { return uint32_t{may} << static_cast<unsigned>(access); };
    user_accesses = permissions.user ? bit(Access::fetch, permissions.execute) | bit(Access::load, permissions.read) |
                                           bit(Access::store, permissions.write && dirty)
                                     : 0;
  }
  // The frame of a base page inside the page.
  Pfn frame(Vpn vpn, PageSize base) const {
    const uint64_t inside = (uint64_t{1} << (page_shift - base.shift)) - 1;
    return Pfn((pfn.value & ~inside) | (vpn.value & inside));
  }
};

}  // namespace faultline::hw
