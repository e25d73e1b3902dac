// The second stage of nested translation: guest-physical to host-physical
// addresses, through the host's tables.
//
// The host's tables have the format of ordinary ones (AMD64 Architecture
// Programmer's Manual volume 2, 15.25; RISC-V hypervisor extension), and every
// access through them counts as user mode's. A read of a guest's table counts
// as a store there, since it may set bits in the guest's entry (the same
// section; Intel SDM volume 3C, "Accessed and Dirty Flags for EPT").
// Referenced and modified bits of the host's entries are set when a hypervisor
// makes them; the walker leaves them as they are.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "hw/base/types.h"
#include "hw/config/machine_config.h"
#include "hw/mmu/entry_port.h"
#include "hw/mmu/page_table_format.h"
#include "hw/mmu/tagged_array.h"

namespace faultline::hw {

// Which virtual machine an entry belongs to.
using Vmid = uint16_t;

class HostStage {
 public:
  // `tlb`: there is a nested TLB, as config.tlb describes it.
  // Throws std::invalid_argument where the format has no pages of config.page.
  HostStage(PageTableFormat format, EntryPort& entries, const NestedConfig& config, bool tlb, uint64_t seed);

  void set_root(PhysAddr root, Vmid vmid) {
    root_ = root;
    vmid_ = vmid;
  }
  const PageTableFormat& format() const { return format_; }

  // What a guest-physical address came to. Where it is not ok, the host gives
  // the guest no such memory, or not for this access.
  struct Found {
    bool ok = false;
    PhysAddr address{};  // host-physical
    unsigned shift = 0;  // log2 bytes of the host's page around it
    bool read = false;   // what the host permits there
    bool write = false;
    bool execute = false;
  };

  // What the guest's walk asked so far.
  struct Counts {
    unsigned reads = 0;    // of the host's entries
    unsigned depths = 0;   // the depths of the host's walks that succeeded
    unsigned lookups = 0;  // in the nested TLB
    unsigned hits = 0;
  };

  // Each walk of the guest's tables: begin(), translate() as often as needed,
  // and commit() when it came to a page. Until then what it found is known to
  // itself alone, so that one which faults leaves the nested TLB as it was.
  void begin();
  Found translate(PhysAddr guest, Access access, Cycles& now);
  void commit();
  const Counts& counts() const { return counts_; }

  // Forgets all of the nested TLB.
  void flush();

 private:
  // As the nested TLB holds it, for one granule.
  struct Held {
    PhysAddr base{};  // host-physical
    bool read = false;
    bool write = false;
    bool execute = false;
  };
  struct Asked {
    uint64_t granule = 0;
    Held held;
  };
  using Array = TaggedArray<Held>;

  const Held* look_up(uint64_t granule) const;
  Found walk(PhysAddr guest, Cycles& now);
  void remember(PhysAddr guest, const Found& found);

  PageTableFormat format_;
  EntryPort& entries_;
  PhysAddr root_{};
  Vmid vmid_ = 0;
  unsigned granule_shift_;
  std::optional<Array> tlb_;
  Counts counts_;
  // Of the walk under way, in order: one for each guest entry, and the page.
  std::array<Asked, PageTableFormat::kMaxLevels + 1> asked_;
  unsigned asked_count_ = 0;
};

// The level of the host's format whose leaves are pages of that size. Throws
// std::invalid_argument, one line that names the key, where it has none.
unsigned leaf_level_of(const PageTableFormat& format, NestedPage page);

}  // namespace faultline::hw
