#include "hw/mmu/page_table_walker.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace faultline::hw {
namespace {

// Apart from those of the TLBs.
constexpr uint64_t kCacheSeed = 20;
constexpr uint64_t kNestedTlbSeed = 30;
// The shift of an entry whose address a walk cache knew: it spreads over no border.
constexpr unsigned kWholeMemory = 63;

std::optional<HostStage> make_host(const MachineConfig& config, EntryPort& entries) {
  const NestedConfig& nested = config.nested;
  if (!nested.enabled) return std::nullopt;
  return HostStage(make_host_page_table_format(config), entries, nested, config.tlb.enabled && nested.tlb.enabled,
                   config.seed + kNestedTlbSeed);
}

}  // namespace

PageTableWalker::PageTableWalker(sc_core::sc_module_name name, const PageTableFormat& format, BackingStore& memory,
                                 const Clock& clock, MemorySide* side, const MachineConfig& config)
    : sc_module(name),
      format_(format),
      memory_(memory),
      entries_(memory, clock, side),
      caches_(format, config.walker, config.seed + kCacheSeed),
      cache_cycles_(caches_.any() ? config.walker.cache.cycles : 0),
      host_(make_host(config, entries_)),
      meanings_(format),
      known_(format, memory),
      set_in_tables_(format.tables_have_referenced() ? format.referenced_bit() : 0) {}

void PageTableWalker::set_host(PhysAddr root, Vmid vmid) {
  if (!host_) return;
  host_->set_root(root, vmid);
  flush_all();
}

void PageTableWalker::flush_all() {
  caches_.flush_all();
  if (host_) host_->flush();
}

WalkResult PageTableWalker::walk(const WalkRequest& request, Cycles& now) {
  return host_ ? walk_tables<true>(request, now) : walk_tables<false>(request, now);
}

template <bool kNested>
inline WalkResult PageTableWalker::walk_tables(const WalkRequest& request, Cycles& now) {
  ++statistics_.walks;
  const uint64_t reads = entries_.reads();
  const uint64_t writes = entries_.writes();
  Walk walk(request, now);
  if constexpr (kNested) host_->begin();
  descend<kNested>(walk);
  WalkResult& result = walk.result;
  if (result.status == Translation::Status::ok) finish<kNested>(walk);
  if (result.status == Translation::Status::ok) remember(walk);
  if constexpr (kNested) result.host = host_->counts();
  result.reads = static_cast<uint8_t>(entries_.reads() - reads);
  result.writes = static_cast<uint8_t>(entries_.writes() - writes);
  statistics_.reads += result.reads;
  statistics_.writes += result.writes;
  entries_.settle();
  return result;
}

// Where to begin: at the root, or below what a walk cache knows.
TablePointer PageTableWalker::begin(Walk& walk) {
  const WalkRequest& request = walk.request;
  walk.now += cache_cycles_;
  walk.result.first = static_cast<uint8_t>(format_.root_level());
  if (!caches_.any()) return {request.root, {}};
  for (unsigned level = 1; level < format_.levels(); ++level) {
    const TablePointer* known = caches_.find(level, request.address, request.asid);
    if (!known) continue;
    walk.result.first = static_cast<uint8_t>(level - 1);
    return *known;
  }
  return {request.root, {}};
}

// Where the step's entry, which has its address in its table's terms, lies in memory.
template <bool kNested>
inline bool PageTableWalker::locate(Walk& walk, Step& step, bool translated) {
  if constexpr (!kNested) return entries_.holds(step.address, format_.entry_bytes());
  step.shift = kWholeMemory;
  if (!translated) {
    const HostStage::Found found = host_->translate(step.address, Access::store, walk.now);
    if (!found.ok) return false;
    step.address = found.address;
    step.shift = found.shift;
  }
  return entries_.holds(step.address, format_.entry_bytes());
}

// Reads entries down to the first that points at no table.
template <bool kNested>
inline void PageTableWalker::descend(Walk& walk) {
  WalkResult& result = walk.result;
  const TablePointer from = begin(walk);
  const bool cached = result.first != format_.root_level();
  walk.above = walk.entered = from.above;
  PhysAddr table = from.table;
  unsigned level = result.first;
  for (;; --level) {
    Step& step = walk.steps[level];
    step.address = format_.entry_address(table, walk.request.address, level);
    if (!locate<kNested>(walk, step, cached && level == result.first)) {
      result.status = Translation::Status::access_fault;
      break;
    }
    step.raw = entries_.read(step.address, format_.entry_bytes(), walk.now);
    if (!format_.points_at_table(step.raw, level)) break;
    walk.above.all &= step.raw;
    walk.above.any |= step.raw;
    step.set = set_in_tables_ & ~step.raw;
    walk.changes |= step.set;
    table = format_.table_of(step.raw);
  }
  result.level = static_cast<uint8_t>(level);
}

// The walk cache of the lowest level knows the table.
unsigned PageTableWalker::walk_below_cached(const WalkRequest& request, Cycles& now, TlbEntry& entry) {
  const uint32_t slot = caches_.slot_of(1, request.address, request.asid);
  if (slot == WalkCaches::kMiss) return 0;
  const TablePointer& pointer = caches_.at(1, slot);
  const PhysAddr place = format_.entry_address(pointer.table, request.address, 0);
  const unsigned bytes = format_.entry_bytes();
  if (!entries_.holds(place, bytes)) return 0;
  if (!take_page(request, entries_.peek(place, bytes), pointer.above, entry)) return 0;
  now += cache_cycles_;
  caches_.touch_slot(1, slot);
  ++statistics_.walks;
  ++statistics_.reads;
  entries_.count_read(place, bytes, now);
  return 1;
}

// The walk came to an entry that points at no table: is it a page, may the
// access be, and which bits does it leave?
template <bool kNested>
inline void PageTableWalker::finish(Walk& walk) {
  const WalkRequest& request = walk.request;
  WalkResult& result = walk.result;
  Step& last = walk.steps[result.level];
  const LeafMeaning meaning =
      result.level == 0 ? meanings_.of(last.raw, walk.above) : meanings_.tell(last.raw, result.level, walk.above);
  result.permissions = meaning.permissions;
  if (!meaning.valid || !permits(result.permissions, request.access, request.privilege)) {
    result.status = Translation::Status::page_fault;
    return;
  }
  const uint64_t below = format_.entry_span(result.level) - 1;  // bytes of the leaf's page, less one
  const PhysAddr page = format_.page_of(last.raw, result.level);
  if (!locate_page<kNested>(walk, PhysAddr(page.value | (request.address.value & below)))) {
    result.status = Translation::Status::access_fault;
    return;
  }
  const bool store = request.access == Access::store;
  const uint64_t bits = store ? format_.referenced_bit() | format_.modified_bit() : format_.referenced_bit();
  last.set = bits & ~last.raw;
  walk.changes |= last.set;
  if (walk.changes != 0) write_back(walk);
  result.dirty = store || (last.raw & format_.modified_bit()) != 0;
}

// The byte's frame, and how much of the leaf's page lies around it in one piece.
template <bool kNested>
inline bool PageTableWalker::locate_page(Walk& walk, PhysAddr byte) {
  WalkResult& result = walk.result;
  unsigned shift = format_.entry_shift(result.level);
  if constexpr (kNested) {
    const HostStage::Found found = host_->translate(byte, walk.request.access, walk.now);
    if (!found.ok) return false;
    result.permissions.read = result.permissions.read && found.read;
    result.permissions.write = result.permissions.write && found.write;
    result.permissions.execute = result.permissions.execute && found.execute;
    byte = found.address;
    shift = std::min(shift, found.shift);
  }
  result.page_shift = static_cast<uint8_t>(shift);
  result.pfn = memory_.page().pfn(byte);
  if (!memory_.contains(byte, 1)) return false;
  // The program's own access follows: its host line may come while the rest is done.
  __builtin_prefetch(memory_.at(byte));
  return true;
}

void PageTableWalker::write_back(Walk& walk) {
  for (unsigned level = walk.result.first + 1u; level-- > walk.result.level;) {
    const Step& step = walk.steps[level];
    if (step.set != 0) entries_.write(step.address, format_.entry_bytes(), step.raw | step.set, walk.now);
  }
}

// What the walk leaves in the walk caches and the nested TLB.
void PageTableWalker::remember(Walk& walk) {
  if (host_) host_->commit();
  if (!caches_.any()) return;
  const WalkRequest& request = walk.request;
  WalkResult& result = walk.result;
  if (result.first != format_.root_level()) caches_.touch(result.first + 1u, request.address, request.asid);
  Above above = walk.entered;
  for (unsigned level = result.first; level > result.level; --level) {
    above.all &= walk.steps[level].raw;
    above.any |= walk.steps[level].raw;
    const Step& next = walk.steps[level - 1];
    // A table that spreads over pages of the host has no one address there.
    if (host_ && format_.table_bytes(level - 1) >> next.shift > 1) continue;
    const uint64_t offset = format_.index(request.address, level - 1) * format_.entry_bytes();
    caches_.fill(level, request.address, request.asid, {PhysAddr(next.address.value - offset), above});
  }
}

}  // namespace faultline::hw
