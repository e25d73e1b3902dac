// The hardware page-table walker: reads the real entries in modelled memory,
// one timed access a level, and sets referenced and modified bits in them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <systemc>

#include "hw/base/clock.h"
#include "hw/base/types.h"
#include "hw/config/machine_config.h"
#include "hw/memory/backing_store.h"
#include "hw/memory/memory_port.h"
#include "hw/memory/memory_side.h"
#include "hw/mmu/entry_port.h"
#include "hw/mmu/host_stage.h"
#include "hw/mmu/known_tables.h"
#include "hw/mmu/leaf_meaning.h"
#include "hw/mmu/page_table_format.h"
#include "hw/mmu/tlb_entry.h"
#include "hw/mmu/translation.h"
#include "hw/mmu/walk_cache.h"

namespace faultline::hw {

enum class Privilege : uint8_t { user, supervisor };

struct WalkerStatistics {
  uint64_t walks = 0;  // attempts
  uint64_t reads = 0;
  uint64_t writes = 0;
};

// User mode needs the user bit. Supervisor may use entries of either kind, but
// fetches from its own only.
inline bool permits(const Permissions& permissions, Access access, Privilege privilege) {
  if (privilege == Privilege::user && !permissions.user) return false;
  switch (access) {
    case Access::fetch:
      return permissions.execute && (privilege == Privilege::user || !permissions.user);
    case Access::load:
      return permissions.read;
    case Access::store:
      return permissions.write;
  }
  return false;
}

struct WalkRequest {
  PhysAddr root{};  // guest-physical under nested translation
  VirtAddr address{};
  Access access = Access::load;
  Privilege privilege = Privilege::user;
  Asid asid = 0;  // for the walk caches
};

struct WalkResult {
  Translation::Status status = Translation::Status::ok;
  uint8_t level = 0;       // of the leaf
  uint8_t first = 0;       // level of the first entry read: the root's, unless a walk cache knew more
  uint8_t reads = 0;       // entries read, those of the host among them
  uint8_t writes = 0;      // entries written back
  uint8_t page_shift = 0;  // log2 bytes of the page that a TLB may hold: the leaf's, or the host's where that is less
  Pfn pfn{};               // of the base page that holds the address
  Permissions permissions{};
  bool dirty = false;        // the leaf's modified bit is set by now
  HostStage::Counts host{};  // under nested translation
};

// Checks in this order, at each level from the first: the entry lies in memory
// (else access_fault), it is valid (else page_fault); at the leaf: the access is
// permitted (else page_fault), the page lies in memory (else access_fault).
// Only when all holds are bits set: one write for each entry that changes, the root's first, the leaf's
// referenced and modified bits together.
//
// With walk caches, a walk begins below the last level whose cache knows the
// address; the cache of the lowest level is asked first. Only a walk that
// succeeds leaves a trace in them: what it read above the leaf, valid and
// referenced by then. Whoever changes a table entry must flush its address.
//
// Under nested translation the tables and pages named here are guest-physical,
// and the host's tables say where they lie: each entry is read after that
// (h reads for h levels), and so is the page, so that g levels over h make
// (g + 1)(h + 1) - 1 reads. Where the host has no page for the guest, it is an
// access_fault. Walk caches hold host-physical addresses.
class PageTableWalker : public sc_core::sc_module {
 public:
  // Reads enter memory at `side` (the first-level data cache, say), or through
  // a port of the walker's own when there is none.
  // Of `config` it takes the walker's and the nested tables' part. Throws
  // std::invalid_argument, one line, for what of that cannot be built.
  PageTableWalker(sc_core::sc_module_name name, const PageTableFormat& format, BackingStore& memory, const Clock& clock,
                  MemorySide* side = nullptr, const MachineConfig& config = {});

  // To be bound; only where no side was given.
  MemoryPort& port() { return entries_.port(); }

  // Where memory has one flat latency (its own port grants DMI): accesses take
  // that and are counted at `counter` (may be null) instead of transported.
  // After elaboration; without effect on any count or time.
  void count_in_bulk(BulkCounter* counter) { entries_.count_in_bulk(counter); }

  // Under nested translation, before the first walk: where the host's tables
  // begin. Forgets what it knew of the machine before.
  void set_host(PhysAddr root, Vmid vmid);

  WalkResult walk(const WalkRequest& request, Cycles& now);

  // The common case of the same, for user mode: to an entry of the last level,
  // from the root or from where the walk cache of level 1 says; nothing to set, no
  // host. `entry` takes what a TLB holds of the page. Answers the reads made; 0:
  // nothing has happened. The address need not be valid.
  unsigned walk_to_page(const WalkRequest& request, Cycles& now, TlbEntry& entry);
  // The address is to be walked to and then accessed: see KnownTables.
  [[gnu::always_inline]] void expect(PhysAddr root, VirtAddr va) {
    if (!host_) known_.expect(root, va);
  }
  // Their reads from a memory that is counted in bulk reach its counter here.
  void settle() { entries_.settle(); }

  // For the walk caches; the nested TLB knows no address of the guest's
  // programs, and only flush_all() empties it.
  void flush_page(Asid asid, VirtAddr va) { caches_.flush_page(asid, va); }
  void flush_asid(Asid asid) { caches_.flush_asid(asid); }
  void flush_all_spaces() { caches_.flush_all(); }
  void flush_all();

  const PageTableFormat& format() const { return format_; }
  // Null without nested translation.
  const PageTableFormat* host_format() const { return host_ ? &host_->format() : nullptr; }
  const WalkCaches& caches() const { return caches_; }
  const WalkerStatistics& statistics() const { return statistics_; }

 private:
  struct Step {
    PhysAddr address;
    uint64_t raw;
    uint64_t set;    // bits to set in it
    unsigned shift;  // log2 bytes of the host's page around it; under nested translation alone
  };
  using Steps = std::array<Step, PageTableFormat::kMaxLevels>;
  // One walk under way.
  struct Walk {
    Walk(const WalkRequest& the_request, Cycles& the_time) : request(the_request), now(the_time) {}

    const WalkRequest& request;
    Cycles& now;
    WalkResult result{};
    Steps steps;           // of the levels that were reached; to clear the others costs more than a short walk
    uint64_t changes = 0;  // of all steps, the bits to set
    Above entered{};       // with what the walk caches said
    Above above{};
  };

  template <bool kNested>
  WalkResult walk_tables(const WalkRequest& request, Cycles& now);
  TablePointer begin(Walk& walk);
  template <bool kNested>
  bool locate(Walk& walk, Step& step, bool translated);
  template <bool kNested>
  void descend(Walk& walk);
  template <bool kNested>
  void finish(Walk& walk);
  template <bool kNested>
  bool locate_page(Walk& walk, PhysAddr page);
  void write_back(Walk& walk);
  void remember(Walk& walk);
  unsigned walk_below_cached(const WalkRequest& request, Cycles& now, TlbEntry& entry);
  bool take_page(const WalkRequest& request, uint64_t raw, const Above& above, TlbEntry& entry);

  const PageTableFormat& format_;
  BackingStore& memory_;
  EntryPort entries_;
  WalkCaches caches_;
  Cycles cache_cycles_;
  std::optional<HostStage> host_;
  LeafMeanings meanings_;
  KnownTables known_;
  uint64_t set_in_tables_;  // by a walk, in what points at tables
  WalkerStatistics statistics_;
};

// The entry maps a page that may be accessed as it is.
inline bool PageTableWalker::take_page(const WalkRequest& request, uint64_t raw, const Above& above, TlbEntry& entry) {
  const PhysAddr page = format_.page_of(raw, 0);
  const LeafMeaning& meaning = meanings_.of(raw, above);
  if (!meaning.entry.user_may(request.access) || !memory_.contains(page, memory_.page().bytes())) return false;
  // The program's own access follows: its host line may come while the rest is done.
  __builtin_prefetch(memory_.at(page + (request.address.value & memory_.page().mask())));
  entry = meaning.entry;
  entry.pfn = memory_.page().pfn(page);
  return true;
}

// Reads are counted and timed when it is known that all is well.
[[gnu::always_inline]] inline unsigned PageTableWalker::walk_to_page(const WalkRequest& request, Cycles& now,
                                                                     TlbEntry& entry) {
  if (host_) return 0;
  if (caches_.any()) return walk_below_cached(request, now, entry);
  const KnownTables::Known* known = known_.find(request.root, request.address);
  if (known == nullptr || (known->above.all & set_in_tables_) != set_in_tables_) return 0;
  if (!take_page(request, known_.entry(known->host, request.address), known->above, entry)) return 0;
  const unsigned reads = format_.levels();
  ++statistics_.walks;
  statistics_.reads += reads;
  if (entries_.is_flat()) {
    entries_.count_reads(reads, now);
    return reads;
  }
  const unsigned bytes = format_.entry_bytes();
  for (unsigned level = reads - 1; level > 0; --level) entries_.count_read(known->places[level], bytes, now);
  entries_.count_read(format_.entry_address(known->table, request.address, 0), bytes, now);
  return reads;
}

}  // namespace faultline::hw
