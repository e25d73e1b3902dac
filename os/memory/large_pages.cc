// Large pages of an address space: which areas get them without asking for
// each, and the faults that map one as a whole. Everything else sees base
// pages: each frame of a large page belongs to an anon of its own, and an entry
// that is wanted only in part is split (PageTables).
#include "os/memory/address_space.h"
#include "os/memory/memory_manager.h"
#include "os/memory/mman.h"

namespace faultline::os {

AddressSpace::LargeRange AddressSpace::large_range(unsigned level, uint64_t address) const {
  const uint64_t start = address & ~(manager_.format().entry_span(level) - 1);
  return {level, start, start >> page().shift, uint64_t{1} << manager_.page_tables().order(level)};
}

// The level of the large pages that the area gets; 0: none.
unsigned AddressSpace::large_level(const VmArea& area) const {
  const HugePages transparent = manager_.config().huge.transparent;
  if (transparent == HugePages::never || area.shared || !area.anonymous() || area.hugetlb_level != 0) return 0;
  const bool wanted = transparent == HugePages::always ? area.huge != HugeAdvice::never : area.huge == HugeAdvice::want;
  return wanted ? manager_.page_tables().large_level() : 0;
}

// Resolves what a large page can; nothing: it is a matter of base pages.
std::optional<FaultReply> AddressSpace::fault_large_page(const Fault& fault) {
  if (fault.area.hugetlb_level != 0) return fault_hugetlb(fault);
  if (fault.entry.valid && fault.entry.level != 0) return widen_large_page(fault);
  // A read maps the zero page, of which there is no large one.
  if (fault.access != Access::store || manager_.config().huge.transparent == HugePages::never) return std::nullopt;
  return map_new_large_page(fault);
}

// A store to a place around which there is nothing yet but zero pages.
std::optional<FaultReply> AddressSpace::map_new_large_page(const Fault& fault) {
  const VmArea& area = fault.area;
  const unsigned level = large_level(area);
  if (level == 0) return std::nullopt;
  const LargeRange range = large_range(level, fault.page_start);
  if (range.start < area.start || area.end - range.start < manager_.format().entry_span(level)) return std::nullopt;
  if (private_.any(range.first, range.first + range.pages)) {
    manager_.collapse().note_base_page();
    return std::nullopt;
  }
  if (!table_->prepare(VirtAddr(range.start), level)) return std::nullopt;
  const unsigned order = manager_.page_tables().order(level);
  const std::optional<Pfn> run = manager_.zeroed_run(order, dying_ ? Urgency::dying : Urgency::user);
  if (!run) {
    ++manager_.huge_counts().fallback;
    manager_.collapse().note_base_page();
    return std::nullopt;
  }
  set_anons(area, range, *run);
  table_->map_large(VirtAddr(range.start), level, *run, permissions(area, true), true, true);
  ++manager_.huge_counts().faults;
  return count(fault.progress, &FaultStatistics::demand_zero);
}

// The page's entry does not permit what the area does. It is made to, unless a
// store would change bytes that somebody else has: then the page is split, by
// whoever prepares the base page's entry.
std::optional<FaultReply> AddressSpace::widen_large_page(const Fault& fault) {
  const bool store = fault.access == Access::store;
  const LargeRange range = large_range(fault.entry.level, fault.page_start);
  bool sole_owner = true;
  private_.for_each(range.first, range.first + range.pages,
                    [&](uint64_t, Anon& anon) { sole_owner &= anon.references == 1; });
  if (store && !sole_owner) return std::nullopt;
  const Pfn run = fault.entry.pfn - ((fault.page_start >> page().shift) - range.first);
  table_->map_large(VirtAddr(range.start), range.level, run, permissions(fault.area, store || fault.entry.writable),
                    true, store || fault.entry.modified);
  return count(fault.progress, store ? &FaultStatistics::cow_reuse : &FaultStatistics::spurious);
}

// Each frame of the run becomes a page of the area; what was there loses an owner.
void AddressSpace::set_anons(const VmArea& area, const LargeRange& range, Pfn run) {
  for (uint64_t i = 0; i < range.pages; ++i) {
    set_anon(area, range.start + (i << page().shift), *manager_.anons().create(run + i));
  }
}

}  // namespace faultline::os
