// The MMU of one hart: two levels of modelled TLBs before a page-table walker.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <systemc>
#include <vector>

#include "hw/base/cycle_ledger.h"
#include "hw/base/types.h"
#include "hw/config/machine_config.h"
#include "hw/memory/backing_store.h"
#include "hw/mmu/page_table_format.h"
#include "hw/mmu/page_table_walker.h"
#include "hw/mmu/relocation.h"
#include "hw/mmu/tlb.h"
#include "hw/mmu/translation.h"
#include "hw/mmu/translation_filter.h"
#include "hw/mmu/translation_observer.h"
#include "hw/mmu/use_clock.h"

namespace faultline::hw {

struct TlbStatistics {
  uint64_t lookups = 0;  // hits + misses
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t evictions = 0;
  uint64_t flushes = 0;  // flush operations that reached this TLB
};

struct TranslationStatistics {
  uint64_t walks = 0;               // that succeeded: last-level misses + dirty_walks
  uint64_t dirty_walks = 0;         // for a store to an entry not yet dirty
  uint64_t walk_reads = 0;          // entries read by walks
  uint64_t walk_writes = 0;         // entries written: referenced and modified bits
  uint64_t fault_walk_reads = 0;    // entries read by attempts that faulted
  uint64_t walk_depth_sum = 0;      // sum of the depths of walks, from where they began: must equal walk_reads
  uint64_t walk_reads_skipped = 0;  // entries that walk caches knew
};

// One level of the page-walk caches, by walks that succeeded.
struct WalkCacheStatistics {
  uint64_t lookups = 0;  // hits + misses; the lowest level is asked first, the others when it misses
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t flushes = 0;  // flush operations that reached it
};

// Two-dimensional walks that succeeded.
struct NestedStatistics {
  uint64_t host_reads = 0;   // entries of the host's tables
  uint64_t guest_reads = 0;  // and of the guest's: together the walk_reads
  uint64_t tlb_lookups = 0;  // in the nested TLB
  uint64_t tlb_hits = 0;
};

// When a walk was made.
struct WalkTime {
  Cycles began{};
  Cycles ended{};
};

// The OS layer's own accesses, counted apart from the user's.
struct KernelTranslationStatistics {
  TlbStatistics l1d;  // without flushes
  TlbStatistics l2;
  TranslationStatistics translation;
  NestedStatistics nested;
};

// One look-up, as the hardware does it:
//   first level (instruction or data) - hit, permitted: done
//   second level, for both sides      - hit: into the first level
//   walk                              - into both levels
// An entry that does not permit the access faults at once, without reading
// memory: whoever widens a permission must flush the page. A store through an
// entry that is not dirty is a hit, then a walk that sets the modified bit
// (dirty_walks); what that walk found takes the entry's place in both levels.
// An attempt that faults counts nothing, moves no replacement state and leaves
// the TLBs alone; its reads are fault_walk_reads, its cycles are booked.
// With no TLB on its side every reference walks, and a store sets the modified
// bit in its own walk.
// With a relocation unit there are no TLBs (the configuration must have them off)
// and no walks: it alone settles every reference.
class Mmu : public sc_core::sc_module {
 public:
  // A disabled level is never asked. Throws as Tlb does.
  Mmu(sc_core::sc_module_name name, const MachineConfig& config, const PageTableFormat& format, BackingStore& memory,
      PageTableWalker& walker);

  // One modelled look-up of the page that holds the byte, in full; advances
  // `now` by what that took, booked as `tlb` (a hit in the second level) and
  // `walk`. On success it puts the page's 4 KB piece into the filter of this
  // side where the rules of TranslationFilter allow. A first-level hit is
  // counted by nobody: l1i() and l1d() derive it. `now` lies behind the fetch of
  // every instruction before.
  Translation translate(VirtAddr va, Access access, Cycles& now, CycleLedger& ledger);

  // The same for a second page of one instruction, whose walk for the first,
  // `other`, does not depend on it: where the walker makes two walks at once
  // (walker.parallel) they begin together, and the two cost what the longer one
  // does. No count changes.
  Translation translate_beside(VirtAddr va, Access access, const WalkTime& other, Cycles& now, CycleLedger& ledger);
  // When the latest walk for user mode was made, in translate().
  const WalkTime& last_walk() const { return last_walk_; }

  // The same for the OS layer's own accesses, through the data side: allowed on
  // entries closed to user mode, counted apart, booked by the caller.
  Translation translate_kernel(VirtAddr va, bool write, Cycles& now);

  // What stands before the side that the access goes to.
  const TranslationFilter& filter(Access access) const { return side_of(access).filter; }
  // To what stands in an entry of a filter the moment of its use is stored: the
  // cycle of the instruction's fetch, plus this.
  const uint64_t& use_base() const { return uses_.base(); }
  // The host address where the filter has the piece of `va`, which is used at `now`; else null.
  uint8_t* find_known(VirtAddr va, Access access, Cycles now) {
    const TranslationFilter::Entry* entry = filter(access).find(va.value, access);
    if (entry == nullptr) return nullptr;
    *entry->used = uses_.at(now);
    return reinterpret_cast<uint8_t*>(va.value + entry->addend);
  }
  // What a look-up in the first level adds to every reference; the hart counts
  // it in bulk. 0 where that level is off.
  Cycles first_level_cycles(Access access) const;
  // Without a first level no filter entry ever stands.
  bool has_first_level(Access access) const {
    return access == Access::fetch ? instruction_.tlb.has_value() : data_.tlb.has_value();
  }

  // Flushes all but global entries when tlb.asids is false. `asid` must not be
  // Tlb::kReservedAsid.
  void set_address_space(PhysAddr root, Asid asid);
  PhysAddr root() const { return root_; }
  Asid asid() const { return asid_; }

  // Stands in for `other`, of the same hart and memory, from now on: its address space and process, and no
  // translations, whatever was known here before.
  void take_over(const Mmu& other);

  // Entries of one page in one address space (and global ones of that page).
  void flush_page(Asid asid, VirtAddr va);
  // Entries of one address space; global ones stay.
  void flush_asid(Asid asid);
  void flush_all();
  // The frame now holds decoded code: stores to it must come to translate().
  void drop_store_filter(Pfn frame);

  // Tells `observer` of all that reaches the MMU, from now on; null: nobody,
  // which costs nothing. It must outlive the MMU or be taken off again.
  //   With an observer that wants every change of page the filter holds the most recently used piece of each
  // side alone, so that a reference to any other page comes here: the observer
  // sees every change of page, and most references still go through a filter.
  // What stands in a filter stood there without an observer too, so that no
  // count and no cycle changes.
  void observe(TranslationObserver* observer);
  // The walker's reads of a memory that is counted in bulk reach its counter here, if not before.
  void settle() { walker_.settle(); }
  // So that the next reference of each side comes here, whichever page it is to.
  void forget_recent();
  // The user's instruction whose accesses are looked up from now on.
  void set_pc(uint64_t pc) { pc_ = pc; }
  // Whose references follow; for observers alone.
  void set_process(uint32_t process) { process_ = process; }

  // Bytes of address space that the entries held now translate; 0 where there
  // is no such TLB.
  struct Reach {
    uint64_t l1i = 0;
    uint64_t l1d = 0;
    uint64_t l2 = 0;
  };
  Reach reach() const;

  const TranslationStatistics& statistics() const { return user_.translation; }
  // First-level hits = references - misses; all zero where the level is off.
  TlbStatistics l1i(uint64_t fetch_references) const;
  TlbStatistics l1d(uint64_t data_references) const;
  TlbStatistics l2() const;
  KernelTranslationStatistics kernel() const;
  // All zero where there is no such cache; level 1 is that above the last level
  // of tables. Look-ups of user mode's walks.
  WalkCacheStatistics walk_cache(unsigned level) const;
  const NestedStatistics& nested() const { return user_.nested; }

  const PageTableFormat& format() const { return format_; }
  // In the place of TLBs and tables, where memory.model asks for it; else null.
  RelocationUnit* relocation() { return relocation_ ? &*relocation_ : nullptr; }

 private:
  static constexpr uint64_t kNoPiece = ~uint64_t{0};
  static constexpr uint64_t kMany = uint64_t{1} << 11;

  // Misses and second-level hits; by user or kernel.
  struct LevelCounts {
    uint64_t hits = 0;
    uint64_t misses = 0;
    uint64_t evictions = 0;
  };
  struct Counts {
    LevelCounts l1i;
    LevelCounts l1d;
    LevelCounts l2;
    TranslationStatistics translation;
    std::array<LevelCounts, PageTableFormat::kMaxLevels> walk_cache;
    NestedStatistics nested;
  };
  // One first-level TLB, the filter before it and, for each of its entries, what
  // it put there: the first address of a 4 KB piece, or of the page, with kMany
  // and log2 of the page's bytes added, for several.
  struct Side {
    std::optional<Tlb> tlb;
    TranslationFilter filter{};
    std::vector<uint64_t> piece{};
    uint64_t recent = kNoPiece;  // with every_change_: the only piece in the filter
    bool instruction = false;
    Cycles hit_cycles{};
    uint64_t flushes = 0;
  };
  // One look-up under way.
  struct Lookup {
    VirtAddr va;
    Access access;
    Privilege privilege;
    Side& side;
    Counts& counts;
    LevelCounts& level1;
    Cycles& now;
    uint64_t moment;                   // of this use
    const WalkTime* beside = nullptr;  // a walk that this one's need not wait for
    Cycles tlb{};                      // what it took so far, by account
    Cycles walk{};
    uint8_t walks = 0;
    uint16_t reads = 0;
  };

  Side& side_of(Access access) { return access == Access::fetch ? instruction_ : data_; }
  const Side& side_of(Access access) const { return access == Access::fetch ? instruction_ : data_; }
  Translation translate_in_full(VirtAddr va, Access access, Cycles& now, CycleLedger& ledger, const Tlb::Place& first,
                                uint64_t moment, const WalkTime* beside);
  Translation look_up(Lookup& lookup, const Tlb::Place& first);
  static bool is_found(const TlbEntry& entry) { return entry.page_shift != 0; }
  TlbEntry find_in_second(VirtAddr va, Access access, uint64_t moment, Cycles& now, CycleLedger& ledger);
  TlbEntry walk_to_page(VirtAddr va, Access access, Cycles& now, CycleLedger& ledger);
  void take_in(Side& side, const Tlb::Home& home, VirtAddr va, PhysAddr frame, const TlbEntry& entry, uint64_t moment);
  Tlb::Place find_in_first(const Side& side, VirtAddr va) const {
    return side.tlb ? side.tlb->find(va, asid_) : Tlb::Place{};
  }
  Translation first_level_hit(Lookup& lookup, Tlb::Place place);
  Translation second_level_hit(Lookup& lookup, Tlb::Place place);
  Translation miss(Lookup& lookup);
  Translation found(const Lookup& lookup, const TlbEntry& entry);
  Translation tell_of_fault(const Lookup& lookup, const Translation& failed);
  ObservedLookUp seen(const Lookup& lookup) const;
  void tell_size(ObservedLookUp& told, const TlbEntry& entry) const;
  void tell_of_hit(VirtAddr va, Access access, const TlbEntry& entry);
  TlbEntry entry_of(const WalkResult& result) const;
  static bool must_make_dirty(const Lookup& lookup, const TlbEntry& entry) {
    return lookup.access == Access::store && !entry.dirty;
  }
  // True when `entry` needs no walk to take the access, or had one that set the
  // modified bit; else `status` says how the walk failed.
  bool make_dirty(Lookup& lookup, TlbEntry& entry, Translation::Status& status);
  WalkResult walk(Lookup& lookup);
  WalkResult timed_walk(Lookup& lookup);
  void count_walk(Counts& counts, const WalkResult& result) const;
  void count_walk_to_page(unsigned reads) {
    TranslationStatistics& translation = user_.translation;
    ++translation.walks;
    translation.walk_reads += reads;
    translation.walk_depth_sum += reads;
    const unsigned skipped = format_.levels() - reads;
    if (skipped == 0) return;
    translation.walk_reads_skipped += skipped;
    ++user_.walk_cache[reads].hits;
  }
  void fill_first(Lookup& lookup, const TlbEntry& entry);
  // What a dirty walk found takes the place of what was held.
  Tlb::Place renew(Tlb& tlb, const Tlb::Place& place, const Lookup& lookup, const TlbEntry& entry,
                   LevelCounts& counts) const;
  void used(Lookup& lookup, const Tlb::Place& place, const TlbEntry& entry);
  void used_by_user(Side& side, const Tlb::Place& place, VirtAddr va, const TlbEntry& entry);
  void open_in_filter(Side& side, const Tlb::Place& place, uint64_t piece, PhysAddr address, const TlbEntry& entry);
  static void drop_pieces(Side& side, uint32_t slot);
  static void keep_only(Side& side, uint64_t piece);
  void clear_filters();
  void count_flush();
  template <class Flush>
  void flush_levels(Flush flush);

  PhysAddr address_of(VirtAddr va, const TlbEntry& entry) const {
    return PhysAddr(page_.address(entry.frame(page_.vpn(va), page_)).value | (va.value & page_.mask()));
  }
  static TlbStatistics first_level(const Side& side, const LevelCounts& counts, uint64_t references);

  const PageTableFormat& format_;
  PageSize page_;
  BackingStore& memory_;
  PageTableWalker& walker_;
  bool asids_;
  bool fast_path_;
  bool parallel_;  // two walks at once
  bool pieces_;    // TLBs hold base pages only
  Cycles l2_hit_cycles_;
  std::optional<RelocationUnit> relocation_;
  Cycles check_cycles_;  // of its

  PhysAddr root_{};
  Asid asid_ = 0;
  Side instruction_;
  Side data_;
  std::optional<Tlb> l2_;
  uint64_t l2_flushes_ = 0;
  uint64_t walk_cache_flushes_ = 0;
  WalkTime last_walk_;
  UseClock uses_;
  Counts user_;
  Counts kernel_;
  TranslationObserver* observer_ = nullptr;
  bool every_change_ = false;  // it wants to hear of
  bool short_misses_;          // nobody observes, and there are tables to walk
  uint64_t pc_ = 0;
  uint32_t process_ = 0;
};

}  // namespace faultline::hw
