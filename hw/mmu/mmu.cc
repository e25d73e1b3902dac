#include "hw/mmu/mmu.h"

#include <algorithm>

namespace faultline::hw {
namespace {

using Status = Translation::Status;

std::optional<Tlb> make_tlb(const TlbConfig& all, const TlbLevelConfig& level, uint64_t seed) {
  if (!all.enabled || !level.enabled) return std::nullopt;
  return Tlb(level, seed);
}

constexpr uint64_t kPieceMask = (uint64_t{1} << TranslationFilter::kShift) - 1;
constexpr uint64_t kNoPiece = ~uint64_t{0};

}  // namespace

Mmu::Mmu(sc_core::sc_module_name name, const MachineConfig& config, const PageTableFormat& format, BackingStore& memory,
         PageTableWalker& walker)
    : sc_module(name),
      format_(format),
      page_(format.page()),
      memory_(memory),
      walker_(walker),
      asids_(config.tlb.asids),
      // A piece of 4 KB must lie within one page.
      fast_path_(config.hart.fast_path && page_.shift >= TranslationFilter::kShift),
      parallel_(config.walker.parallel >= 2),
      l2_hit_cycles_(config.tlb.l2.hit_cycles),
      instruction_{.tlb = make_tlb(config.tlb, config.tlb.l1i, config.seed), .instruction = true},
      data_{.tlb = make_tlb(config.tlb, config.tlb.l1d, config.seed + 1), .instruction = false},
      l2_(make_tlb(config.tlb, config.tlb.l2, config.seed + 2)) {
  instruction_.hit_cycles = Cycles(config.tlb.l1i.hit_cycles);
  data_.hit_cycles = Cycles(config.tlb.l1d.hit_cycles);
  for (Side* side : {&instruction_, &data_}) {
    if (side->tlb) side->piece.assign(side->tlb->sets(), kNoPiece);
  }
}

Cycles Mmu::first_level_cycles(Access access) const {
  const Side& side = access == Access::fetch ? instruction_ : data_;
  return side.tlb ? side.hit_cycles : Cycles(0);
}

// The common case, ahead of everything that needs more than the first level.
Translation Mmu::translate(VirtAddr va, Access access, Cycles& now, CycleLedger& ledger) {
  Side& side = access == Access::fetch ? instruction_ : data_;
  if (side.tlb && format_.valid_address(va)) {
    Tlb& tlb = *side.tlb;
    const Vpn vpn = page_.vpn(va);
    const uint32_t set = tlb.set_of(vpn);
    const uint32_t slot = tlb.probe_in(set, vpn, asid_);
    if (slot != Tlb::kMiss && tlb.at(slot).user_may(access)) {
      tlb.touch(set, slot);
      used_by_user(side, set, va, tlb.at(slot));
      return {Status::ok, address_of(va, tlb.at(slot).pfn)};
    }
  }
  return translate_in_full(va, access, now, ledger);
}

uint8_t* Mmu::hit_in(Side& side, VirtAddr va, Access access) {
  if (!format_.valid_address(va)) return nullptr;
  Tlb& tlb = *side.tlb;
  const Vpn vpn = page_.vpn(va);
  const uint32_t set = tlb.set_of(vpn);
  const uint32_t slot = tlb.probe_in(set, vpn, asid_);
  if (slot == Tlb::kMiss) return nullptr;
  const TlbEntry& entry = tlb.at(slot);
  if (!entry.user_may(access)) return nullptr;
  if (access == Access::store && memory_.has_code(entry.pfn)) return nullptr;
  tlb.touch(set, slot);
  used_by_user(side, set, va, entry);
  return memory_.at(address_of(va, entry.pfn));
}

// The way for what the first level holds changes nothing here.
Translation Mmu::translate_beside(VirtAddr va, Access access, const WalkTime& other, Cycles& now, CycleLedger& ledger) {
  return translate_in_full(va, access, now, ledger, parallel_ ? &other : nullptr);
}

Translation Mmu::translate_in_full(VirtAddr va, Access access, Cycles& now, CycleLedger& ledger,
                                   const WalkTime* beside) {
  if (!format_.valid_address(va)) return {Status::page_fault, {}};
  Side& side = access == Access::fetch ? instruction_ : data_;
  Lookup lookup{.va = va,
                .access = access,
                .privilege = Privilege::user,
                .side = side,
                .counts = user_,
                .level1 = side.instruction ? user_.l1i : user_.l1d,
                .now = now,
                .beside = beside};
  const Translation translation = look_up(lookup);
  ledger.book(CycleAccount::tlb, lookup.tlb);
  ledger.book(CycleAccount::walk, lookup.walk);
  return translation;
}

Translation Mmu::translate_kernel(VirtAddr va, bool write, Cycles& now) {
  if (!format_.valid_address(va)) return {Status::page_fault, {}};
  Lookup lookup{.va = va,
                .access = write ? Access::store : Access::load,
                .privilege = Privilege::supervisor,
                .side = data_,
                .counts = kernel_,
                .level1 = kernel_.l1d,
                .now = now};
  return look_up(lookup);
}

Translation Mmu::look_up(Lookup& lookup) {
  const Vpn vpn = page_.vpn(lookup.va);
  if (lookup.side.tlb) {
    const uint32_t slot = lookup.side.tlb->probe(vpn, asid_);
    if (slot != Tlb::kMiss) return first_level_hit(lookup, slot);
  }
  if (l2_) {
    const uint32_t slot = l2_->probe(vpn, asid_);
    if (slot != Tlb::kMiss) return second_level_hit(lookup, slot);
  }
  return miss(lookup);
}

Translation Mmu::first_level_hit(Lookup& lookup, uint32_t slot) {
  TlbEntry entry = lookup.side.tlb->at(slot);
  Status status = Status::ok;
  if (!make_dirty(lookup, entry, status)) return {status, {}};
  const Vpn vpn = page_.vpn(lookup.va);
  ++lookup.level1.hits;
  lookup.side.tlb->refresh(slot, entry);
  lookup.side.tlb->touch(lookup.side.tlb->set_of(vpn), slot);
  if (l2_) {
    const uint32_t below = l2_->probe(vpn, asid_);
    if (below != Tlb::kMiss && entry.dirty && !l2_->at(below).dirty) l2_->refresh(below, entry);
  }
  used(lookup, entry);
  return {Status::ok, address_of(lookup.va, entry.pfn)};
}

Translation Mmu::second_level_hit(Lookup& lookup, uint32_t slot) {
  lookup.now += l2_hit_cycles_;
  lookup.tlb += l2_hit_cycles_;
  TlbEntry entry = l2_->at(slot);
  Status status = Status::ok;
  if (!make_dirty(lookup, entry, status)) return {status, {}};
  ++lookup.counts.l2.hits;
  l2_->refresh(slot, entry);
  l2_->touch(l2_->set_of_slot(slot), slot);
  fill_first(lookup, entry);
  return {Status::ok, address_of(lookup.va, entry.pfn)};
}

Translation Mmu::miss(Lookup& lookup) {
  const WalkResult result = walk(lookup);
  if (result.status != Status::ok) return {result.status, {}};
  const TlbEntry entry{result.pfn, result.permissions, result.dirty, result.page_shift};
  if (l2_) {
    ++lookup.counts.l2.misses;
    if (l2_->fill(page_.vpn(lookup.va), asid_, entry).evicted) ++lookup.counts.l2.evictions;
  }
  fill_first(lookup, entry);
  return {Status::ok, address_of(lookup.va, entry.pfn)};
}

bool Mmu::make_dirty(Lookup& lookup, TlbEntry& entry, Status& status) {
  if (!permits(entry.permissions, lookup.access, lookup.privilege)) {
    status = Status::page_fault;
    return false;
  }
  if (lookup.access != Access::store || entry.dirty) return true;
  const WalkResult result = walk(lookup);
  status = result.status;
  if (status != Status::ok) return false;
  ++lookup.counts.translation.dirty_walks;
  entry = {result.pfn, result.permissions, result.dirty, result.page_shift};
  return true;
}

WalkResult Mmu::walk(Lookup& lookup) {
  const WalkResult result = timed_walk(lookup);
  if (result.status != Status::ok) {
    lookup.counts.translation.fault_walk_reads += result.reads;
  } else {
    count_walk(lookup.counts, result);
  }
  return result;
}

WalkResult Mmu::timed_walk(Lookup& lookup) {
  const WalkRequest request{root_, lookup.va, lookup.access, lookup.privilege, asid_};
  Cycles begun = lookup.now;
  if (!lookup.beside) {
    const WalkResult result = walker_.walk(request, lookup.now);
    lookup.walk += lookup.now - begun;
    if (lookup.privilege == Privilege::user) last_walk_ = {begun, lookup.now};
    return result;
  }
  // What it takes beyond the walk beside it.
  begun = lookup.beside->began;
  Cycles ended = begun;
  const WalkResult result = walker_.walk(request, ended);
  const Cycles took = ended - begun;
  const Cycles hidden = std::min(took, lookup.beside->ended - begun);
  lookup.now += took - hidden;
  lookup.walk += took - hidden;
  return result;
}

void Mmu::count_walk(Counts& counts, const WalkResult& result) const {
  TranslationStatistics& translation = counts.translation;
  ++translation.walks;
  translation.walk_reads += result.reads;
  translation.walk_writes += result.writes;
  const unsigned depth = result.first - result.level + 1u;
  translation.walk_depth_sum += depth + result.host.depths;
  translation.walk_reads_skipped += format_.root_level() - result.first;
  if (walker_.host_format()) {
    counts.nested.host_reads += result.host.reads;
    counts.nested.guest_reads += result.reads - result.host.reads;
    counts.nested.tlb_lookups += result.host.lookups;
    counts.nested.tlb_hits += result.host.hits;
  }
  if (!walker_.caches().any()) return;
  for (unsigned level = 1; level < format_.levels() && level <= result.first; ++level) {
    if (walker_.caches().has(level)) ++counts.walk_cache[level].misses;
  }
  if (result.first < format_.root_level()) ++counts.walk_cache[result.first + 1u].hits;
}

void Mmu::fill_first(Lookup& lookup, const TlbEntry& entry) {
  if (!lookup.side.tlb) return;
  ++lookup.level1.misses;
  if (lookup.side.tlb->fill(page_.vpn(lookup.va), asid_, entry).evicted) ++lookup.level1.evictions;
  used(lookup, entry);
}

void Mmu::used(Lookup& lookup, const TlbEntry& entry) {
  const uint32_t set = lookup.side.tlb->set_of(page_.vpn(lookup.va));
  if (lookup.privilege == Privilege::user) {
    used_by_user(lookup.side, set, lookup.va, entry);
  } else {
    drop_piece(lookup.side, set);
  }
}

// The entry was touched, so it is the most recent of its set: the set's piece
// in the filters becomes this one, as far as the entry permits.
void Mmu::used_by_user(Side& side, uint32_t set, VirtAddr va, const TlbEntry& entry) {
  if (!fast_path_) return;
  const uint64_t piece = va.value & ~kPieceMask;
  uint64_t& before = side.piece[set];
  if (before != piece) {
    if (before != kNoPiece) drop_from_filters(side, before);
    before = piece;
  }
  const uint8_t* host = memory_.at(address_of(VirtAddr(piece), entry.pfn));
  if (side.instruction) {
    filter(Access::fetch).set(piece, host);
    return;
  }
  if (entry.permissions.read) filter(Access::load).set(piece, host);
  if (entry.permissions.write && entry.dirty && !memory_.has_code(entry.pfn)) filter(Access::store).set(piece, host);
}

void Mmu::drop_from_filters(const Side& side, uint64_t piece) {
  if (side.instruction) {
    filter(Access::fetch).drop(piece);
  } else {
    filter(Access::load).drop(piece);
    filter(Access::store).drop(piece);
  }
}

void Mmu::drop_piece(Side& side, uint32_t set) {
  uint64_t& piece = side.piece[set];
  if (piece != kNoPiece) drop_from_filters(side, piece);
  piece = kNoPiece;
}

// The sets' pieces may stay: dropping one that is not in a filter does nothing,
// and a page always belongs to the same set.
void Mmu::clear_filters() {
  for (TranslationFilter& filter : filters_) filter.clear();
}

template <class Flush>
void Mmu::flush_levels(Flush flush) {
  for (Side* side : {&instruction_, &data_}) {
    if (!side->tlb) continue;
    flush(*side->tlb);
    ++side->flushes;
  }
  if (l2_) {
    flush(*l2_);
    ++l2_flushes_;
  }
  ++walk_cache_flushes_;
}

void Mmu::set_address_space(PhysAddr root, Asid asid) {
  if (asid == Tlb::kReservedAsid) SC_REPORT_ERROR("/faultline/mmu", "this address-space identifier is reserved");
  root_ = root;
  asid_ = asid;
  clear_filters();
  if (asids_) return;
  flush_levels([](Tlb& tlb) { tlb.flush_not_global(); });
  walker_.flush_all_spaces();
}

void Mmu::flush_page(Asid asid, VirtAddr va) {
  const Vpn vpn = page_.vpn(va);
  for (Side* side : {&instruction_, &data_}) {
    if (side->tlb) drop_piece(*side, side->tlb->set_of(vpn));
  }
  flush_levels([=](Tlb& tlb) { tlb.flush_page(vpn, asid); });
  walker_.flush_page(asid, va);
}

void Mmu::flush_asid(Asid asid) {
  if (asid == asid_) clear_filters();
  flush_levels([=](Tlb& tlb) { tlb.flush_asid(asid); });
  walker_.flush_asid(asid);
}

void Mmu::flush_all() {
  clear_filters();
  flush_levels([](Tlb& tlb) { tlb.flush_all(); });
  walker_.flush_all();
}

void Mmu::drop_store_filter(Pfn frame) {
  filter(Access::store).drop_host(memory_.at(page_.address(frame)), page_.bytes());
}

TlbStatistics Mmu::first_level(const Side& side, const LevelCounts& counts, uint64_t references) {
  if (!side.tlb) return {};
  return {references, references - counts.misses, counts.misses, counts.evictions, side.flushes};
}

TlbStatistics Mmu::l1i(uint64_t fetch_references) const {
  return first_level(instruction_, user_.l1i, fetch_references);
}

TlbStatistics Mmu::l1d(uint64_t data_references) const { return first_level(data_, user_.l1d, data_references); }

TlbStatistics Mmu::l2() const {
  const LevelCounts& l2 = user_.l2;
  return {l2.hits + l2.misses, l2.hits, l2.misses, l2.evictions, l2_flushes_};
}

WalkCacheStatistics Mmu::walk_cache(unsigned level) const {
  if (!walker_.caches().has(level)) return {};
  const LevelCounts& counts = user_.walk_cache[level];
  return {counts.hits + counts.misses, counts.hits, counts.misses, walk_cache_flushes_};
}

KernelTranslationStatistics Mmu::kernel() const {
  const LevelCounts& l1 = kernel_.l1d;
  const LevelCounts& l2 = kernel_.l2;
  return {{l1.hits + l1.misses, l1.hits, l1.misses, l1.evictions, 0},
          {l2.hits + l2.misses, l2.hits, l2.misses, l2.evictions, 0},
          kernel_.translation,
          kernel_.nested};
}

}  // namespace faultline::hw
