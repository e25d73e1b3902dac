#include "hw/mmu/host_stage.h"

#include <bit>
#include <stdexcept>
#include <string>
#include <utility>

namespace faultline::hw {
namespace {

// log2 bytes; nothing for the format's smallest.
constexpr std::optional<unsigned> shift_of(NestedPage page) {
  switch (page) {
    case NestedPage::small:
      return 12;
    case NestedPage::medium:
      return 21;
    case NestedPage::large:
      return 30;
    case NestedPage::base:
      break;
  }
  return std::nullopt;
}

unsigned span_shift(const PageTableFormat& format, unsigned level) {
  return static_cast<unsigned>(std::countr_zero(format.entry_span(level)));
}

bool permits(const HostStage::Found& found, Access access) {
  switch (access) {
    case Access::fetch:
      return found.execute;
    case Access::load:
      return found.read;
    case Access::store:
      return found.read && found.write;
  }
  return false;
}

}  // namespace

unsigned leaf_level_of(const PageTableFormat& format, NestedPage page) {
  const std::optional<unsigned> shift = shift_of(page);
  for (unsigned level = 0; level < format.levels(); ++level) {
    if (format.leaf_allowed(level) && span_shift(format, level) == shift.value_or(span_shift(format, level)))
      return level;
  }
  throw std::invalid_argument("nested.page: " + std::string(format.name()) + " tables have no pages of that size");
}

HostStage::HostStage(PageTableFormat format, EntryPort& entries, const NestedConfig& config, bool tlb, uint64_t seed)
    : format_(std::move(format)),
      entries_(entries),
      granule_shift_(span_shift(format_, leaf_level_of(format_, config.page))) {
  if (tlb) tlb_.emplace(config.tlb, seed);
}

void HostStage::begin() {
  counts_ = {};
  asked_count_ = 0;
}

// What this walk found itself comes before what was there.
const HostStage::Held* HostStage::look_up(uint64_t granule) const {
  for (unsigned i = 0; i < asked_count_; ++i) {
    if (asked_[i].granule == granule) return &asked_[i].held;
  }
  const uint32_t slot = tlb_->find(granule, vmid_);
  return slot == Array::kMiss ? nullptr : &tlb_->at(slot);
}

HostStage::Found HostStage::translate(PhysAddr guest, Access access, Cycles& now) {
  Found found;
  const Held* held = nullptr;
  if (tlb_) {
    ++counts_.lookups;
    held = look_up(guest.value >> granule_shift_);
  }
  if (held) {
    ++counts_.hits;
    const uint64_t below = (uint64_t{1} << granule_shift_) - 1;
    found = {true, held->base + (guest.value & below), granule_shift_, held->read, held->write, held->execute};
  } else {
    found = walk(guest, now);
  }
  if (found.ok && tlb_) remember(guest, found);
  found.ok = found.ok && permits(found, access);
  return found;
}

// A page smaller than the granule has no place in the nested TLB.
void HostStage::remember(PhysAddr guest, const Found& found) {
  if (found.shift < granule_shift_) return;
  const uint64_t below = (uint64_t{1} << granule_shift_) - 1;
  asked_[asked_count_++] = {guest.value >> granule_shift_,
                            {PhysAddr(found.address.value & ~below), found.read, found.write, found.execute}};
}

HostStage::Found HostStage::walk(PhysAddr guest, Cycles& now) {
  const VirtAddr address(guest.value);
  if (!format_.valid_address(address)) return {};
  PhysAddr table = root_;
  uint64_t raw = 0;
  unsigned level = format_.root_level();
  Permissions permissions{.read = true, .write = true, .execute = true, .user = true};
  const auto restrict = [&permissions](const Entry& entry) {
    permissions.write = permissions.write && entry.writable;
    permissions.execute = permissions.execute && entry.executable;
    permissions.user = permissions.user && entry.user;
  };
  for (;; --level) {
    const PhysAddr entry = format_.entry_address(table, address, level);
    if (!entries_.holds(entry, format_.entry_bytes())) return {};
    raw = entries_.read(entry, format_.entry_bytes(), now);
    ++counts_.reads;
    if (!format_.points_at_table(raw, level)) break;
    if (format_.tables_restrict()) restrict(format_.decode(raw, level));
    table = format_.table_of(raw);
  }
  const Entry leaf = format_.decode(raw, level);
  restrict(leaf);
  if (!leaf.valid || !permissions.user) return {};
  const uint64_t below = format_.entry_span(level) - 1;
  const PhysAddr byte(format_.page().address(leaf.pfn).value | (guest.value & below));
  if (!entries_.holds(byte, 1)) return {};
  counts_.depths += format_.levels() - level;
  return {true, byte, span_shift(format_, level), leaf.readable, permissions.write, permissions.execute};
}

// Earlier fills may have pushed out what was a hit then; it comes back.
void HostStage::commit() {
  if (!tlb_) return;
  for (unsigned i = 0; i < asked_count_; ++i) {
    const uint32_t slot = tlb_->find(asked_[i].granule, vmid_);
    if (slot == Array::kMiss) {
      tlb_->fill(asked_[i].granule, vmid_, asked_[i].held);
    } else {
      tlb_->touch(slot);
    }
  }
}

void HostStage::flush() {
  if (tlb_) tlb_->clear();
}

}  // namespace faultline::hw
