// A host-side shortcut before one modelled first-level TLB: for a 4 KB piece of
// address space, where its bytes are on the host, and the cell that its use is
// written in. It changes no count and no time, because an entry stands only
// while all of this is so:
//   - the modelled TLB holds the page: all that a further hit changes is when
//     its entry was used last (UseOrder), and who goes by the filter writes that,
//   - the entry permits the access, and for a store is already dirty,
//   - for a store, the frame holds no decoded code.
// The Mmu drops an entry when the modelled entry goes or is renewed, and on flush
// and change of address space or permission.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "hw/base/types.h"

namespace faultline::hw {

class TranslationFilter {
 public:
  static constexpr unsigned kShift = 12;
  static constexpr size_t kEntries = 512;

  struct Entry {
    // The piece's first virtual address, for fetches or loads, and for stores. A
    // caller may compare it with an address whose bits 3..11 alone are cleared,
    // so that one compare also turns away what is not aligned; ~0 matches
    // nothing even so.
    uint64_t tag = ~uint64_t{0};
    uint64_t store_tag = ~uint64_t{0};
    uintptr_t addend = 0;  // host address = virtual address + addend
    // Who finds the piece here stores the moment of its use in it (UseClock).
    uint64_t* used = nullptr;
  };

  // Null: ask Mmu::translate. The caller must know that the access does not
  // leave the 4 KB piece.
  const Entry* find(uint64_t va, Access access) const {
    const Entry& entry = entries_[(va >> kShift) % kEntries];
    return (access == Access::store ? entry.store_tag : entry.tag) == piece(va) ? &entry : nullptr;
  }

  // For code that holds the table's first entry in a register: the same look-up.
  const Entry* entries() const { return entries_.data(); }
  static constexpr uint64_t piece(uint64_t va) { return va >> kShift << kShift; }

  struct Open {
    bool load = false;  // or fetch
    bool store = false;
  };
  void set(uint64_t va, const uint8_t* host, uint64_t* used, Open open) {
    Entry& entry = entries_[(va >> kShift) % kEntries];
    entry = {.tag = open.load ? piece(va) : ~uint64_t{0},
             .store_tag = open.store ? piece(va) : ~uint64_t{0},
             .addend = reinterpret_cast<uintptr_t>(host) - va,
             .used = used};
  }
  void drop(uint64_t va) {
    Entry& entry = entries_[(va >> kShift) % kEntries];
    if (entry.tag == piece(va)) entry.tag = ~uint64_t{0};
    if (entry.store_tag == piece(va)) entry.store_tag = ~uint64_t{0};
  }
  // Drops all pieces of 2^shift bytes of address space.
  void drop_range(uint64_t va, unsigned shift) {
    for (Entry& entry : entries_) {
      if ((entry.tag ^ va) >> shift == 0) entry.tag = ~uint64_t{0};
      if ((entry.store_tag ^ va) >> shift == 0) entry.store_tag = ~uint64_t{0};
    }
  }
  // No store to these bytes of the host is known any more, wherever they are mapped.
  void drop_stores(const uint8_t* begin, uint64_t bytes) {
    for (Entry& entry : entries_) {
      if (entry.store_tag == ~uint64_t{0}) continue;
      const uintptr_t host = entry.store_tag + entry.addend;
      if (host - reinterpret_cast<uintptr_t>(begin) < bytes) entry.store_tag = ~uint64_t{0};
    }
  }
  void clear() {
    for (Entry& entry : entries_) entry.tag = entry.store_tag = ~uint64_t{0};
  }

 private:
  std::array<Entry, kEntries> entries_{};
};

}  // namespace faultline::hw
