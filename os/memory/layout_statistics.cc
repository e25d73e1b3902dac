// How an address space looks when its process ends: holes between areas, and
// bytes under large pages that nobody ever used.
#include <algorithm>

#include "os/memory/address_space.h"
#include "os/memory/memory_manager.h"
#include "os/memory/mman.h"

namespace faultline::os {

LayoutStatistics AddressSpace::layout() const {
  LayoutStatistics result;
  uint64_t free_from = page().round_up(kLowestAddress);
  for (const auto& [start, area] : areas_) {
    ++result.areas;
    result.mapped_bytes += area.bytes();
    if (start > free_from) result.largest_hole = std::max(result.largest_hole, start - free_from);
    free_from = std::max(free_from, area.end);
    const LargeAreaStatistics large = large_pages_of(area);
    if (large.large_pages != 0) result.large.push_back(large);
  }
  result.largest_hole = std::max(result.largest_hole, user_end().value - std::min(user_end().value, free_from));
  return result;
}

// Looks at bytes as the host has them: it is no work of the kernel's.
LargeAreaStatistics AddressSpace::large_pages_of(const VmArea& area) const {
  LargeAreaStatistics result{.start = area.start,
                             .bytes = area.bytes(),
                             .heap = area.use == AreaUse::heap,
                             .hugetlb = area.hugetlb_level != 0};
  if (manager_.page_tables().large_leaves().pages == 0 || (area.shared && !area.object)) return result;
  const AnonMap& pages = area.object ? *area.object : private_;
  const uint64_t first = area.object ? area.backing_page(area.start, page()) : area.start >> page().shift;
  const hw::BackingStore& memory = manager_.cpu().memory();
  pages.for_each(first, first + page().pages(area.bytes()), [&](uint64_t number, Anon& anon) {
    const uint64_t at = area.start + ((number - first) << page().shift);
    if (!anon.in_memory() || table_->leaf_level(VirtAddr(at)) == 0) return;
    ++result.large_pages;
    const uint8_t* const bytes = memory.at(page().address(Pfn(anon.frame)));
    result.zero_pages += std::all_of(bytes, bytes + page().bytes(), [](uint8_t byte) { return byte == 0; });
  });
  return result;
}

}  // namespace faultline::os
