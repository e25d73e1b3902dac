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
    uint64_t tag = ~uint64_t{0};  // virtual address >> kShift; ~0 matches nothing
    uintptr_t addend = 0;         // host address = virtual address + addend
  };

  // The host address of `va`, or null: then ask Mmu::translate. The caller
  // must know that the access does not leave the 4 KB piece.
  uint8_t* find(uint64_t va) const {
    const Entry& entry = entries_[(va >> kShift) % kEntries];
    return entry.tag == va >> kShift ? reinterpret_cast<uint8_t*>(va + entry.addend) : nullptr;
  }

  const Entry& slot(uint64_t va) const { return entries_[(va >> kShift) % kEntries]; }

  void set(uint64_t va, const uint8_t* host) {
    entries_[(va >> kShift) % kEntries] = {va >> kShift, reinterpret_cast<uintptr_t>(host) - va};
  }
  void drop(uint64_t va) {
    Entry& entry = entries_[(va >> kShift) % kEntries];
    if (entry.tag == va >> kShift) entry = {};
  }
  void clear() { entries_.fill({}); }

 private:
  std::array<Entry, kEntries> entries_{};
};

}  // namespace faultline::hw
