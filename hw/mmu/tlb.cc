#include "hw/mmu/tlb.h"

#include <bit>
#include <stdexcept>

namespace faultline::hw {
namespace {

uint8_t user_accesses_of(const TlbEntry& entry) {
  const Permissions& permissions = entry.permissions;
  if (!permissions.user) return 0;
  const auto bit = [](Access access, bool may) { return static_cast<uint8_t>(may << static_cast<unsigned>(access)); };
  return bit(Access::fetch, permissions.execute) | bit(Access::load, permissions.read) |
         bit(Access::store, permissions.write && entry.dirty);
}

}  // namespace

Tlb::Tlb(const TlbLevelConfig& config, uint64_t seed)
    : sets_(config.sets),
      ways_(config.ways),
      power_of_two_(std::has_single_bit(config.sets)),
      replacement_(config.replacement, config.sets, config.ways, seed) {
  if (sets_ == 0 || ways_ == 0) throw std::invalid_argument("a TLB has at least one set and one way");
  const size_t slots = size_t{sets_} * ways_;
  keys_.resize(slots);
  entries_.resize(slots);
  held_.resize(sets_);
  if (ways_ >= kIndexedWays) {
    index_.assign(std::bit_ceil(2 * slots), kNoSlot);
    next_.assign(slots, kNoSlot);
  }
}

// Over the page number alone, so that a global entry is found from any address space.
uint32_t Tlb::bucket_of(uint64_t key) const {
  return static_cast<uint32_t>((key >> 16) * 0x9E3779B97F4A7C15 >> 32 & (index_.size() - 1));
}

uint32_t Tlb::probe_index(uint64_t key) const {
  for (uint32_t slot = index_[bucket_of(key)]; slot != kNoSlot; slot = next_[slot]) {
    if (keys_[slot].matches(key)) return slot;
  }
  return kMiss;
}

void Tlb::put(uint32_t slot, uint64_t key, const TlbEntry& entry) {
  keys_[slot].value = key;
  refresh(slot, entry);
  ++held_[slot / ways_];
  if (index_.empty()) return;
  uint32_t& head = index_[bucket_of(key)];
  next_[slot] = head;
  head = slot;
}

void Tlb::drop(uint32_t slot) {
  if (!index_.empty()) {
    uint32_t* link = &index_[bucket_of(keys_[slot].value)];
    while (*link != slot) link = &next_[*link];
    *link = next_[slot];
  }
  keys_[slot] = {};
  --held_[slot / ways_];
}

void Tlb::refresh(uint32_t slot, const TlbEntry& entry) {
  keys_[slot].mask = mask_of(entry);
  entries_[slot] = entry;
  entries_[slot].user_accesses = user_accesses_of(entry);
}

Tlb::Filled Tlb::fill(Vpn vpn, Asid asid, const TlbEntry& entry) {
  const uint32_t set = set_of(vpn);
  const bool full = held_[set] == ways_;
  uint32_t slot = set * ways_;
  if (full) {
    slot += replacement_.victim(set);
    drop(slot);
  } else {
    while (!keys_[slot].empty()) ++slot;
  }
  put(slot, key_of(vpn, asid), entry);
  replacement_.fill(set, slot - set * ways_);
  return {slot, full};
}

void Tlb::flush_page(Vpn vpn, Asid asid) {
  const uint32_t slot = probe(vpn, asid);
  if (slot != kMiss) drop(slot);
}

void Tlb::flush_asid(Asid asid) {
  for (uint32_t slot = 0; slot < keys_.size(); ++slot) {
    const Key& key = keys_[slot];
    if (!key.empty() && key.mask == ~uint64_t{0} && (key.value & kAsidMask) == asid) drop(slot);
  }
}

void Tlb::flush_not_global() {
  for (uint32_t slot = 0; slot < keys_.size(); ++slot) {
    if (!keys_[slot].empty() && keys_[slot].mask == ~uint64_t{0}) drop(slot);
  }
}

void Tlb::flush_all() {
  for (uint32_t slot = 0; slot < keys_.size(); ++slot) {
    if (!keys_[slot].empty()) drop(slot);
  }
}

}  // namespace faultline::hw
