// madvise, msync, mremap.
#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "os/memory/address_space.h"
#include "os/memory/change_part.h"
#include "os/memory/memory_manager.h"
#include "os/memory/mman.h"

namespace faultline::os {

namespace {
constexpr int kHighestAdvice = 25;        // Linux 6.1: MADV_COLLAPSE
constexpr uint64_t kMostReadAhead = 512;  // pages of an area that one MADV_WILLNEED starts

// Linux, mm/madvise.c: what an area may not be advised. Pages that are locked,
// or not the program's own, are not taken away; a hole in a file is not made.
Result<> check_advice(const VmArea& area, int advice) {
  const bool locked = area.lock != AreaLock::none;
  const bool own = area.anonymous() && !area.shared && area.hugetlb_level == 0;
  switch (advice) {
    case kMadvFree:
      if (locked || !own) return Errno{EINVAL};
      break;
    case kMadvWipeOnFork:
      if (!own) return Errno{EINVAL};
      break;
    case kMadvRemove:
      if (locked || own) return Errno{EINVAL};
      if (!area.shared || !area.may_write) return Errno{EACCES};
      if (area.file) return Errno{EOPNOTSUPP};
      break;
    case kMadvCold:
    case kMadvPageOut:
      if (locked || area.hugetlb_level != 0) return Errno{EINVAL};
      break;
    case kMadvDontNeed:
      if (locked) return Errno{EINVAL};
      break;
    default:
      break;
  }
  return Unit{};
}

}  // namespace

Result<> AddressSpace::advise(VirtAddr begin, uint64_t length, int advice) {
  const uint64_t start = begin.value;
  const uint64_t bytes = page().round_up(length);
  const uint64_t end = start + bytes;
  const bool known = (advice >= 0 && advice <= 4) || (advice >= 8 && advice <= kHighestAdvice);
  if (!known || !page().aligned(start) || bytes < length || end < start) return Errno{EINVAL};
  for (uint64_t at = start; at < end;) {
    const auto area = first_ending_after(at);
    if (area == areas_.end() || area->second.start >= end) break;
    const uint64_t from = std::max(at, area->second.start);
    at = std::min(end, area->second.end);
    Result<> done = check_advice(area->second, advice);
    if (done) done = advise_area(area, from, at, advice);
    if (!done) return done;
  }
  if (!all_mapped(start, end)) return Errno{ENOMEM};
  return Unit{};
}

Result<> AddressSpace::advise_area(Areas::iterator area, uint64_t start, uint64_t end, int advice) {
  const VmArea& here = area->second;
  switch (advice) {
    case kMadvDontNeed:
    case kMadvDontNeedLocked:
      // A start inside a page of MAP_HUGETLB is a mistake, an end is not.
      if (!unit(here).aligned(start)) return Errno{EINVAL};
      if (unit(here).round_down(end) > start) drop_pages(here, start, unit(here).round_down(end));
      return Unit{};
    case kMadvRemove:
      remove_pages(here, start, end);
      return Unit{};
    case kMadvDontFork:
    case kMadvDoFork:
      if (here.not_for_children == (advice == kMadvDontFork)) return Unit{};
      return change_part(area, start, end, [&](VmArea& part) { part.not_for_children = advice == kMadvDontFork; });
    case kMadvWipeOnFork:
    case kMadvKeepOnFork:
      if (here.empty_in_children == (advice == kMadvWipeOnFork)) return Unit{};
      return change_part(area, start, end, [&](VmArea& part) { part.empty_in_children = advice == kMadvWipeOnFork; });
    case kMadvHugePage:
      return set_huge_advice(area, start, end, HugeAdvice::want);
    case kMadvNoHugePage:
      return set_huge_advice(area, start, end, HugeAdvice::never);
    case kMadvDontDump:
    case kMadvDoDump:
      if (here.not_dumped == (advice == kMadvDontDump)) return Unit{};
      return change_part(area, start, end, [&](VmArea& part) { part.not_dumped = advice == kMadvDontDump; });
    case kMadvCollapse:
      return collapse_all(here, start, end);
    case kMadvNormal:
      return set_reading_advice(area, start, end, ReadAdvice::normal);
    case kMadvRandom:
      return set_reading_advice(area, start, end, ReadAdvice::random);
    case kMadvSequential:
      return set_reading_advice(area, start, end, ReadAdvice::sequential);
    case kMadvWillNeed:
      if (here.file) {
        const uint64_t pages = std::min(page().pages(end - start), kMostReadAhead);
        manager_.page_cache().read_ahead(*here.file, here.backing_page(start, page()), pages);
      }
      return Unit{};
    default:
      return Unit{};
  }
}

Result<> AddressSpace::set_reading_advice(Areas::iterator area, uint64_t start, uint64_t end, ReadAdvice advice) {
  if (area->second.reading == advice) return Unit{};
  return change_part(area, start, end, [&](VmArea& part) { part.reading = advice; });
}

Result<> AddressSpace::set_huge_advice(Areas::iterator area, uint64_t start, uint64_t end, HugeAdvice advice) {
  if (area->second.huge == advice || area->second.hugetlb_level != 0) return Unit{};
  return change_part(area, start, end, [&](VmArea& part) { part.huge = advice; });
}

// Takes pages from everybody who shares them.
void AddressSpace::remove_pages(const VmArea& area, uint64_t start, uint64_t end) {
  if (area.hugetlb_level != 0) return remove_hugetlb_pages(area, start, end);
  const uint64_t first = area.backing_page(start, page());
  const uint64_t last = first + page().pages(end - start);
  area.object->for_each(first, last, [&](uint64_t, Anon& anon) {
    if (anon.in_memory()) manager_.page_tables().unmap_everywhere(Pfn(anon.frame));
  });
  area.object->erase(first, last);
}

Reply<> AddressSpace::sync(VirtAddr begin, uint64_t length, int flags) {
  const uint64_t start = begin.value;
  const uint64_t bytes = page().round_up(length);
  if ((flags & ~(kMsAsync | kMsInvalidate | kMsSync)) || (flags & kMsAsync && flags & kMsSync) ||
      !page().aligned(start)) {
    return Errno{EINVAL};
  }
  if (start + bytes < start) return Errno{ENOMEM};
  for (auto area = first_ending_after(start); flags & kMsInvalidate; ++area) {
    if (area == areas_.end() || area->second.start >= start + bytes) break;
    if (area->second.lock != AreaLock::none) return Errno{EBUSY};
  }
  // One cache for mappings and read(2): MS_INVALIDATE has nothing to do, and
  // MS_ASYNC leaves the pages to write-behind, as on Linux.
  if (flags & kMsSync) {
    for (auto area = first_ending_after(start); area != areas_.end() && area->second.start < start + bytes; ++area) {
      if (!area->second.file || !area->second.shared) continue;
      Reply<> done = manager_.page_cache().flush(*area->second.file, area->second.file_use.get());
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
  const bool may_move = (flags & kMremapMayMove) != 0;
  const bool fixed = (flags & kMremapFixed) != 0;
  const bool leaves = (flags & kMremapDontUnmap) != 0;
  if ((flags & ~(kMremapMayMove | kMremapFixed | kMremapDontUnmap)) || ((fixed || leaves) && !may_move) ||
      (leaves && old_bytes != new_bytes) || !page().aligned(start) || new_bytes == 0 || old_bytes < old_length ||
      new_bytes < new_length || new_bytes > user_end().value) {
    return Errno{EINVAL};
  }
  const uint64_t to = new_start.value;
  if ((fixed || leaves) &&
      (!page().aligned(to) || !range_is_valid(to, new_bytes) || (to < start + old_bytes && start < to + new_bytes))) {
    return Errno{EINVAL};
  }
  if (!area) return Errno{EFAULT};
  // A mapping of MAP_HUGETLB neither grows nor stays behind (Linux, mm/mremap.c).
  const bool hugetlb = area->hugetlb_level != 0;
  if (hugetlb && (!unit.aligned(start) || !unit.aligned(to) || new_bytes > old_bytes || leaves)) return Errno{EINVAL};
  // From length 0: a second mapping of shared pages.
  if (old_bytes == 0 && !area->shared) return Errno{EINVAL};
  if (too_many_areas(4)) return Errno{ENOMEM};
  if (!fixed && !leaves && new_bytes <= old_bytes) {
    const Result<> cut = cut_mapping(start + new_bytes, old_bytes - new_bytes);
    if (!cut) return cut.error();
    return old_start;
  }
  if (old_bytes > area->end - start) return Errno{EFAULT};
  const uint64_t more = leaves ? new_bytes : new_bytes - std::min(new_bytes, old_bytes);
  if (more != 0 && area->lock != AreaLock::none && !may_lock_more(more)) return Errno{EAGAIN};
  if (more != 0 && !within_limits(*area, more)) return Errno{ENOMEM};
  const Source source = old_bytes == 0 ? Source::stays : leaves ? Source::stays_empty : Source::goes;
  if (fixed) {
    if (cuts_hugetlb(to, to + new_bytes)) return Errno{EINVAL};
    remove_range(to, to + new_bytes);
    return move_mapping(start, old_bytes, new_bytes, to, source);
  }
  if (source == Source::goes && start + old_bytes == area->end && range_is_valid(start, new_bytes) &&
      range_is_free(area->end, start + new_bytes)) {
    const Result<> grown = grow_mapping(first_ending_after(start), start + new_bytes);
    if (!grown) return grown.error();
    return old_start;
  }
  if (!may_move) return Errno{ENOMEM};
  const std::optional<uint64_t> hole = find_hole(leaves ? to : 0, new_bytes, unit);
  if (!hole) return Errno{ENOMEM};
  return move_mapping(start, old_bytes, new_bytes, *hole, source);
}

// What shrinks may reach over other areas and holes (Linux, mm/mremap.c).
Result<> AddressSpace::cut_mapping(uint64_t start, uint64_t bytes) {
  if (bytes == 0) return Unit{};
  if (!range_is_valid(start, bytes) || cuts_hugetlb(start, start + bytes)) return Errno{EINVAL};
  remove_range(start, start + bytes);
  return Unit{};
}

Result<> AddressSpace::grow_mapping(Areas::iterator area, uint64_t new_end) {
  const uint64_t more = page().pages(new_end - area->second.end);
  if (!charge_growth(area->second, more)) return Errno{ENOMEM};
  manager_.cpu().charge(Cycles(manager_.costs().area_change));
  areas_.change(area, [&](VmArea& grown) { grown.end = new_end; });
  merge_around(area->first);
  return Unit{};
}

// Moves [start, start + length) to the free range [to, to + new_length).
Result<VirtAddr> AddressSpace::move_mapping(uint64_t start, uint64_t length, uint64_t new_length, uint64_t to,
                                            Source source) {
  const uint64_t kept = std::min(length, new_length);
  VmArea area = *find_area(VirtAddr(start));
  const uint64_t skipped = start - area.start;
  // The old place gives its own back when it goes; an object's stay charged.
  const uint64_t of_object = source == Source::stays ? 0 : page().pages(new_length - kept);
  const uint64_t more = area.object ? of_object : page().pages(new_length);
  if (more != 0 && !charge_growth(area, more)) return Errno{ENOMEM};
  split_at(start);
  split_at(start + length);
  if (source == Source::stays_empty) {
    areas_.change(areas_.find(start), [](VmArea& empty) { empty.lock = AreaLock::none; });
  }
  area.start = to;
  area.end = to + new_length;
  area.offset += skipped;
  area.grows_down = false;
  area.use = AreaUse::other;
  const bool is_private = !area.shared;
  insert(std::move(area));
  // The entries are made again by faults; the pages only change their place.
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
  if (source == Source::goes) {
    remove_range(start, start + length);
  }
  merge_around(start + length);
  merge_around(start);
  return VirtAddr(to);
}

}  // namespace faultline::os
