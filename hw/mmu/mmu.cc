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
      l2_(make_tlb(config.tlb, config.tlb.l2, format, config.seed + 2)),
      short_misses_(!relocation_) {
  instruction_.hit_cycles = Cycles(config.tlb.l1i.hit_cycles);
  data_.hit_cycles = Cycles(config.tlb.l1d.hit_cycles);
  for (Side* side : {&instruction_, &data_}) {
    if (side->tlb) side->piece.assign(side->tlb->slots(), kNoPiece);
  }
}

Cycles Mmu::first_level_cycles(Access access) const {
  const Side& side = access == Access::fetch ? instruction_ : data_;
  if (relocation_) return check_cycles_;
  return side.tlb ? side.hit_cycles : Cycles(0);
}

// The common cases, ahead of everything that needs more than a hit in the first
// level or a miss to a base page.
Translation Mmu::translate(VirtAddr va, Access access, Cycles& now, CycleLedger& ledger) {
  Side& side = side_of(access);
  const uint64_t moment = uses_.at(now);
  Tlb::Home home;
  Tlb::Place place;
  const bool base_only = !side.tlb || side.tlb->holds_base_pages_only();
  if (side.tlb) {
    Tlb& tlb = *side.tlb;
    home = tlb.home(va, asid_);
    place = base_only ? tlb.find_at(home) : tlb.find(va, asid_);
    if (place.found() && format_.valid_address(va) && tlb.at(place).user_may(access)) {
      tlb.touch(place, moment);
      used_by_user(side, place, va, tlb.at(place));
      if (every_change_) [[unlikely]]
        tell_of_hit(va, access, tlb.at(place));
      return {Status::ok, address_of(va, tlb.at(place))};
    }
  }
  if (base_only && !place.found() && short_misses_) [[likely]] {
    const TlbEntry entry =
        l2_ ? find_in_second(va, access, moment, now, ledger) : walk_to_page(va, access, now, ledger);
    if (is_found(entry)) [[likely]] {
      const PhysAddr frame = page_.address(entry.pfn);
      if (side.tlb) take_in(side, home, va, frame, entry, moment);
      return {Status::ok, frame + (va.value & page_.mask())};
    }
  }
  return translate_in_full(va, access, now, ledger, place, moment, nullptr);
}

// What the second level holds, or a walk to a base page finds, where nothing else
// need be done. Not is_found(): nothing has happened.
TlbEntry Mmu::find_in_second(VirtAddr va, Access access, uint64_t moment, Cycles& now, CycleLedger& ledger) {
  if (!l2_->holds_base_pages_only() || !format_.valid_address(va)) return {};
  walker_.expect(root_, va);
  const Tlb::Home home = l2_->home(va, asid_);
  const Tlb::Place place = l2_->find_at(home);
  if (place.found()) {
    const TlbEntry held = l2_->at(place);
    if (!held.user_may(access)) return {};
    now += l2_hit_cycles_;
    ledger.book(CycleAccount::tlb, l2_hit_cycles_);
    ++user_.l2.hits;
    l2_->touch(place, moment);
    return held;
  }
  const TlbEntry entry = walk_to_page(va, access, now, ledger);
  if (!is_found(entry)) return {};
  ++user_.l2.misses;
  if (l2_->fill_at(home, va, asid_, entry, moment).evicted) ++user_.l2.evictions;
  return entry;
}

// The same without a second level.
TlbEntry Mmu::walk_to_page(VirtAddr va, Access access, Cycles& now, CycleLedger& ledger) {
  Cycles time = now;
  TlbEntry entry;
  const unsigned reads = walker_.walk_to_page({root_, va, access, Privilege::user, asid_}, time, entry);
  if (reads == 0) return {};
  last_walk_ = {now, time};
  ledger.book(CycleAccount::walk, time - now);
  now = time;
  count_walk_to_page(reads);
  return entry;
}

// What was found below goes into the first level and the filter.
inline void Mmu::take_in(Side& side, const Tlb::Home& home, VirtAddr va, PhysAddr frame, const TlbEntry& entry,
                         uint64_t moment) {
  LevelCounts& counts = side.instruction ? user_.l1i : user_.l1d;
  ++counts.misses;
  const Tlb::Filled filled = side.tlb->fill_at(home, va, asid_, entry, moment);
  if (filled.evicted) {
    ++counts.evictions;
    drop_pieces(side, filled.place.slot);
  }
  if (!fast_path_) return;
  const uint64_t piece = va.value & ~kPieceMask;
  side.piece[filled.place.slot] = piece;
  open_in_filter(side, filled.place, piece, frame + (piece & page_.mask()), entry);
}

// The entry is held: its piece goes into the filter, as far as the entry permits.
inline void Mmu::open_in_filter(Side& side, const Tlb::Place& place, uint64_t piece, PhysAddr address,
                                const TlbEntry& entry) {
  const bool store =
      !side.instruction && entry.permissions.write && entry.dirty && !memory_.has_code(page_.pfn(address));
  side.filter.set(piece, memory_.at(address), side.tlb->used(place),
                  {.load = side.instruction || entry.permissions.read, .store = store});
}

// The way for what the first level holds changes nothing here.
Translation Mmu::translate_beside(VirtAddr va, Access access, const WalkTime& other, Cycles& now, CycleLedger& ledger) {
  const Tlb::Place place = find_in_first(side_of(access), va);
  return translate_in_full(va, access, now, ledger, place, uses_.at(now), parallel_ ? &other : nullptr);
}

Translation Mmu::translate_in_full(VirtAddr va, Access access, Cycles& now, CycleLedger& ledger,
                                   const Tlb::Place& first, uint64_t moment, const WalkTime* beside) {
  if (relocation_) return relocation_->translate(va);
  if (!format_.valid_address(va)) return {Status::page_fault, {}};
  Side& side = side_of(access);
  Lookup lookup{.va = va,
                .access = access,
                .privilege = Privilege::user,
                .side = side,
                .counts = user_,
                .level1 = side.instruction ? user_.l1i : user_.l1d,
                .now = now,
                .moment = moment,
                .beside = beside};
  const Translation translation = look_up(lookup, first);
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
                .now = now,
                .moment = uses_.at(now)};
  const Translation translation = look_up(lookup, find_in_first(data_, va));
  return translation.status == Status::ok ? translation : tell_of_fault(lookup, translation);
}

// `first`: where the first level has it.
inline Translation Mmu::look_up(Lookup& lookup, const Tlb::Place& first) {
  if (first.found()) return first_level_hit(lookup, first);
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
    drop_pieces(lookup.side, place.slot);
    place = renew(tlb, place, lookup, entry, lookup.level1);
    drop_pieces(lookup.side, place.slot);
    const Tlb::Place below = l2_ ? l2_->find(lookup.va, asid_) : Tlb::Place{};
    if (below.found()) renew(*l2_, below, lookup, entry, lookup.counts.l2);
  }
  tlb.touch(place, lookup.moment);
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
  l2_->touch(place, lookup.moment);
  fill_first(lookup, entry);
  return found(lookup, entry);
}

inline Translation Mmu::miss(Lookup& lookup) {
  const WalkResult result = walk(lookup);
  if (result.status != Status::ok) return {result.status, {}};
  const TlbEntry entry = entry_of(result);
  if (l2_) {
    ++lookup.counts.l2.misses;
    if (l2_->fill(lookup.va, asid_, entry, lookup.moment).evicted) ++lookup.counts.l2.evictions;
  }
  fill_first(lookup, entry);
  return found(lookup, entry);
}

inline TlbEntry Mmu::entry_of(const WalkResult& result) const {
  return {.pfn = result.pfn,
          .permissions = result.permissions,
          .dirty = result.dirty,
          .page_shift = result.page_shift,
          .leaf_shift = static_cast<uint8_t>(format_.entry_shift(result.level))};
}

Tlb::Place Mmu::renew(Tlb& tlb, const Tlb::Place& place, const Lookup& lookup, const TlbEntry& entry,
                      LevelCounts& counts) const {
  const Tlb::Filled filled = tlb.renew(place, lookup.va, asid_, entry, lookup.moment);
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

inline WalkResult Mmu::walk(Lookup& lookup) {
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

inline WalkResult Mmu::timed_walk(Lookup& lookup) {
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

inline void Mmu::fill_first(Lookup& lookup, const TlbEntry& entry) {
  if (!lookup.side.tlb) return;
  ++lookup.level1.misses;
  const Tlb::Filled filled = lookup.side.tlb->fill(lookup.va, asid_, entry, lookup.moment);
  if (filled.evicted) {
    ++lookup.level1.evictions;
    drop_pieces(lookup.side, filled.place.slot);
  }
  used(lookup, filled.place, entry);
}

inline void Mmu::used(Lookup& lookup, const Tlb::Place& place, const TlbEntry& entry) {
  if (lookup.privilege == Privilege::user) {
    used_by_user(lookup.side, place, lookup.va, entry);
  } else if (every_change_) {
    keep_only(lookup.side, kNoPiece);
  }
}

void Mmu::used_by_user(Side& side, const Tlb::Place& place, VirtAddr va, const TlbEntry& entry) {
  if (!fast_path_) return;
  const uint64_t piece = va.value & ~kPieceMask;
  const unsigned shift = std::max(page_.shift, side.tlb->at(place).page_shift + 0u);
  uint64_t& stands = side.piece[place.slot];
  if (stands == kNoPiece || shift == TranslationFilter::kShift) {
    stands = piece;
  } else if (stands != piece) {
    stands = va.value >> shift << shift | kMany | shift;
  }
  if (every_change_) [[unlikely]]
    keep_only(side, piece);
  open_in_filter(side, place, piece, address_of(VirtAddr(piece), entry), entry);
}

// The entry of the slot goes, or is no longer what it was. Dropping a piece that
// another entry put into the filter since costs a look-up at most.
void Mmu::drop_pieces(Side& side, uint32_t slot) {
  uint64_t& stands = side.piece[slot];
  if (stands == kNoPiece) return;
  if ((stands & kMany) != 0) {
    side.filter.drop_range(stands, static_cast<unsigned>(stands & (kMany - 1)));
  } else {
    side.filter.drop(stands);
  }
  stands = kNoPiece;
}

// A piece that is dropped and still its entry's may be: to drop it once more does nothing.
void Mmu::keep_only(Side& side, uint64_t piece) {
  if (side.recent == piece) return;
  if (side.recent != kNoPiece) side.filter.drop(side.recent);
  side.recent = piece;
}

}  // namespace faultline::hw
