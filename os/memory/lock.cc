// mlock, mlockall and their opposites; and what page-out must leave alone.
//
// A page is locked while an entry in a locked area maps it: so page-out asks
// the reverse map, and nothing is to be kept in step. Who locks an area makes
// its pages present (populate). Areas that nobody may touch have no entries;
// their pages are looked for one by one.
#include <algorithm>

#include "os/memory/address_space.h"
#include "os/memory/change_part.h"
#include "os/memory/memory_manager.h"
#include "os/memory/mman.h"

namespace faultline::os {

bool AddressSpace::may_lock_more(uint64_t bytes) const {
  const uint64_t limit = page().round_down(limits_.locked);
  const uint64_t locked = areas_.totals().locked;
  return locked <= limit && bytes <= limit - locked;
}

uint64_t AddressSpace::locked_bytes_in(uint64_t start, uint64_t end) const {
  uint64_t sum = 0;
  for (auto area = areas_.lower_bound(end); area != areas_.begin();) {
    --area;
    if (area->second.end <= start) break;
    if (area->second.lock != AreaLock::none) {
      sum += std::min(end, area->second.end) - std::max(start, area->second.start);
    }
  }
  return sum;
}

// The order of the checks, and a length that wraps around, as in Linux (mm/mlock.c).
Result<> AddressSpace::lock(VirtAddr begin, uint64_t length, AreaLock how) {
  const uint64_t start = page().round_down(begin.value);
  const uint64_t bytes = page().round_up(length + (begin.value - start));
  const uint64_t end = start + bytes;
  if (how != AreaLock::none) {
    if (limits_.locked == 0) return Errno{EPERM};
    // What is locked already counts once.
    const uint64_t again = end < start ? 0 : locked_bytes_in(start, end);
    if (!may_lock_more(bytes - again)) return Errno{ENOMEM};
  }
  if (end < start) return Errno{EINVAL};
  for (uint64_t at = start; at < end;) {
    const auto area = first_ending_after(at);
    if (area == areas_.end() || area->second.start > at) return Errno{ENOMEM};
    const uint64_t here = std::min(end, area->second.end);
    const Result<> done = lock_area(area, at, here, how);
    if (!done) return done;
    at = here;
  }
  return Unit{};
}

Result<> AddressSpace::lock_area(Areas::iterator area, uint64_t start, uint64_t end, AreaLock how) {
  // Pages of MAP_HUGETLB stay in memory anyway and do not count (Linux, mlock_fixup).
  if (area->second.lock == how || area->second.hugetlb_level != 0) return Unit{};
  return change_part(area, start, end, [&](VmArea& part) { part.lock = how; });
}

Result<> AddressSpace::lock_all(int flags) {
  constexpr int kKnown = kMclCurrent | kMclFuture | kMclOnFault;
  if (flags == 0 || flags == kMclOnFault || (flags & ~kKnown)) return Errno{EINVAL};
  if (limits_.locked == 0) return Errno{EPERM};
  const bool current = (flags & kMclCurrent) != 0;
  if (current && areas_.totals().mapped > page().round_down(limits_.locked)) return Errno{ENOMEM};
  const AreaLock how = (flags & kMclOnFault) ? AreaLock::on_fault : AreaLock::whole;
  future_lock_ = (flags & kMclFuture) ? how : AreaLock::none;
  if (current) lock_every_area(how);
  return Unit{};
}

void AddressSpace::unlock_all() {
  future_lock_ = AreaLock::none;
  lock_every_area(AreaLock::none);
}

void AddressSpace::lock_every_area(AreaLock how) {
  for (auto area = areas_.begin(); area != areas_.end();) {
    const uint64_t start = area->first;
    const uint64_t end = area->second.end;
    // Whole areas: no border, no error.
    [[maybe_unused]] const Result<> done = lock_area(area, start, end, how);
    area = areas_.lower_bound(end);
  }
}

// --- populating -------------------------------------------------------------------

Access AddressSpace::populating_access(const VmArea& area) const {
  // Private pages are copied now and not at the first store.
  const bool copies = (area.protection & kProtWrite) && !area.shared && area.lock != AreaLock::on_fault;
  if (copies) return Access::store;
  return permitted(area, Access::load) ? Access::load : Access::fetch;
}

FaultReply AddressSpace::populate(uint64_t& at, uint64_t end, Populate which, FaultProgress& progress) {
  const auto area = first_ending_after(at);
  const bool demanded = which == Populate::read || which == Populate::write;
  if (area == areas_.end() || area->second.start >= end) {
    if (demanded) return {.kind = FaultReply::Kind::segv_maperr};
    at = end;
    return {};
  }
  if (demanded && area->second.start > at) return {.kind = FaultReply::Kind::segv_maperr};
  const VmArea& here = area->second;
  at = std::max(at, here.start);
  const bool held = here.lock != AreaLock::none || (which == Populate::held && here.hugetlb_level != 0);
  if (!held && (which == Populate::locked || which == Populate::held)) {
    at = std::min(end, here.end);
    return {};
  }
  // Of an area that is locked as it is touched, what is in memory needs its entry.
  const bool wanted = demanded || here.lock != AreaLock::on_fault || in_memory(VirtAddr(at));
  const Access access = which == Populate::write  ? Access::store
                        : which == Populate::read ? Access::load
                                                  : populating_access(here);
  if (wanted && !user_bytes(VirtAddr(at), access).data) {
    const FaultReply reply = handle_fault(VirtAddr(at), access, progress);
    if (!reply.resolved()) return reply;
  }
  progress = {.kernel = true};
  // A large page is made present at once.
  const uint64_t present = manager_.format().entry_span(table_->leaf_level(VirtAddr(at)));
  at = (at & ~(present - 1)) + present;
  return {};
}

// --- for page-out -------------------------------------------------------------------

bool AddressSpace::locks(VirtAddr address) const {
  if (areas_.totals().locked == 0) return false;
  manager_.cpu().charge(Cycles(manager_.costs().area_lookup));
  const VmArea* area = find_area(address);
  return area && area->lock != AreaLock::none;
}

bool AddressSpace::locks_out_of_reach(const Frame& frame) const {
  // A large page that could not be split has no entry, though its area is in reach.
  if (table_->has_lost_pages()) {
    return areas_.totals().locked != 0 && std::any_of(areas_.begin(), areas_.end(), [&](const auto& place) {
             return place.second.lock != AreaLock::none && shows(place.second, frame);
           });
  }
  const auto& starts = areas_.locked_out_of_reach();
  return std::any_of(starts.begin(), starts.end(),
                     [&](uint64_t start) { return shows(areas_.find(start)->second, frame); });
}

// Whether the page in a frame is one of an area's, mapped or not.
bool AddressSpace::shows(const VmArea& area, const Frame& frame) const {
  if (frame.file) {
    const uint64_t offset = frame.index << page().shift;
    return area.file.get() == frame.file && area.offset <= offset && offset - area.offset < area.bytes();
  }
  if (area.shared && !area.object) return false;
  const AnonMap& anons = area.object ? *area.object : private_;
  const uint64_t first = area.object ? area.backing_page(area.start, page()) : area.start >> page().shift;
  bool found = false;
  anons.for_each(first, first + page().pages(area.bytes()),
                 [&](uint64_t, Anon& anon) { found |= &anon == frame.anon; });
  return found;
}

bool MemoryManager::is_locked(Pfn pfn) {
  const Frame& frame = frames_[pfn];
  const bool mapped = tables_.any_mapping(
      pfn, [this](Asid asid, VirtAddr address) { return spaces_.find(asid)->second->locks(address); });
  if (mapped) return true;
  return std::any_of(spaces_.begin(), spaces_.end(),
                     [&frame](const auto& place) { return place.second->locks_out_of_reach(frame); });
}

}  // namespace faultline::os
