// One level of modelled TLB: any number of sets and ways, pages of any size.
// A plain model; time and counting are the Mmu's.
//
// A page's set is its number, in pages of its own size, modulo the sets. Where
// sizes share an array, a look-up does not know the size and asks for each that
// is held, smallest first, in the set which the page would have (hash-rehash;
// Papadopoulou, Tong, Seznec, Moshovos, "Prediction-based superpage-friendly TLB
// designs", HPCA 2015); only a hit touches replacement state.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "hw/base/types.h"
#include "hw/config/machine_config.h"
#include "hw/mmu/page_table_format.h"
#include "hw/mmu/tlb_entry.h"
#include "hw/mmu/use_order.h"

namespace faultline::hw {

class Tlb {
 public:
  static constexpr uint32_t kMiss = ~uint32_t{0};
  // Marks global entries in their keys; no address space may have it.
  static constexpr Asid kReservedAsid = 0xFFFF;
  // Sizes that arrays of a split TLB are for.
  static constexpr size_t kArrays = 3;

  // `page_shifts`: log2 of the format's page sizes, ascending, the base page
  // first. Throws std::invalid_argument for no sets or ways, or what
  // UseOrder refuses.
  Tlb(const TlbLevelConfig& config, uint64_t seed, std::span<const unsigned> page_shifts = kBasePages,
      TlbLarge large = TlbLarge::one);

  // Of all arrays together; a Place counts through them.
  uint32_t slots() const { return static_cast<uint32_t>(entries_.size()); }

  struct Place {
    uint32_t slot = kMiss;
    uint32_t set = 0;
    uint32_t array = 0;
    bool found() const { return slot != kMiss; }
  };

  // Where the page of the address is held. Changes nothing.
  Place find(VirtAddr va, Asid asid) const {
    for (uint64_t sizes = sizes_; sizes != 0; sizes &= sizes - 1) {
      const Place place = find_in(static_cast<unsigned>(std::countr_zero(sizes)), va, asid);
      if (place.found()) return place;
    }
    return {};
  }

  // Where a base page goes, and what it is called there. For what nearly every
  // miss is: base pages alone, looked for and then filled in.
  struct Home {
    uint64_t key = 0;
    uint32_t set = 0;
  };
  Home home(VirtAddr va, Asid asid) const {
    const uint64_t number = va.value >> base_shift_;
    return {key_of(number, asid), set_in(arrays_[0], number)};
  }
  // Nothing else is held.
  bool holds_base_pages_only() const { return (sizes_ & ~(uint64_t{1} << base_shift_)) == 0 && pieces_ == 0; }
  // find() where that is so.
  Place find_at(const Home& home) const {
    const Array& array = arrays_[0];
    if (array.indexed) [[unlikely]]
      return {find_in_index(home.key, base_shift_), home.set, 0};
    const uint32_t first = home.set * array.ways;
    for (uint32_t slot = first; slot < first + array.ways; ++slot) {
      if (is_at(slot, home.key, base_shift_)) return {slot, home.set, 0};
    }
    return {};
  }

  const TlbEntry& at(const Place& place) const { return entries_[place.slot]; }
  // Where the moment of every use of the page is stored (UseClock), for as long
  // as it is held there.
  uint64_t* used(const Place& place) {
    Array& array = arrays_[place.array];
    return array.order.cell(place.slot - array.first_slot);
  }
  void touch(const Place& place, uint64_t moment) { *used(place) = moment; }

  struct Filled {
    Place place;
    bool evicted = false;  // a valid entry had to go
  };
  // The page, which must not be held, takes an empty way (the lowest), else
  // that of the entry which replacement chooses. `moment`: later than every use before.
  Filled fill(VirtAddr va, Asid asid, const TlbEntry& entry, uint64_t moment);
  // The same where base pages alone are held, for a base page that is no piece of
  // a larger one and whose user_accesses are set; `va` and `asid` are the home's.
  Filled fill_at(const Home& home, VirtAddr va, Asid asid, const TlbEntry& entry, uint64_t moment) {
    Array& array = arrays_[0];
    if (held_[home.set] != array.ways) [[unlikely]]
      return fill(va, asid, entry, moment);
    if (array.indexed) [[unlikely]]
      return fill_indexed(home, entry, moment);
    const Place place{home.set * array.ways + array.order.victim(home.set), home.set, 0};
    put_at(home, place.slot, entry);
    array.order.fill(home.set, place.slot, moment);
    return {place, true};
  }
  // For what a walk found anew about the page of an address that is held: its
  // way and its replacement state stay. Where the page has another size by now,
  // the old entry goes and the new one is filled in.
  Filled renew(const Place& place, VirtAddr va, Asid asid, const TlbEntry& entry, uint64_t moment);

  // A page of one address space, or global, of whatever size; all entries that
  // belong to it. Calls dropped(slot) for each.
  template <class Dropped>
  void flush_page(VirtAddr va, Asid asid, Dropped dropped) {
    const auto drop_at = [&](const Place& place) {
      drop(place);
      dropped(place.slot);
    };
    for (uint64_t sizes = sizes_; sizes != 0; sizes &= sizes - 1) {
      const auto shift = static_cast<unsigned>(std::countr_zero(sizes));
      for (Place place = find_in(shift, va, asid); place.found(); place = find_in(shift, va, asid)) drop_at(place);
    }
    if (pieces_ != 0) for_each_piece_beside(va, asid, drop_at);
  }
  void flush_page(VirtAddr va, Asid asid) {
    flush_page(va, asid, [](uint32_t) {});
  }
  // What belongs to one address space; global entries stay.
  void flush_asid(Asid asid);
  // What belongs to any one address space; global entries stay.
  void flush_not_global();
  void flush_all();

  // Bytes of address space that the entries held translate.
  uint64_t reach() const {
    uint64_t bytes = 0;
    for (size_t shift = 0; shift < held_of_size_.size(); ++shift) bytes += uint64_t{held_of_size_[shift]} << shift;
    return bytes;
  }

 private:
  static constexpr unsigned kBasePages[] = {12};
  static constexpr uint64_t kAsidMask = 0xFFFF;
  static constexpr uint32_t kNoSlot = ~uint32_t{0};
  // Of the hash that look-ups in wide sets go through, for each entry: few share one.
  static constexpr size_t kBuckets = 8;

  static constexpr uint64_t kNoKey = ~uint64_t{0};

  struct Array {
    uint32_t sets;
    uint32_t ways;
    bool power_of_two;
    bool indexed;  // the sets are wide
    uint32_t first_set;
    uint32_t first_slot;
    UseOrder order;
  };

  // The top bits of the number repeat one another in every address that a
  // format allows, so the shift loses nothing.
  static uint64_t key_of(uint64_t number, Asid asid) { return number << 16 | asid; }

  uint32_t set_in(const Array& array, uint64_t number) const {
    return static_cast<uint32_t>(array.power_of_two ? number & (array.sets - 1) : number % array.sets);
  }
  bool empty(uint32_t slot) const { return entries_[slot].page_shift == 0; }
  static bool is_global(uint64_t key) { return (key & kAsidMask) == kReservedAsid; }
  [[gnu::always_inline]] bool is_at(uint32_t slot, uint64_t key, unsigned shift) const {
    const uint64_t held = keys_[slot];
    return (held == key || held == (key | kAsidMask)) && entries_[slot].page_shift == shift;
  }
  Place find_in(unsigned shift, VirtAddr va, Asid asid) const {
    const uint32_t n = array_of_[shift];
    const Array& array = arrays_[n];
    const uint64_t number = va.value >> shift;
    const uint64_t key = key_of(number, asid);
    const uint32_t set = set_in(array, number);
    if (array.indexed) return {find_in_index(key, shift), array.first_set + set, n};
    const uint32_t first = array.first_slot + set * array.ways;
    for (uint32_t slot = first; slot < first + array.ways; ++slot) {
      if (is_at(slot, key, shift)) return {slot, array.first_set + set, n};
    }
    return {};
  }

  void put_at(const Home& home, uint32_t slot, const TlbEntry& entry) {
    keys_[slot] = entry.permissions.global ? home.key | kAsidMask : home.key;
    entries_[slot] = entry;
  }
  Filled fill_indexed(const Home& home, const TlbEntry& entry, uint64_t moment);

  void add_array(uint32_t sets, uint32_t ways, Replacement replacement, uint64_t seed);
  void choose_arrays(const TlbLevelConfig& config, std::span<const unsigned> page_shifts, uint64_t seed);
  unsigned held_shift(const TlbEntry& entry) const;
  // Over the page number alone, so that a global entry is found from any address space.
  uint32_t bucket_of(uint64_t key) const {
    return static_cast<uint32_t>((key >> 16) * 0x9E3779B97F4A7C15 >> 32 & (index_.size() - 1));
  }
  uint32_t find_in_index(uint64_t key, unsigned shift) const;
  void link(uint32_t slot) {
    uint32_t& head = index_[bucket_of(keys_[slot])];
    next_[slot] = head;
    head = slot;
  }
  void unlink(uint32_t slot) {
    uint32_t* at = &index_[bucket_of(keys_[slot])];
    while (*at != slot) at = &next_[*at];
    *at = next_[slot];
  }
  void put(const Place& place, uint64_t number, Asid asid, const TlbEntry& entry, unsigned shift);
  void write(uint32_t slot, uint64_t number, Asid asid, const TlbEntry& entry, unsigned shift);
  void drop(const Place& place);
  bool replaces_alike(const TlbEntry& entry, uint32_t slot, unsigned shift) const;
  void forget_piece(const TlbEntry& held);
  template <class Visit>
  void for_each_piece_beside(VirtAddr va, Asid asid, Visit visit);
  template <class Goes>
  void drop_if(Goes goes);

  unsigned base_shift_;
  bool several_;
  std::vector<Array> arrays_;
  std::array<uint8_t, 64> array_of_{};  // by page_shift
  uint64_t sizes_ = 0;                  // bit s: pages of 2^s bytes are held
  uint64_t pieces_ = 0;                 // bit s: so are pieces of pages of 2^s bytes
  std::array<uint32_t, 64> held_of_size_{};
  std::array<uint32_t, 64> pieces_of_size_{};
  // By slot. A key is the page's number << 16 | the address space's identifier, or
  // kReservedAsid for global pages: a look-up compares it with both.
  std::vector<uint64_t> keys_;
  std::vector<TlbEntry> entries_;  // page_shift 0: empty
  std::vector<uint32_t> held_;     // by set: entries that are not empty
  // Chained hash over page numbers, only where sets are wide: heads by bucket, next by slot.
  std::vector<uint32_t> index_;
  std::vector<uint32_t> next_;
};

template <class Visit>
void Tlb::for_each_piece_beside(VirtAddr va, Asid asid, Visit visit) {
  for (uint32_t n = 0; n < arrays_.size(); ++n) {
    const Array& array = arrays_[n];
    for (uint32_t i = 0; i < array.sets * array.ways; ++i) {
      const uint32_t slot = array.first_slot + i;
      const uint64_t key = keys_[slot];
      const TlbEntry& entry = entries_[slot];
      if (empty(slot) || !(is_global(key) || (key & kAsidMask) == asid) || entry.leaf_shift <= entry.page_shift)
        continue;
      const uint64_t wanted = key_of(va.value >> entry.page_shift, 0) >> 16;
      if (((wanted ^ key >> 16) >> (entry.leaf_shift - entry.page_shift)) == 0) {
        visit(Place{slot, array.first_set + i / array.ways, n});
      }
    }
  }
}

}  // namespace faultline::hw
