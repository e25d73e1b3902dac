// The ways from a root to tables of the last level, each as it was read once.
// Such a way still holds where its entries read the same, which is seen sooner
// than found anew: no read waits for another.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "hw/base/types.h"
#include "hw/memory/backing_store.h"
#include "hw/mmu/page_table_format.h"
#include "hw/mmu/walk_cache.h"

namespace faultline::hw {

class KnownTables {
 public:
  // One way. By level, from 1: the entries read.
  struct Known {
    uint64_t prefix = ~uint64_t{0};  // of the addresses
    PhysAddr root{};
    // The table, which lies in memory as a whole.
    PhysAddr table{};
    const uint8_t* host = nullptr;
    Above above{};
    std::array<PhysAddr, PageTableFormat::kMaxLevels> places{};
    std::array<uint64_t, PageTableFormat::kMaxLevels> raws{};
  };

  KnownTables(const PageTableFormat& format, const BackingStore& memory)
      : format_(format),
        memory_(memory),
        shift_(format.entry_shift(0) + static_cast<unsigned>(std::countr_zero(format.entries(0)))),
        wide_(format.entry_bytes() == 8) {}

  // How the walk of a valid address comes to its table of the last level, from
  // what the entries hold now; null where it comes to none. Not timed, not
  // counted. Stands until the next call.
  const Known* find(PhysAddr root, VirtAddr va) {
    const uint64_t prefix = va.value >> shift_;
    Known& known = known_[prefix % kPlaces];
    if (known.prefix == prefix && known.root == root && unchanged(known)) [[likely]]
      return &known;
    return read(root, va, known) ? &known : nullptr;
  }

  // The byte is to be accessed soon, where the entries lead now: its host line
  // may come while that is found out in earnest.
  void expect(PhysAddr root, VirtAddr va) {
    const uint64_t prefix = va.value >> shift_;
    Known& known = known_[prefix % kPlaces];
    if ((known.prefix != prefix || known.root != root) && !read(root, va, known)) return;
    const PhysAddr page = format_.page_of(entry(known.host, va), 0);
    const PhysAddr byte = page + (va.value & memory_.page().mask());
    if (memory_.contains(byte, 1)) __builtin_prefetch(memory_.at(byte));
  }

  // The address's entry in a table that begins at the host's address.
  uint64_t entry(const uint8_t* table, VirtAddr va) const {
    const uint64_t index = format_.index(va, 0);
    return wide_ ? at<uint64_t>(table + 8 * index) : at<uint32_t>(table + 4 * index);
  }

 private:
  static constexpr size_t kPlaces = 64;

  template <class T>
  static T at(const uint8_t* host) {
    T raw;
    std::memcpy(&raw, host, sizeof(raw));
    return raw;
  }
  template <class T>
  bool reads_the_same(const Known& known) const {
    const uint8_t* const memory = memory_.at(PhysAddr(0));
    for (unsigned level = format_.root_level(); level > 0; --level) {
      if (at<T>(memory + known.places[level].value) != known.raws[level]) return false;
    }
    return true;
  }
  bool unchanged(const Known& known) const {
    return wide_ ? reads_the_same<uint64_t>(known) : reads_the_same<uint32_t>(known);
  }
  bool read(PhysAddr root, VirtAddr va, Known& known) const;

  const PageTableFormat& format_;
  const BackingStore& memory_;
  unsigned shift_;                      // log2 bytes of address space that a table of the last level spans
  bool wide_;                           // entries have 8 bytes, not 4
  std::array<Known, kPlaces> known_{};  // by prefix
};

}  // namespace faultline::hw
