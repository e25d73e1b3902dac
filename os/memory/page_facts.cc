#include "os/memory/page_facts.h"

#include <algorithm>
#include <set>

#include "os/memory/address_space.h"
#include "os/memory/memory_manager.h"

namespace faultline::os {

namespace {

enum class PageKind : uint8_t { anonymous, file, shared_memory };

PageKind kind_of(const Frame& frame, const VmArea& area) {
  if (frame.kind == FrameKind::file) {
    return frame.file && frame.file->is_shared_memory() ? PageKind::shared_memory : PageKind::file;
  }
  return area.object ? PageKind::shared_memory : PageKind::anonymous;
}

// An anonymous page without a copy on swap is nowhere but in memory.
bool is_dirty(const TableEntry& entry, const Frame& frame) {
  return entry.modified || frame.dirty || (frame.anon && frame.anon->slot == Anon::kNone);
}

void count_hugetlb(AreaUsage& usage, const Frame& frame) {
  ++(frame.mappings > 1 ? usage.hugetlb_shared : usage.hugetlb_private);
}

void count_page(AreaUsage& usage, const VmArea& area, const TableEntry& entry, const Frame& frame, PageSize page) {
  const PageKind kind = kind_of(frame, area);
  const bool dirty = is_dirty(entry, frame);
  const bool shared = frame.mappings > 1;
  const uint64_t share = (page.bytes() << AreaUsage::kShareShift) / std::max<uint32_t>(frame.mappings, 1);
  ++usage.resident;
  usage.share += share;
  if (dirty) usage.share_dirty += share;
  ++(shared ? (dirty ? usage.shared_dirty : usage.shared_clean) : (dirty ? usage.private_dirty : usage.private_clean));
  if (entry.referenced || frame.used) ++usage.referenced;
  const bool large = entry.level != 0;
  switch (kind) {
    case PageKind::anonymous:
      ++usage.anonymous;
      usage.share_anonymous += share;
      usage.large_anonymous += large;
      break;
    case PageKind::file:
      usage.share_files += share;
      usage.large_files += large;
      break;
    case PageKind::shared_memory:
      usage.share_memory += share;
      usage.large_memory += large;
      break;
  }
}

}  // namespace

void AreaUsage::add(const AreaUsage& other) {
  resident += other.resident;
  share += other.share;
  share_anonymous += other.share_anonymous;
  share_files += other.share_files;
  share_memory += other.share_memory;
  share_dirty += other.share_dirty;
  shared_clean += other.shared_clean;
  shared_dirty += other.shared_dirty;
  private_clean += other.private_clean;
  private_dirty += other.private_dirty;
  referenced += other.referenced;
  anonymous += other.anonymous;
  swapped += other.swapped;
  large_anonymous += other.large_anonymous;
  large_memory += other.large_memory;
  large_files += other.large_files;
  hugetlb_shared += other.hugetlb_shared;
  hugetlb_private += other.hugetlb_private;
}

// Each page of the area that has an entry, with the frame that holds it; not the
// zero page, which is the kernel's.
template <class Visit>
void AddressSpace::each_mapped_page(const VmArea& area, Visit&& visit) const {
  table_->for_each_present(VirtAddr(area.start), VirtAddr(area.end), [&](VirtAddr at, const TableEntry& entry) {
    const uint64_t pages = manager_.format().entry_span(entry.level) >> page().shift;
    for (uint64_t i = 0; i < pages; ++i) {
      const VirtAddr here = at + (i << page().shift);
      if (!area.contains(here.value)) continue;
      const Frame& frame = manager_.frame_allocator()[entry.pfn + i];
      if (frame.kind != FrameKind::kernel) visit(here, entry, frame);
    }
  });
}

// Those of its pages that only swap has. Several areas may show one object's.
uint64_t AddressSpace::swapped_pages(const VmArea& area) const {
  if (area.shared && !area.object) return 0;
  const AnonMap& anons = area.object ? *area.object : private_;
  const uint64_t first = area.object ? area.backing_page(area.start, page()) : area.start >> page().shift;
  uint64_t swapped = 0;
  anons.for_each(first, first + page().pages(area.bytes()),
                 [&](uint64_t, Anon& anon) { swapped += anon.in_memory() ? 0 : 1; });
  return swapped;
}

AreaUsage AddressSpace::usage_of(const VmArea& area) const {
  AreaUsage usage;
  each_mapped_page(area, [&](VirtAddr, const TableEntry& entry, const Frame& frame) {
    if (area.hugetlb_level != 0) {
      count_hugetlb(usage, frame);
    } else {
      count_page(usage, area, entry, frame, page());
    }
  });
  usage.swapped = swapped_pages(area);
  return usage;
}

ResidentPages AddressSpace::resident_by_kind() const {
  ResidentPages pages;
  for (const auto& [start, area] : areas_) {
    each_mapped_page(area, [&, &shown = area](VirtAddr, const TableEntry&, const Frame& frame) {
      if (shown.hugetlb_level != 0) {
        ++pages.hugetlb;
        return;
      }
      const PageKind kind = kind_of(frame, shown);
      ++(kind == PageKind::anonymous ? pages.anonymous : kind == PageKind::file ? pages.files : pages.shared_memory);
    });
    if (!area.shared) pages.swapped += swapped_pages(area);
  }
  return pages;
}

PageFacts AddressSpace::page_facts(VirtAddr address) const {
  PageFacts facts;
  const VmArea* area = find_area(address);
  if (!area) return facts;
  const uint64_t start = page().round_down(address.value);
  table_->for_each_present(VirtAddr(start), VirtAddr(start + page().bytes()),
                           [&](VirtAddr at, const TableEntry& entry) {
                             facts.present = true;
                             facts.frame = entry.pfn + ((start - at.value) >> page().shift);
                             const Frame& frame = manager_.frame_allocator()[facts.frame];
                             if (frame.kind == FrameKind::kernel) return;  // the zero page
                             facts.of_file = kind_of(frame, *area) != PageKind::anonymous;
                             facts.alone = frame.mappings == 1;
                           });
  if (facts.present) return facts;
  const Anon* anon = anon_of(*area, address.value);
  if (anon && !anon->in_memory()) {
    facts.swapped = true;
    facts.slot = anon->slot;
    facts.of_file = area->object != nullptr;
  }
  return facts;
}

void AddressSpace::clear_references(References which) {
  for (const auto& [start, area] : areas_) {
    const bool wanted = which == References::all || (which == References::files) == (area.file != nullptr);
    if (!wanted) continue;
    each_mapped_page(area, [&](VirtAddr at, const TableEntry&, const Frame&) { table_->clear_referenced(at); });
  }
}

namespace {

uint64_t pages_in_memory(MemoryManager& memory, const AnonMap& anons, uint64_t first, uint64_t end) {
  uint64_t pages = 0;
  anons.for_each(first, end, [&](uint64_t, const Anon& anon) {
    if (anon.in_memory() && !memory.frame_allocator()[Pfn(anon.frame)].listed) ++pages;
  });
  return pages;
}

void count_areas(MemoryManager& memory, const AddressSpace& space, std::set<const AnonMap*>& seen, MemoryPages& count) {
  const unsigned shift = memory.page().shift;
  space.for_each_area([&](const VmArea& area) {
    const bool first_time = area.object && seen.insert(area.object.get()).second;
    if (area.object && !first_time) return;
    const AnonMap& anons = area.object ? *area.object : space.private_pages();
    const uint64_t first = area.object ? 0 : area.start >> shift;
    const uint64_t end = area.object ? ~uint64_t{0} : area.end >> shift;
    if (area.hugetlb_level != 0) {
      count.hugetlb += pages_in_memory(memory, anons, first, end);
    } else if (area.object) {
      count.shared_anonymous += pages_in_memory(memory, anons, first, end);
    }
  });
}

}  // namespace

MemoryPages count_memory_pages(MemoryManager& memory) {
  MemoryPages count;
  memory.frame_allocator().table().for_each_touched([&count](uint64_t, const Frame& frame) {
    if (frame.listed) return;
    if (frame.kind == FrameKind::file && frame.file) {
      count.mapped_files += frame.mappings != 0;
      count.files_in_memory += frame.file->is_shared_memory();
      count.writing += frame.writing;
    } else if (frame.kind == FrameKind::anonymous && frame.anon) {
      count.swap_cached += frame.anon->slot != Anon::kNone && !frame.reading;
    }
  });
  std::set<const AnonMap*> seen;
  for (const auto& [asid, space] : memory.spaces()) count_areas(memory, *space, seen, count);
  const uint64_t large = memory.huge().leaves.pages;
  count.large_anonymous = large - std::min(large, count.hugetlb);
  return count;
}

}  // namespace faultline::os
