#include "hw/mmu/tlb.h"

#include <algorithm>
#include <stdexcept>

namespace faultline::hw {
namespace {

// Between the generators of a split TLB's arrays.
constexpr uint64_t kArraySeed = 1000;

uint8_t user_accesses_of(const TlbEntry& entry) {
  const Permissions& permissions = entry.permissions;
  if (!permissions.user) return 0;
  const auto bit = [](Access access, bool may) { return static_cast<uint8_t>(may << static_cast<unsigned>(access)); };
  return bit(Access::fetch, permissions.execute) | bit(Access::load, permissions.read) |
         bit(Access::store, permissions.write && entry.dirty);
}

}  // namespace

Tlb::Tlb(const TlbLevelConfig& config, uint64_t seed, std::span<const unsigned> page_shifts, TlbLarge large)
    : base_shift_(page_shifts[0]), several_(large == TlbLarge::several) {
  add_array(config.sets, config.ways, config.replacement, seed);
  if (config.split && !several_) choose_arrays(config, page_shifts, seed);
  const size_t slots = size_t{arrays_.back().first_slot} + size_t{arrays_.back().sets} * arrays_.back().ways;
  keys_.resize(slots);
  entries_.resize(slots);
  held_.resize(arrays_.back().first_set + arrays_.back().sets);
  if (std::any_of(arrays_.begin(), arrays_.end(), [](const Array& array) { return array.indexed; })) {
    index_.assign(std::bit_ceil(2 * slots), kNoSlot);
    next_.assign(slots, kNoSlot);
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
                     .indexed = ways >= kIndexedWays,
                     .first_set = first_set,
                     .first_slot = first_slot,
                     .replacement = ReplacementState(replacement, sets, ways, seed + arrays_.size() * kArraySeed)});
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

// Over the page number alone, so that a global entry is found from any address space.
uint32_t Tlb::bucket_of(uint64_t key) const {
  return static_cast<uint32_t>((key >> 16) * 0x9E3779B97F4A7C15 >> 32 & (index_.size() - 1));
}

uint32_t Tlb::find_in_index(uint64_t key, unsigned shift) const {
  for (uint32_t slot = index_[bucket_of(key)]; slot != kNoSlot; slot = next_[slot]) {
    if (keys_[slot].matches(key) && entries_[slot].page_shift == shift) return slot;
  }
  return kMiss;
}

void Tlb::write(uint32_t slot, const TlbEntry& entry, unsigned shift) {
  keys_[slot].mask = entry.permissions.global ? ~kAsidMask : ~uint64_t{0};
  TlbEntry& held = entries_[slot];
  held = entry;
  held.page_shift = static_cast<uint8_t>(shift);
  held.leaf_shift = static_cast<uint8_t>(std::max<unsigned>({shift, entry.page_shift, entry.leaf_shift}));
  held.user_accesses = user_accesses_of(entry);
  if (held.leaf_shift > shift && pieces_of_size_[held.leaf_shift]++ == 0) pieces_ |= uint64_t{1} << held.leaf_shift;
}

void Tlb::put(const Place& place, uint64_t key, const TlbEntry& entry, unsigned shift) {
  keys_[place.slot].value = key;
  write(place.slot, entry, shift);
  ++held_[place.set];
  if (held_of_size_[shift]++ == 0) sizes_ |= uint64_t{1} << shift;
  if (!arrays_[place.array].indexed) return;
  uint32_t& head = index_[bucket_of(key)];
  next_[place.slot] = head;
  head = place.slot;
}

void Tlb::forget_piece(const TlbEntry& held) {
  if (held.leaf_shift <= held.page_shift) return;
  if (--pieces_of_size_[held.leaf_shift] == 0) pieces_ &= ~(uint64_t{1} << held.leaf_shift);
}

void Tlb::drop(uint32_t n, uint32_t slot) {
  const Array& array = arrays_[n];
  if (array.indexed) {
    uint32_t* link = &index_[bucket_of(keys_[slot].value)];
    while (*link != slot) link = &next_[*link];
    *link = next_[slot];
  }
  const TlbEntry& held = entries_[slot];
  forget_piece(held);
  if (--held_of_size_[held.page_shift] == 0) sizes_ &= ~(uint64_t{1} << held.page_shift);
  keys_[slot] = {};
  --held_[array.first_set + (slot - array.first_slot) / array.ways];
}

Tlb::Filled Tlb::fill(VirtAddr va, Asid asid, const TlbEntry& entry) {
  const unsigned shift = held_shift(entry);
  const uint32_t n = array_of_[shift];
  Array& array = arrays_[n];
  const uint64_t number = va.value >> shift;
  const uint32_t set = set_in(array, number);
  const bool full = held_[array.first_set + set] == array.ways;
  uint32_t slot = array.first_slot + set * array.ways;
  if (full) {
    slot += array.replacement.victim(set);
    drop(n, slot);
  } else {
    while (!keys_[slot].empty()) ++slot;
  }
  const Place place{slot, array.first_set + set, n};
  put(place, key_of(number, asid), entry, shift);
  array.replacement.fill(set, way_of(array, place));
  return {place, full};
}

Tlb::Filled Tlb::renew(const Place& place, VirtAddr va, Asid asid, const TlbEntry& entry) {
  const TlbEntry& held = entries_[place.slot];
  if (held_shift(entry) == held.page_shift) {
    forget_piece(held);
    write(place.slot, entry, held.page_shift);
    return {place, false};
  }
  drop(place.array, place.slot);
  const Place other = find_in(held_shift(entry), va, asid);
  return other.found() ? renew(other, va, asid, entry) : fill(va, asid, entry);
}

template <class Goes>
void Tlb::drop_if(Goes goes) {
  for (uint32_t n = 0; n < arrays_.size(); ++n) {
    const uint32_t first = arrays_[n].first_slot;
    for (uint32_t slot = first; slot < first + arrays_[n].sets * arrays_[n].ways; ++slot) {
      if (!keys_[slot].empty() && goes(keys_[slot])) drop(n, slot);
    }
  }
}

void Tlb::flush_asid(Asid asid) {
  drop_if([asid](const Key& key) { return key.mask == ~uint64_t{0} && (key.value & kAsidMask) == asid; });
}

void Tlb::flush_not_global() {
  drop_if([](const Key& key) { return key.mask == ~uint64_t{0}; });
}

void Tlb::flush_all() {
  drop_if([](const Key&) { return true; });
}

}  // namespace faultline::hw
