// The MMU of one hart: two levels of modelled TLBs before a page-table walker.
#pragma once

#include <cstdint>
#include <systemc>

#include "hw/base/cycle_ledger.h"
#include "hw/base/types.h"
#include "hw/mmu/translation_filter.h"

namespace faultline::hw {

// What one translation came to.
struct Translation {
  enum class Status : uint8_t { ok, page_fault, access_fault };
  Status status = Status::ok;
  PhysAddr address{};
};

struct TlbStatistics {
  uint64_t lookups = 0;  // hits + misses
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t evictions = 0;
  uint64_t flushes = 0;  // flush operations that reached this TLB
};

struct TranslationStatistics {
  uint64_t walks = 0;             // that succeeded: last-level misses + dirty_walks
  uint64_t dirty_walks = 0;       // for a store to an entry not yet dirty
  uint64_t walk_reads = 0;        // entries read by walks
  uint64_t walk_writes = 0;       // entries written: referenced and modified bits
  uint64_t fault_walk_reads = 0;  // entries read by attempts that faulted
  uint64_t walk_depth_sum = 0;    // sum of the depths of walks: must equal walk_reads
};

// INTERFACE (the owner of hw/mmu completes this):
//
//   Mmu(name, MachineConfig, format, BackingStore&, PageTableWalker&)
//
//   Translation translate(VirtAddr, Access, Cycles& now, CycleLedger&)
//       One modelled look-up of the page that holds the byte, in full: first
//       level, second level, walk; counts, replaces, sets referenced and
//       modified bits; advances `now` by what that took, booked as `tlb` and
//       `walk`. A fault counts no look-up and no walk; its reads are
//       fault_walk_reads (their cycles are booked as `walk` all the same).
//       On success it puts the page into filter(access) where the rules of
//       TranslationFilter allow.
//       A first-level hit is counted by nobody: statistics() derives it.
//   Translation translate_kernel(VirtAddr, bool write, Cycles& now)
//       The same for the OS layer's own accesses (os.translated); counted apart,
//       allowed on entries closed to user mode.
//   TranslationFilter& filter(Access)
//   void set_address_space(PhysAddr root, Asid)   flushes when tlb.asids is false
//   PhysAddr root() const
//   void flush_page(Asid, VirtAddr)  void flush_asid(Asid)  void flush_all()
//   void drop_store_filter(Pfn)      the frame now holds decoded code
//   TranslationStatistics statistics() const
//   TlbStatistics l1i(uint64_t fetch_references) const; l1d(uint64_t data_references); l2()
//       first-level hits = references - misses

}  // namespace faultline::hw
