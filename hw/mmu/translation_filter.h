// A host-side shortcut before the modelled TLBs: for a 4 KB piece of address
// space, where its bytes are on the host. It changes no count and no time,
// because an entry stands only while all of this is so:
//   - its modelled first-level TLB entry is the most recently used of its set
//     (a further hit on that entry changes no replacement state),
//   - the entry permits the access, and for a store is already dirty,
//   - for a store, the frame holds no decoded code.
// The Mmu drops an entry on every other touch of the modelled set, on fill,
// flush, and change of address space or permission.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "hw/base/types.h"

namespace faultline::hw {

class TranslationFilter {
 public:
  static constexpr unsigned kShift = 12;
  static constexpr size_t kEntries = 256;

  struct Entry {
    // The piece's first virtual address. A caller may compare it with an
    // address whose bits 3..11 alone are cleared, so that one compare also
    // turns away what is not aligned; ~0 matches nothing even so.
    uint64_t tag = ~uint64_t{0};
    uintptr_t addend = 0;  // host address = virtual address + addend
  };

  // The host address of `va`, or null: then ask Mmu::translate. The caller
  // must know that the access does not leave the 4 KB piece.
  uint8_t* find(uint64_t va) const {
    const Entry& entry = entries_[(va >> kShift) % kEntries];
    return entry.tag == piece(va) ? reinterpret_cast<uint8_t*>(va + entry.addend) : nullptr;
  }

  // For code that holds the table's first entry in a register: the same look-up.
  const Entry* entries() const { return entries_.data(); }
  static constexpr uint64_t piece(uint64_t va) { return va >> kShift << kShift; }

  void set(uint64_t va, const uint8_t* host) {
    entries_[(va >> kShift) % kEntries] = {piece(va), reinterpret_cast<uintptr_t>(host) - va};
  }
  void drop(uint64_t va) {
    Entry& entry = entries_[(va >> kShift) % kEntries];
    if (entry.tag == piece(va)) entry = {};
  }
  // Drops what lies in these bytes of the host, wherever it is mapped.
  void drop_host(const uint8_t* begin, uint64_t bytes) {
    for (Entry& entry : entries_) {
      if (entry.tag == ~uint64_t{0}) continue;
      const uintptr_t host = entry.tag + entry.addend;
      if (host - reinterpret_cast<uintptr_t>(begin) < bytes) entry = {};
    }
  }
  void clear() { entries_.fill({}); }

 private:
  std::array<Entry, kEntries> entries_{};
};

}  // namespace faultline::hw
