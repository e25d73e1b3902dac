// The hardware page-table walker: reads the real entries in modelled memory,
// one timed access a level, and sets referenced and modified bits in them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <systemc>

#include "hw/base/clock.h"
#include "hw/base/types.h"
#include "hw/memory/backing_store.h"
#include "hw/memory/memory_port.h"
#include "hw/memory/memory_side.h"
#include "hw/mmu/page_table_format.h"
#include "hw/mmu/translation.h"

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
  PhysAddr root{};
  VirtAddr address{};
  Access access = Access::load;
  Privilege privilege = Privilege::user;
};

struct WalkResult {
  Translation::Status status = Translation::Status::ok;
  uint8_t level = 0;   // of the leaf
  uint8_t reads = 0;   // entries read
  uint8_t writes = 0;  // entries written back
  Pfn pfn{};           // of the base page that holds the address
  Permissions permissions{};
  bool dirty = false;  // the leaf's modified bit is set by now
};

// Checks in this order, at each level from the root: the entry lies in memory
// (else access_fault), it is valid (else page_fault); at the leaf: the access is
// permitted (else page_fault), the page lies in memory (else access_fault).
// Only when all holds are bits set: one write for each entry that changes, the root's first, the leaf's
// referenced and modified bits together.
class PageTableWalker : public sc_core::sc_module {
 public:
  // Reads enter memory at `side` (the first-level data cache, say), or through
  // a port of the walker's own when there is none.
  PageTableWalker(sc_core::sc_module_name name, const PageTableFormat& format, BackingStore& memory, const Clock& clock,
                  MemorySide* side = nullptr);

  // To be bound; only where no side was given.
  MemoryPort& port() { return *port_; }

  // Where memory has one flat latency (its own port grants DMI): accesses take
  // that and are counted at `counter` (may be null) instead of transported.
  // After elaboration; without effect on any count or time.
  void count_in_bulk(BulkCounter* counter);

  WalkResult walk(const WalkRequest& request, Cycles& now);

  const PageTableFormat& format() const { return format_; }
  const WalkerStatistics& statistics() const { return statistics_; }

 private:
  struct Step {
    PhysAddr address{};
    uint64_t raw = 0;
    uint64_t set = 0;  // bits to set in it
  };
  using Steps = std::array<Step, PageTableFormat::kMaxLevels>;

  void write_back(const Steps& steps, WalkResult& result, Cycles& now);
  void timed(PhysAddr address, bool write, Cycles& now);
  uint64_t read(PhysAddr address) const;
  // The table entries above a leaf, as the format lets them have a say.
  struct Above {
    uint64_t all = ~uint64_t{0};  // bits set in every one
    uint64_t any = 0;             // bits set in at least one
  };
  Permissions effective(const Entry& leaf, const Above& above) const;
  void finish(const WalkRequest& request, Steps& steps, const Above& above, WalkResult& result, Cycles& now);

  const PageTableFormat& format_;
  BackingStore& memory_;
  std::unique_ptr<MemoryPort> port_;
  MemorySide* side_;
  std::optional<FlatLatency> flat_;
  BulkCounter* counter_ = nullptr;
  WalkerStatistics statistics_;
};

}  // namespace faultline::hw
