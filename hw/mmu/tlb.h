// One level of modelled TLB: any number of sets and ways, set = vpn mod sets.
// A plain model; time and counting are the Mmu's.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hw/base/types.h"
#include "hw/config/machine_config.h"
#include "hw/memory/replacement_state.h"
#include "hw/mmu/page_table_format.h"

namespace faultline::hw {

// One page's translation.
struct TlbEntry {
  Pfn pfn{};                  // of the base page that holds the address
  Permissions permissions{};  // `global` matches every address space
  bool dirty = false;         // the modified bit is known to be set
  uint8_t page_shift = 0;     // log2 bytes of the page that it translates
  // Bit a: user mode may make Access a with no walk. The TLB keeps it true.
  uint8_t user_accesses = 0;

  bool user_may(Access access) const { return (user_accesses >> static_cast<unsigned>(access) & 1) != 0; }
};

class Tlb {
 public:
  static constexpr uint32_t kMiss = ~uint32_t{0};
  // Marks empty entries; no address space may have it.
  static constexpr Asid kReservedAsid = 0xFFFF;

  // Throws std::invalid_argument for no sets or ways, or what ReplacementState refuses.
  Tlb(const TlbLevelConfig& config, uint64_t seed);

  uint32_t sets() const { return sets_; }
  uint32_t ways() const { return ways_; }
  uint32_t set_of(Vpn vpn) const {
    return static_cast<uint32_t>(power_of_two_ ? vpn.value & (sets_ - 1) : vpn.value % sets_);
  }
  uint32_t set_of_slot(uint32_t slot) const { return slot / ways_; }

  // The slot that holds the page, or kMiss. Changes nothing.
  uint32_t probe(Vpn vpn, Asid asid) const { return probe_in(set_of(vpn), vpn, asid); }
  // The same where the page's set is known.
  uint32_t probe_in(uint32_t set, Vpn vpn, Asid asid) const {
    const uint64_t key = key_of(vpn, asid);
    if (!index_.empty()) return probe_index(key);
    const uint32_t first = set * ways_;
    for (uint32_t slot = first; slot < first + ways_; ++slot) {
      if (keys_[slot].matches(key)) return slot;
    }
    return kMiss;
  }

  const TlbEntry& at(uint32_t slot) const { return entries_[slot]; }
  // For what a walk found anew about a page that is held: its way and its
  // replacement state stay.
  void refresh(uint32_t slot, const TlbEntry& entry);

  // The page was used.
  void touch(uint32_t set, uint32_t slot) { replacement_.touch(set, slot - set * ways_); }
  struct Filled {
    uint32_t slot;
    bool evicted;  // a valid entry had to go
  };
  // The page, which must not be held, takes an empty way (the lowest), else
  // that of the entry which replacement chooses.
  Filled fill(Vpn vpn, Asid asid, const TlbEntry& entry);

  // A page of one address space, or global.
  void flush_page(Vpn vpn, Asid asid);
  // What belongs to one address space; global entries stay.
  void flush_asid(Asid asid);
  // What belongs to any one address space; global entries stay.
  void flush_not_global();
  void flush_all();

 private:
  struct Key {
    uint64_t value = ~uint64_t{0};  // vpn << 16 | asid
    uint64_t mask = ~uint64_t{0};   // without the asid's bits for global entries

    bool matches(uint64_t key) const { return ((value ^ key) & mask) == 0; }
    bool empty() const { return value == ~uint64_t{0}; }
  };
  static constexpr uint64_t kAsidMask = 0xFFFF;
  static constexpr uint32_t kNoSlot = ~uint32_t{0};
  // From so many ways on, look-ups go through a hash.
  static constexpr uint32_t kIndexedWays = 17;

  // The top bits of the vpn repeat one another in every address that a format
  // allows, so the shift loses nothing.
  static uint64_t key_of(Vpn vpn, Asid asid) { return vpn.value << 16 | asid; }

  uint32_t probe_index(uint64_t key) const;
  uint32_t bucket_of(uint64_t key) const;
  void put(uint32_t slot, uint64_t key, const TlbEntry& entry);
  void drop(uint32_t slot);
  static uint64_t mask_of(const TlbEntry& entry) { return entry.permissions.global ? ~kAsidMask : ~uint64_t{0}; }

  uint32_t sets_;
  uint32_t ways_;
  bool power_of_two_;
  ReplacementState replacement_;
  std::vector<Key> keys_;          // by slot
  std::vector<uint32_t> held_;     // by set: entries that are not empty
  std::vector<TlbEntry> entries_;  // by slot
  // Chained hash over the vpn, only where sets are wide: heads by bucket, next by slot.
  std::vector<uint32_t> index_;
  std::vector<uint32_t> next_;
};

}  // namespace faultline::hw
