// madvise, msync, mremap.
#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "os/memory/address_space.h"
#include "os/memory/memory_manager.h"
#include "os/memory/mman.h"

namespace faultline::os {

namespace {
constexpr int kHighestAdvice = 25;       // Linux 6.1: MADV_COLLAPSE
constexpr uint64_t kMostReadAhead = 64;  // pages that one MADV_WILLNEED starts
}  // namespace

Result<> AddressSpace::advise(VirtAddr begin, uint64_t length, int advice) {
  const uint64_t start = begin.value;
  const uint64_t bytes = page().round_up(length);
  const bool known = (advice >= 0 && advice <= 4) || (advice >= 8 && advice <= kHighestAdvice);
  if (!known || !page().aligned(start) || bytes < length || start + bytes < start) return Errno{EINVAL};
  uint64_t ahead = 0;
  for (auto area = first_ending_after(start); area != areas_.end() && area->second.start < start + bytes; ++area) {
    const VmArea& here = area->second;
    const uint64_t from = std::max(start, here.start);
    const uint64_t to = std::min(start + bytes, here.end);
    if (advice == kMadvDontNeed) {
      // mm/madvise.c: a start inside a large page is a mistake, an end is not.
      if (here.hugetlb_level != 0 && !unit(here).aligned(from)) return Errno{EINVAL};
      if (unit(here).round_down(to) > from) drop_pages(here, from, unit(here).round_down(to));
    }
    if (advice == kMadvCollapse) {
      const Result<> done = collapse_all(here, from, to);
      if (!done.ok()) return done;
    }
    const bool huge = advice == kMadvHugePage || advice == kMadvNoHugePage;
    if (huge && too_many_areas(2)) return Errno{ENOMEM};
    if (huge && here.hugetlb_level == 0) {
      area = set_huge_advice(area, from, to, advice == kMadvHugePage ? HugeAdvice::want : HugeAdvice::never);
      continue;
    }
    if (advice != kMadvWillNeed || !here.file) continue;
    for (uint64_t at = from; at < to && ahead < kMostReadAhead; at += page().bytes(), ++ahead) {
      if (!manager_.page_cache().read_ahead(*here.file, here.backing_page(at, page()))) break;
    }
  }
  if (!all_mapped(start, start + bytes)) return Errno{ENOMEM};
  return Unit{};
}

// The area changed, or what it has become part of.
AddressSpace::Areas::iterator AddressSpace::set_huge_advice(Areas::iterator area, uint64_t start, uint64_t end,
                                                            HugeAdvice advice) {
  if (area->second.huge == advice) return area;
  split_at(start);
  split_at(end);
  areas_.find(start)->second.huge = advice;
  merge_around(start);
  return first_ending_after(end - 1);
}

Reply<> AddressSpace::sync(VirtAddr begin, uint64_t length, int flags) {
  const uint64_t start = begin.value;
  const uint64_t bytes = page().round_up(length);
  if ((flags & ~(kMsAsync | kMsInvalidate | kMsSync)) || (flags & kMsAsync && flags & kMsSync) ||
      !page().aligned(start)) {
    return Errno{EINVAL};
  }
  if (bytes < length || start + bytes < start) return Errno{ENOMEM};
  // One cache for mappings and read(2): MS_INVALIDATE has nothing to do, and
  // MS_ASYNC leaves the pages to write-behind, as on Linux.
  if (flags & kMsSync) {
    for (auto area = first_ending_after(start); area != areas_.end() && area->second.start < start + bytes; ++area) {
      if (!area->second.file || !area->second.shared) continue;
      Reply<> done = manager_.page_cache().flush(*area->second.file);
      if (!done.ok()) return done;
    }
  }
  if (!all_mapped(start, start + bytes)) return Errno{ENOMEM};
  return Unit{};
}

Result<VirtAddr> AddressSpace::remap(VirtAddr old_start, uint64_t old_length, uint64_t new_length, int flags,
                                     VirtAddr new_start) {
  const uint64_t start = old_start.value;
  const VmArea* area = find_area(old_start);
  const PageSize unit = area ? this->unit(*area) : page();
  const uint64_t old_bytes = unit.round_up(old_length);
  const uint64_t new_bytes = unit.round_up(new_length);
  const bool fixed = (flags & kMremapFixed) != 0;
  if ((flags & ~(kMremapMayMove | kMremapFixed)) || (fixed && !(flags & kMremapMayMove)) || !page().aligned(start) ||
      new_bytes == 0 || old_bytes < old_length || new_bytes < new_length) {
    return Errno{EINVAL};
  }
  if (!area) return Errno{EFAULT};
  // A mapping of large pages does not grow (Linux, mm/mremap.c).
  if (area->hugetlb_level != 0 &&
      (!unit.aligned(start) || (fixed && !unit.aligned(new_start.value)) || new_bytes > old_bytes)) {
    return Errno{EINVAL};
  }
  // A length of 0 makes a second mapping of shared pages: not offered.
  if (old_bytes == 0) return Errno{EINVAL};
  if (old_bytes > area->end - start) return Errno{EFAULT};
  if (too_many_areas(4)) return Errno{ENOMEM};
  if (new_bytes > old_bytes && !within_limits(*area, new_bytes - old_bytes)) return Errno{ENOMEM};
  if (fixed) {
    const uint64_t to = new_start.value;
    if (!page().aligned(to) || !range_is_valid(to, new_bytes) || (to < start + old_bytes && start < to + new_bytes)) {
      return Errno{EINVAL};
    }
    if (cuts_hugetlb(to, to + new_bytes)) return Errno{EINVAL};
    remove_range(to, to + new_bytes);
    return move_mapping(start, old_bytes, new_bytes, to);
  }
  if (new_bytes <= old_bytes) {
    if (new_bytes < old_bytes) remove_range(start + new_bytes, start + old_bytes);
    return old_start;
  }
  if (start + old_bytes == area->end && range_is_valid(start, new_bytes) &&
      range_is_free(area->end, start + new_bytes)) {
    const Result<> grown = grow_mapping(first_ending_after(start), start + new_bytes);
    if (!grown) return grown.error();
    return old_start;
  }
  if (!(flags & kMremapMayMove)) return Errno{ENOMEM};
  const std::optional<uint64_t> hole = find_hole(0, new_bytes, page());
  if (!hole) return Errno{ENOMEM};
  return move_mapping(start, old_bytes, new_bytes, *hole);
}

Result<> AddressSpace::grow_mapping(Areas::iterator area, uint64_t new_end) {
  const uint64_t more = page().pages(new_end - area->second.end);
  if (!charge_growth(area->second, more)) return Errno{ENOMEM};
  manager_.cpu().charge(Cycles(manager_.costs().area_change));
  area->second.end = new_end;
  merge_around(area->second.start);
  return Unit{};
}

// Moves [start, start + length) to the free range [to, to + new_length).
Result<VirtAddr> AddressSpace::move_mapping(uint64_t start, uint64_t length, uint64_t new_length, uint64_t to) {
  const uint64_t kept = std::min(length, new_length);
  VmArea area = *find_area(VirtAddr(start));
  const uint64_t skipped = start - area.start;
  // The old place gives its own back when it goes; an object's stay charged.
  const uint64_t more = area.object ? page().pages(new_length - kept) : page().pages(new_length);
  if (more != 0 && !charge_growth(area, more)) return Errno{ENOMEM};
  split_at(start);
  split_at(start + length);
  area.start = to;
  area.end = to + new_length;
  area.offset += skipped;
  area.grows_down = false;
  area.use = AreaUse::other;
  const bool is_private = !area.shared;
  insert(std::move(area));
  // The entries are made again by faults; the pages only change their place.
  table_->split_at(VirtAddr(start));
  table_->split_at(VirtAddr(start + length));
  table_->for_each_present(VirtAddr(start), VirtAddr(start + length),
                           [&](VirtAddr at, const TableEntry&) { table_->unmap(at); });
  if (is_private) {
    std::vector<uint64_t> pages;
    private_.for_each(start >> page().shift, (start + kept) >> page().shift,
                      [&](uint64_t number, Anon&) { pages.push_back(number); });
    const uint64_t from_page = start >> page().shift;
    private_.move_reserved(from_page, (start + kept) >> page().shift, to >> page().shift);
    for (const uint64_t number : pages) private_.move(number, (to >> page().shift) + (number - from_page));
  }
  remove_range(start, start + length);
  return VirtAddr(to);
}

}  // namespace faultline::os
