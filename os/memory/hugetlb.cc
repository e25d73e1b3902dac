// MAP_HUGETLB: areas of nothing but large pages, whose frames are set aside
// when the area is made, or it is ENOMEM; as Linux does where the pool is empty
// and nr_overcommit_hugepages knows no bound. Such a page is never split,
// paged out or found in the zero page, and the area is only cut between pages.
#include <algorithm>

#include "os/memory/address_space.h"
#include "os/memory/memory_manager.h"
#include "os/memory/mman.h"

namespace faultline::os {

// 0: the request is for base pages. EINVAL for a size that the format does not
// have, and for a file (mmap(2)).
Result<uint8_t> AddressSpace::hugetlb_level(const MapRequest& request) const {
  if ((request.flags & kMapHugeTlb) == 0) return uint8_t{0};
  const auto shift = static_cast<unsigned>(request.flags) >> kMapHugeShift & kMapHugeMask;
  const PageTables& tables = manager_.page_tables();
  const unsigned level = shift == 0 ? tables.large_level() : tables.large_level_of(shift);
  if (level == 0 || request.file) return Errno{EINVAL};
  return static_cast<uint8_t>(level);
}

PageSize AddressSpace::unit(const VmArea& area) const { return {manager_.format().entry_shift(area.hugetlb_level)}; }

// Whether one of both places lies inside a page that must not be cut.
bool AddressSpace::cuts_hugetlb(uint64_t start, uint64_t end) const {
  const auto cut = [this](uint64_t address) {
    const VmArea* const area = find_area(VirtAddr(address));
    return area && area->start < address && !unit(*area).aligned(address);
  };
  return cut(start) || cut(end);
}

// False: there were too few runs, and none is kept.
bool AddressSpace::reserve_large_pages(const VmArea& area) {
  AnonMap& pages = area.object ? *area.object : private_;
  const auto number = [&](uint64_t address) {
    return area.object ? area.backing_page(address, page()) : address >> page().shift;
  };
  const unsigned order = manager_.page_tables().order(area.hugetlb_level);
  for (uint64_t at = area.start; at < area.end; at += unit(area).bytes()) {
    const std::optional<Pfn> run =
        manager_.frame_allocator().allocate_large(order, FrameKind::anonymous, Urgency::user);
    if (!run) {
      pages.erase(number(area.start), number(at));
      return false;
    }
    pages.reserve(number(at), {*run, order});
  }
  return true;
}

// MADV_REMOVE. Of a page that lies in the range only in part, that part becomes
// zeros (Linux, hugetlbfs_punch_hole).
void AddressSpace::remove_hugetlb_pages(const VmArea& area, uint64_t start, uint64_t end) {
  AnonMap& pages = *area.object;
  const uint64_t first_whole = std::min(unit(area).round_up(start), end);
  const uint64_t end_whole = std::max(unit(area).round_down(end), first_whole);
  const auto number = [&](uint64_t address) { return area.backing_page(address, page()); };
  const auto zero = [&](uint64_t, Anon& anon) { manager_.zero_run(Pfn(anon.frame), 0); };
  pages.for_each(number(start), number(first_whole), zero);
  pages.for_each(number(end_whole), number(end), zero);
  pages.for_each(number(first_whole), number(end_whole),
                 [&](uint64_t, Anon& anon) { manager_.page_tables().unmap_large_everywhere(Pfn(anon.frame)); });
  pages.erase(number(first_whole), number(end_whole));
}

// As for base pages, but that it is always the whole page.
FaultReply AddressSpace::fault_hugetlb(const Fault& fault) {
  const VmArea& area = fault.area;
  const LargeRange range = large_range(area.hugetlb_level, fault.page_start);
  if (!table_->prepare(VirtAddr(range.start), range.level)) return wait_for_frame();
  const bool store = fault.access == Access::store;
  const bool may_write = (area.protection & kProtWrite) != 0;
  if (const Anon* const anon = anon_of(area, range.start)) {
    const Pfn run(anon->frame);
    const bool last_owner = anon->references == 1;
    if (store && !area.shared && !last_owner) return copy_hugetlb(fault, range, run);
    table_->map_large(VirtAddr(range.start), range.level, run,
                      permissions(area, may_write && (area.shared || last_owner)), true, store);
    return count(fault.progress, fault.entry.valid && store ? &FaultStatistics::cow_reuse : &FaultStatistics::spurious);
  }
  AnonMap& pages = area.object ? *area.object : private_;
  const unsigned order = manager_.page_tables().order(range.level);
  std::optional<Pfn> run = pages.take_reserved(area.object ? area.backing_page(range.start, page()) : range.first);
  if (run) {
    manager_.zero_run(*run, order);
  } else {
    run = manager_.zeroed_run(order, Urgency::user);
  }
  // Nothing was set aside (MAP_NORESERVE, or a child's page), and nothing is left.
  if (!run) return fail(FaultReply::Kind::bus_adrerr, fault.progress);
  set_anons(area, range, *run);
  for (uint64_t i = 0; i < range.pages; ++i) ++manager_.frame_allocator()[*run + i].pins;
  table_->map_large(VirtAddr(range.start), range.level, *run, permissions(area, may_write && (area.shared || store)),
                    true, store);
  ++manager_.huge_counts().faults;
  return count(fault.progress, &FaultStatistics::demand_zero);
}

// The place gets a large page of its own.
FaultReply AddressSpace::copy_hugetlb(const Fault& fault, const LargeRange& range, Pfn from) {
  FrameAllocator& frames = manager_.frame_allocator();
  const std::optional<Pfn> run =
      frames.allocate_large(manager_.page_tables().order(range.level), FrameKind::anonymous, Urgency::user);
  if (!run) return fail(FaultReply::Kind::bus_adrerr, fault.progress);
  for (uint64_t i = 0; i < range.pages; ++i) {
    manager_.copy_page(*run + i, from + i);
    ++frames[*run + i].pins;
  }
  // In this order: the old page loses its mapping before it may lose an owner.
  table_->map_large(VirtAddr(range.start), range.level, *run, permissions(fault.area, true), true, true);
  set_anons(fault.area, range, *run);
  return count(fault.progress, &FaultStatistics::cow);
}

}  // namespace faultline::os
