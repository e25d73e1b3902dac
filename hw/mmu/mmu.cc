#include "hw/mmu/mmu.h"

#include <algorithm>

namespace faultline::hw {
namespace {

using Status = Translation::Status;

std::optional<Tlb> make_tlb(const TlbConfig& all, const TlbLevelConfig& level, const PageTableFormat& format,
                            uint64_t seed) {
  if (!all.enabled || !level.enabled) return std::nullopt;
  std::vector<unsigned> page_shifts;
  for (unsigned n = 0; n < format.levels(); ++n) {
    if (format.leaf_allowed(n)) page_shifts.push_back(format.entry_shift(n));
  }
  return Tlb(level, seed, page_shifts, all.large);
}

std::optional<RelocationUnit> make_relocation(const MachineConfig& config, PageSize page) {
  if (config.relocation.model == MemoryModel::paging) return std::nullopt;
  return RelocationUnit(config.relocation.model, page, config.dram.size);
}

constexpr uint64_t kPieceMask = (uint64_t{1} << TranslationFilter::kShift) - 1;

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
      pieces_(config.tlb.large == TlbLarge::several),
      l2_hit_cycles_(config.tlb.l2.hit_cycles),
      relocation_(make_relocation(config, page_)),
      check_cycles_(config.relocation.check_cycles),
      instruction_{.tlb = make_tlb(config.tlb, config.tlb.l1i, format, config.seed), .instruction = true},
      data_{.tlb = make_tlb(config.tlb, config.tlb.l1d, format, config.seed + 1), .instruction = false},
      l2_(make_tlb(config.tlb, config.tlb.l2, format, config.seed + 2)) {
  instruction_.hit_cycles = Cycles(config.tlb.l1i.hit_cycles);
  data_.hit_cycles = Cycles(config.tlb.l1d.hit_cycles);
  for (Side* side : {&instruction_, &data_}) {
    if (side->tlb) side->piece.assign(side->tlb->sets(), kNoPiece);
  }
}

Cycles Mmu::first_level_cycles(Access access) const {
  const Side& side = access == Access::fetch ? instruction_ : data_;
  if (relocation_) return check_cycles_;
  return side.tlb ? side.hit_cycles : Cycles(0);
}

// The common case, ahead of everything that needs more than the first level.
Translation Mmu::translate(VirtAddr va, Access access, Cycles& now, CycleLedger& ledger) {
  Side& side = access == Access::fetch ? instruction_ : data_;
  if (side.tlb && format_.valid_address(va)) {
    Tlb& tlb = *side.tlb;
    const Tlb::Place place = tlb.find(va, asid_);
    if (place.found() && tlb.at(place).user_may(access)) {
      tlb.touch(place);
      used_by_user(side, place.set, va, tlb.at(place));
      if (every_change_) [[unlikely]]
        tell_of_hit(va, access, tlb.at(place));
      return {Status::ok, address_of(va, tlb.at(place))};
    }
  }
  return translate_in_full(va, access, now, ledger);
}

uint8_t* Mmu::hit_in(Side& side, VirtAddr va, Access access) {
  if (!format_.valid_address(va)) return nullptr;
  Tlb& tlb = *side.tlb;
  const Tlb::Place place = tlb.find(va, asid_);
  if (!place.found()) return nullptr;
  const TlbEntry& entry = tlb.at(place);
  if (!entry.user_may(access)) return nullptr;
  const PhysAddr address = address_of(va, entry);
  if (access == Access::store && memory_.has_code(page_.pfn(address))) return nullptr;
  tlb.touch(place);
  used_by_user(side, place.set, va, entry);
  if (every_change_) [[unlikely]]
    tell_of_hit(va, access, entry);
  return memory_.at(address);
}

// The way for what the first level holds changes nothing here.
Translation Mmu::translate_beside(VirtAddr va, Access access, const WalkTime& other, Cycles& now, CycleLedger& ledger) {
  return translate_in_full(va, access, now, ledger, parallel_ ? &other : nullptr);
}

Translation Mmu::translate_in_full(VirtAddr va, Access access, Cycles& now, CycleLedger& ledger,
                                   const WalkTime* beside) {
  if (relocation_) return relocation_->translate(va);
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
  return translation.status == Status::ok ? translation : tell_of_fault(lookup, translation);
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
  const Translation translation = look_up(lookup);
  return translation.status == Status::ok ? translation : tell_of_fault(lookup, translation);
}

Translation Mmu::look_up(Lookup& lookup) {
  if (lookup.side.tlb) {
    const Tlb::Place place = lookup.side.tlb->find(lookup.va, asid_);
    if (place.found()) return first_level_hit(lookup, place);
  }
  if (l2_) {
    const Tlb::Place place = l2_->find(lookup.va, asid_);
    if (place.found()) return second_level_hit(lookup, place);
  }
  return miss(lookup);
}

Translation Mmu::first_level_hit(Lookup& lookup, Tlb::Place place) {
  Tlb& tlb = *lookup.side.tlb;
  TlbEntry entry = tlb.at(place);
  Status status = Status::ok;
  const bool walked = must_make_dirty(lookup, entry);
  if (!make_dirty(lookup, entry, status)) return {status, {}};
  ++lookup.level1.hits;
  if (walked) {
    const uint32_t set = place.set;
    place = renew(tlb, place, lookup, entry, lookup.level1);
    if (place.set != set) drop_piece(lookup.side, set);
    const Tlb::Place below = l2_ ? l2_->find(lookup.va, asid_) : Tlb::Place{};
    if (below.found()) renew(*l2_, below, lookup, entry, lookup.counts.l2);
  }
  tlb.touch(place);
  used(lookup, place, entry);
  return found(lookup, entry);
}

Translation Mmu::second_level_hit(Lookup& lookup, Tlb::Place place) {
  lookup.now += l2_hit_cycles_;
  lookup.tlb += l2_hit_cycles_;
  TlbEntry entry = l2_->at(place);
  Status status = Status::ok;
  const bool walked = must_make_dirty(lookup, entry);
  if (!make_dirty(lookup, entry, status)) return {status, {}};
  ++lookup.counts.l2.hits;
  if (walked) place = renew(*l2_, place, lookup, entry, lookup.counts.l2);
  l2_->touch(place);
  fill_first(lookup, entry);
  return found(lookup, entry);
}

Translation Mmu::miss(Lookup& lookup) {
  const WalkResult result = walk(lookup);
  if (result.status != Status::ok) return {result.status, {}};
  const TlbEntry entry = entry_of(result);
  if (l2_) {
    ++lookup.counts.l2.misses;
    if (l2_->fill(lookup.va, asid_, entry).evicted) ++lookup.counts.l2.evictions;
  }
  fill_first(lookup, entry);
  return found(lookup, entry);
}

TlbEntry Mmu::entry_of(const WalkResult& result) const {
  return {.pfn = result.pfn,
          .permissions = result.permissions,
          .dirty = result.dirty,
          .page_shift = result.page_shift,
          .leaf_shift = static_cast<uint8_t>(format_.entry_shift(result.level))};
}

Tlb::Place Mmu::renew(Tlb& tlb, const Tlb::Place& place, const Lookup& lookup, const TlbEntry& entry,
                      LevelCounts& counts) const {
  const Tlb::Filled filled = tlb.renew(place, lookup.va, asid_, entry);
  if (filled.evicted) ++counts.evictions;
  return filled.place;
}

bool Mmu::make_dirty(Lookup& lookup, TlbEntry& entry, Status& status) {
  if (!permits(entry.permissions, lookup.access, lookup.privilege)) {
    status = Status::page_fault;
    return false;
  }
  if (!must_make_dirty(lookup, entry)) return true;
  const WalkResult result = walk(lookup);
  status = result.status;
  if (status != Status::ok) return false;
  ++lookup.counts.translation.dirty_walks;
  entry = entry_of(result);
  return true;
}

WalkResult Mmu::walk(Lookup& lookup) {
  const WalkResult result = timed_walk(lookup);
  if (result.status != Status::ok) {
    lookup.counts.translation.fault_walk_reads += result.reads;
  } else {
    count_walk(lookup.counts, result);
    ++lookup.walks;
    lookup.reads = static_cast<uint16_t>(lookup.reads + result.reads);
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

void Mmu::fill_first(Lookup& lookup, const TlbEntry& entry) {
  if (!lookup.side.tlb) return;
  ++lookup.level1.misses;
  const Tlb::Filled filled = lookup.side.tlb->fill(lookup.va, asid_, entry);
  if (filled.evicted) ++lookup.level1.evictions;
  used(lookup, filled.place, entry);
}

void Mmu::used(Lookup& lookup, const Tlb::Place& place, const TlbEntry& entry) {
  if (lookup.privilege == Privilege::user) {
    used_by_user(lookup.side, place.set, lookup.va, entry);
  } else {
    drop_piece(lookup.side, place.set);
    if (every_change_) keep_only(lookup.side, kNoPiece);
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
  if (every_change_) [[unlikely]]
    keep_only(side, piece);
  const PhysAddr address = address_of(VirtAddr(piece), entry);
  const uint8_t* host = memory_.at(address);
  if (side.instruction) {
    filter(Access::fetch).set(piece, host);
    return;
  }
  if (entry.permissions.read) filter(Access::load).set(piece, host);
  if (entry.permissions.write && entry.dirty && !memory_.has_code(page_.pfn(address))) {
    filter(Access::store).set(piece, host);
  }
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

// A piece that is dropped and still its set's may be: to drop it once more does nothing.
void Mmu::keep_only(Side& side, uint64_t piece) {
  if (side.recent == piece) return;
  if (side.recent != kNoPiece) drop_from_filters(side, side.recent);
  side.recent = piece;
}

// The sets' pieces may stay: dropping one that is not in a filter does nothing,
// and dropping one that another set put there since costs a look-up at most.
void Mmu::clear_filters() {
  for (TranslationFilter& filter : filters_) filter.clear();
}

void Mmu::count_flush() {
  ++instruction_.flushes;
  ++data_.flushes;
  ++l2_flushes_;
  ++walk_cache_flushes_;
}

template <class Flush>
void Mmu::flush_levels(Flush flush) {
  for (std::optional<Tlb>* tlb : {&instruction_.tlb, &data_.tlb, &l2_}) {
    if (*tlb) flush(**tlb);
  }
  count_flush();
}

void Mmu::set_address_space(PhysAddr root, Asid asid) {
  if (asid == Tlb::kReservedAsid) SC_REPORT_ERROR("/faultline/mmu", "this address-space identifier is reserved");
  root_ = root;
  asid_ = asid;
  clear_filters();
  if (observer_) observer_->changed_address_space(root, asid);
  if (asids_) return;
  flush_levels([](Tlb& tlb) { tlb.flush_not_global(); });
  walker_.flush_all_spaces();
  if (observer_) observer_->flushed_not_global();
}

void Mmu::flush_page(Asid asid, VirtAddr va) {
  for (Side* side : {&instruction_, &data_}) {
    if (side->tlb) side->tlb->flush_page(va, asid, [&](uint32_t set) { drop_piece(*side, set); });
  }
  if (l2_) l2_->flush_page(va, asid);
  count_flush();
  walker_.flush_page(asid, va);
  if (!observer_) return;
  forget_recent();
  observer_->flushed_page(asid, va);
}

void Mmu::flush_asid(Asid asid) {
  if (asid == asid_) clear_filters();
  flush_levels([=](Tlb& tlb) { tlb.flush_asid(asid); });
  walker_.flush_asid(asid);
  if (observer_) observer_->flushed_asid(asid);
}

void Mmu::flush_all() {
  clear_filters();
  flush_levels([](Tlb& tlb) { tlb.flush_all(); });
  walker_.flush_all();
  if (observer_) observer_->flushed_all();
}

void Mmu::drop_store_filter(Pfn frame) {
  filter(Access::store).drop_host(memory_.at(page_.address(frame)), page_.bytes());
}

}  // namespace faultline::hw
