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
      all_matter_(format.tables_restrict() ? format.layout().writable | format.layout().user : 0),
      any_matter_((format.tables_restrict() ? format.layout().no_execute : 0) |
                  (format.tables_global() ? format.layout().global : 0)) {}

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
  const uint64_t set_in_tables = format_.tables_have_referenced() ? format_.referenced_bit() : 0;
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
    step.set = set_in_tables & ~step.raw;
    walk.changes |= step.set;
    table = format_.table_of(step.raw);
  }
  result.level = static_cast<uint8_t>(level);
}

Permissions PageTableWalker::effective(const Entry& leaf, const Above& above) const {
  const PageTableFormat::Layout& bits = format_.layout();
  Permissions permissions = leaf.permissions();
  if (format_.tables_restrict()) {
    permissions.write = permissions.write && (above.all & bits.writable);
    permissions.user = permissions.user && (above.all & bits.user);
    permissions.execute = permissions.execute && !(above.any & bits.no_execute);
  }
  if (format_.tables_global()) permissions.global = permissions.global || (above.any & bits.global);
  return permissions;
}

PageTableWalker::Say PageTableWalker::tell(uint64_t leaf, unsigned level, const Above& above) const {
  const Entry entry = format_.decode(leaf, level);
  return {.valid = entry.valid, .permissions = effective(entry, above)};
}

void PageTableWalker::tell_anew(Say& say, uint64_t leaf, const Above& above) const {
  say = tell(leaf, 0, above);
  say.leaf = format_.without_frame(leaf);
  say.above = (above.all & all_matter_) | (above.any & any_matter_);
  const auto shift = static_cast<uint8_t>(format_.entry_shift(0));
  say.entry = {.permissions = say.permissions,
               .dirty = (leaf & format_.modified_bit()) != 0,
               .page_shift = shift,
               .leaf_shift = shift};
  if (say.valid && (leaf & format_.referenced_bit()) != 0) say.entry.set_user_accesses();
}

// An entry of the last level means the same whatever its frame number.
inline const PageTableWalker::Say& PageTableWalker::say_of(uint64_t leaf, const Above& above) {
  const uint64_t bits = format_.without_frame(leaf);
  const uint64_t over = (above.all & all_matter_) | (above.any & any_matter_);
  constexpr uint64_t kSpread = 0x9E3779B97F4A7C15;
  Say& say = says_[bits * kSpread >> (64 - kSayBits)];
  if (say.leaf != bits || say.above != over) [[unlikely]]
    tell_anew(say, leaf, above);
  return say;
}

inline bool PageTableWalker::unchanged(const KnownTables& known) const {
  for (unsigned level = format_.root_level(); level > 0; --level) {
    if (entries_.peek(known.places[level], format_.entry_bytes()) != known.raws[level]) return false;
  }
  return true;
}

// False where the address has no table of the last level.
bool PageTableWalker::find_tables(const WalkRequest& request, KnownTables& known) const {
  known = {.root = request.root, .table = request.root};
  for (unsigned level = format_.root_level(); level > 0; --level) {
    const PhysAddr place = known.places[level] = format_.entry_address(known.table, request.address, level);
    if (!entries_.holds(place, format_.entry_bytes())) return false;
    const uint64_t raw = known.raws[level] = entries_.peek(place, format_.entry_bytes());
    if (!format_.points_at_table(raw, level)) return false;
    known.above.all &= raw;
    known.above.any |= raw;
    known.table = format_.table_of(raw);
  }
  known.prefix = request.address.value >> table_shift();
  return true;
}

// Reads the tables without a trace: false where they lead to no base page.
inline bool PageTableWalker::read_tables(const WalkRequest& request, TablePath& path) {
  PhysAddr table;
  path.cached = WalkCaches::kMiss;
  if (caches_.any()) {
    path.cached = caches_.slot_of(1, request.address, request.asid);
    if (path.cached == WalkCaches::kMiss) return false;
    const TablePointer& pointer = caches_.at(1, path.cached);
    path.above_it = nullptr;
    path.above = pointer.above;
    table = pointer.table;
  } else {
    const uint64_t prefix = request.address.value >> table_shift();
    KnownTables& known = known_[prefix % kKnownTables];
    const bool knows = known.prefix == prefix && known.root == request.root && unchanged(known);
    if (!knows && !find_tables(request, known)) return false;
    path.above_it = &known;
    path.above = known.above;
    table = known.table;
  }
  path.place = format_.entry_address(table, request.address, 0);
  if (!entries_.holds(path.place, format_.entry_bytes())) return false;
  path.raw = entries_.peek(path.place, format_.entry_bytes());
  return true;
}

// Counts and times the reads when it is known that all is well.
unsigned PageTableWalker::walk_to_page(const WalkRequest& request, Cycles& now, TlbEntry& entry) {
  TablePath path;
  if (host_ || !read_tables(request, path)) return 0;
  const Say& say = say_of(path.raw, path.above);
  const bool cached = path.above_it == nullptr;
  const uint64_t set_in_tables = format_.tables_have_referenced() && !cached ? format_.referenced_bit() : 0;
  if (!say.entry.user_may(request.access) || (path.above.all & set_in_tables) != set_in_tables) return 0;
  const PhysAddr page = format_.page_of(path.raw, 0);
  if (!memory_.contains(page, memory_.page().bytes())) return 0;
  // The program's own access follows: its host line may come while the rest is done.
  __builtin_prefetch(memory_.at(page + (request.address.value & memory_.page().mask())));
  entry = say.entry;
  entry.pfn = memory_.page().pfn(page);
  now += cache_cycles_;
  if (cached) caches_.touch_slot(1, path.cached);
  const unsigned reads = cached ? 1 : format_.levels();
  const unsigned bytes = format_.entry_bytes();
  ++statistics_.walks;
  statistics_.reads += reads;
  if (entries_.is_flat()) {
    entries_.count_reads(reads, now);
  } else {
    for (unsigned level = reads - 1; level > 0; --level) entries_.count_read(path.above_it->places[level], bytes, now);
    entries_.count_read(path.place, bytes, now);
  }
  entries_.settle();
  return reads;
}

// The walk came to an entry that points at no table: is it a page, may the
// access be, and which bits does it leave?
template <bool kNested>
inline void PageTableWalker::finish(Walk& walk) {
  const WalkRequest& request = walk.request;
  WalkResult& result = walk.result;
  Step& last = walk.steps[result.level];
  const Say say = result.level == 0 ? say_of(last.raw, walk.above) : tell(last.raw, result.level, walk.above);
  result.permissions = say.permissions;
  if (!say.valid || !permits(result.permissions, request.access, request.privilege)) {
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
