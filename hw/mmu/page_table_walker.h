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
  // nothing has happened.
  unsigned walk_to_page(const WalkRequest& request, Cycles& now, TlbEntry& entry);

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

  // What an entry of the last level and those above it permit together. Many
  // entries have the same bits but for their frame.
  struct Say {
    uint64_t leaf = ~uint64_t{0};  // the bits that it was told from
    uint64_t above = 0;
    bool valid = false;
    Permissions permissions{};
    // For a TLB, but for the frame; no access is the user's where a walk would set a bit in the entry.
    TlbEntry entry{};
  };
  static constexpr unsigned kSayBits = 4;

  // The way from a root to one table of the last level, as it was read once. It
  // still holds where its entries read the same, which is seen sooner than found
  // anew: no read waits for another. By level, from 1.
  struct KnownTables {
    uint64_t prefix = ~uint64_t{0};  // of the addresses
    PhysAddr root{};
    PhysAddr table{};
    Above above{};
    std::array<PhysAddr, PageTableFormat::kMaxLevels> places{};
    std::array<uint64_t, PageTableFormat::kMaxLevels> raws{};
  };
  static constexpr size_t kKnownTables = 64;
  // The entries that a walk to a page reads.
  struct TablePath {
    const KnownTables* above_it;  // null: the walk cache knew the table
    uint32_t cached;              // its slot there
    PhysAddr place;               // of the last level's entry
    uint64_t raw;                 // and its bits
    Above above;
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
  [[gnu::always_inline]] const Say& say_of(uint64_t leaf, const Above& above);
  bool read_tables(const WalkRequest& request, TablePath& path);
  // log2 bytes of address space that a table of the last level spans.
  unsigned table_shift() const { return format_.entry_shift(0) + format_.layout().index_bits[0]; }
  bool unchanged(const KnownTables& known) const;
  bool find_tables(const WalkRequest& request, KnownTables& known) const;
  void tell_anew(Say& say, uint64_t leaf, const Above& above) const;
  Say tell(uint64_t leaf, unsigned level, const Above& above) const;
  template <bool kNested>
  bool locate_page(Walk& walk, PhysAddr page);
  void write_back(Walk& walk);
  void remember(Walk& walk);
  Permissions effective(const Entry& leaf, const Above& above) const;

  const PageTableFormat& format_;
  BackingStore& memory_;
  EntryPort entries_;
  WalkCaches caches_;
  Cycles cache_cycles_;
  std::optional<HostStage> host_;
  uint64_t all_matter_;  // bits that Above::all and Above::any have a say with
  uint64_t any_matter_;
  std::array<Say, size_t{1} << kSayBits> says_{};
  std::array<KnownTables, kKnownTables> known_{};  // by prefix
  WalkerStatistics statistics_;
};

}  // namespace faultline::hw
