#include "hw/mmu/tlb.h"

#include <algorithm>
#include <stdexcept>

namespace faultline::hw {
namespace {

// Between the generators of a split TLB's arrays.
constexpr uint64_t kArraySeed = 1000;

}  // namespace

Tlb::Tlb(const TlbLevelConfig& config, uint64_t seed, std::span<const unsigned> page_shifts, TlbLarge large)
    : base_shift_(page_shifts[0]), several_(large == TlbLarge::several) {
  add_array(config.sets, config.ways, config.replacement, seed);
  if (config.split && !several_) choose_arrays(config, page_shifts, seed);
  const size_t all = size_t{arrays_.back().first_slot} + size_t{arrays_.back().sets} * arrays_.back().ways;
  keys_.assign(all, kNoKey);
  entries_.resize(all);
  held_.resize(arrays_.back().first_set + arrays_.back().sets);
  if (std::any_of(arrays_.begin(), arrays_.end(), [](const Array& array) { return array.indexed; })) {
    index_.assign(std::bit_ceil(kBuckets * all), kNoSlot);
    next_.assign(all, kNoSlot);
  }
}

void Tlb::add_array(uint32_t sets, uint32_t ways, Replacement replacement, uint64_t seed) {
  if (sets == 0 || ways == 0) throw std::invalid_argument("a TLB has at least one set and one way");
  uint32_t first_set = 0;
  uint32_t first_slot = 0;
  if (!arrays_.empty()) {
    const Array& last = arrays_.back();
    first_set = last.first_set + last.sets;
    first_slot = last.first_slot + last.sets * last.ways;
  }
  arrays_.push_back({.sets = sets,
                     .ways = ways,
                     .power_of_two = std::has_single_bit(sets),
                     .indexed = UseOrder::is_wide(sets, ways),
                     .first_set = first_set,
                     .first_slot = first_slot,
                     .order = UseOrder(replacement, sets, ways, seed + arrays_.size() * kArraySeed)});
}

// A page goes into the array of the largest size that is not above its own.
void Tlb::choose_arrays(const TlbLevelConfig& config, std::span<const unsigned> page_shifts, uint64_t seed) {
  const TlbArrayConfig* const more[] = {&config.large, &config.huge};
  for (size_t size = 1; size < std::min(page_shifts.size(), kArrays); ++size) {
    const TlbArrayConfig& array = *more[size - 1];
    if (!array.enabled) continue;
    add_array(array.sets, array.ways, array.replacement, seed);
    std::fill(array_of_.begin() + page_shifts[size], array_of_.end(), static_cast<uint8_t>(arrays_.size() - 1));
  }
}

unsigned Tlb::held_shift(const TlbEntry& entry) const {
  return several_ ? base_shift_ : std::max<unsigned>(entry.page_shift, base_shift_);
}

uint32_t Tlb::find_in_index(uint64_t key, unsigned shift) const {
  for (uint32_t slot = index_[bucket_of(key)]; slot != kNoSlot; slot = next_[slot]) {
    if (is_at(slot, key, shift)) return slot;
  }
  return kMiss;
}

// fill_at() of a full set that is wide.
Tlb::Filled Tlb::fill_indexed(const Home& home, const TlbEntry& entry, uint64_t moment) {
  Array& array = arrays_[0];
  const Place place{home.set * array.ways + array.order.victim(home.set), home.set, 0};
  unlink(place.slot);
  put_at(home, place.slot, entry);
  link(place.slot);
  array.order.fill(home.set, place.slot, moment);
  return {place, true};
}

void Tlb::write(uint32_t slot, uint64_t number, Asid asid, const TlbEntry& entry, unsigned shift) {
  keys_[slot] = key_of(number, entry.permissions.global ? kReservedAsid : asid);
  TlbEntry& held = entries_[slot];
  held = entry;
  held.page_shift = static_cast<uint8_t>(shift);
  held.leaf_shift = static_cast<uint8_t>(std::max<unsigned>({shift, entry.page_shift, entry.leaf_shift}));
  held.set_user_accesses();
  if (held.leaf_shift > shift && pieces_of_size_[held.leaf_shift]++ == 0) pieces_ |= uint64_t{1} << held.leaf_shift;
}

void Tlb::put(const Place& place, uint64_t number, Asid asid, const TlbEntry& entry, unsigned shift) {
  write(place.slot, number, asid, entry, shift);
  ++held_[place.set];
  if (held_of_size_[shift]++ == 0) sizes_ |= uint64_t{1} << shift;
  if (arrays_[place.array].indexed) link(place.slot);
}

void Tlb::forget_piece(const TlbEntry& held) {
  if (held.leaf_shift <= held.page_shift) return;
  if (--pieces_of_size_[held.leaf_shift] == 0) pieces_ &= ~(uint64_t{1} << held.leaf_shift);
}

void Tlb::drop(const Place& place) {
  const uint32_t slot = place.slot;
  if (arrays_[place.array].indexed) unlink(slot);
  TlbEntry& held = entries_[slot];
  forget_piece(held);
  if (--held_of_size_[held.page_shift] == 0) sizes_ &= ~(uint64_t{1} << held.page_shift);
  keys_[slot] = kNoKey;
  held.page_shift = 0;
  --held_[place.set];
}

// The entry that goes and the one that comes count the same: whole pages of one size.
inline bool Tlb::replaces_alike(const TlbEntry& entry, uint32_t slot, unsigned shift) const {
  const TlbEntry& old = entries_[slot];
  return old.page_shift == shift && old.leaf_shift == shift && entry.page_shift == shift && entry.leaf_shift == shift;
}

Tlb::Filled Tlb::fill(VirtAddr va, Asid asid, const TlbEntry& entry, uint64_t moment) {
  const unsigned shift = held_shift(entry);
  const uint32_t n = array_of_[shift];
  Array& array = arrays_[n];
  const uint64_t number = va.value >> shift;
  const uint32_t set = set_in(array, number);
  const uint32_t first = set * array.ways;
  Place place{array.first_slot + first, array.first_set + set, n};
  const bool full = held_[place.set] == array.ways;
  if (full) {
    place.slot += array.order.victim(set);
    if (replaces_alike(entry, place.slot, shift)) [[likely]] {
      if (array.indexed) unlink(place.slot);
      keys_[place.slot] = key_of(number, entry.permissions.global ? kReservedAsid : asid);
      entries_[place.slot] = entry;
      entries_[place.slot].set_user_accesses();
      if (array.indexed) link(place.slot);
      array.order.fill(set, place.slot - array.first_slot, moment);
      return {place, true};
    }
    drop(place);
  } else {
    while (!empty(place.slot)) ++place.slot;
  }
  put(place, number, asid, entry, shift);
  array.order.fill(set, place.slot - array.first_slot, moment);
  return {place, full};
}

Tlb::Filled Tlb::renew(const Place& place, VirtAddr va, Asid asid, const TlbEntry& entry, uint64_t moment) {
  const TlbEntry& held = entries_[place.slot];
  const unsigned shift = held_shift(entry);
  if (shift == held.page_shift) {
    forget_piece(held);
    write(place.slot, va.value >> shift, asid, entry, shift);
    return {place, false};
  }
  drop(place);
  const Place other = find_in(shift, va, asid);
  return other.found() ? renew(other, va, asid, entry, moment) : fill(va, asid, entry, moment);
}

template <class Goes>
void Tlb::drop_if(Goes goes) {
  for (uint32_t n = 0; n < arrays_.size(); ++n) {
    const Array& array = arrays_[n];
    for (uint32_t i = 0; i < array.sets * array.ways; ++i) {
      const uint32_t slot = array.first_slot + i;
      if (!empty(slot) && goes(keys_[slot])) drop({slot, array.first_set + i / array.ways, n});
    }
  }
}

void Tlb::flush_asid(Asid asid) {
  drop_if([asid](uint64_t key) { return (key & kAsidMask) == asid; });
}

void Tlb::flush_not_global() {
  drop_if([](uint64_t key) { return !is_global(key); });
}

void Tlb::flush_all() {
  drop_if([](uint64_t) { return true; });
}

}  // namespace faultline::hw
