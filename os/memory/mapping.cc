// mmap, munmap, mprotect. The order of the checks is that of Linux
// (mm/mmap.c, mm/mprotect.c), so that a call with two mistakes fails the same.
#include <algorithm>
#include <iterator>
#include <utility>

#include "os/memory/address_space.h"
#include "os/memory/memory_manager.h"
#include "os/memory/mman.h"

namespace faultline::os {

namespace {

constexpr uint64_t kLongestFile = 0x7fff'ffff'ffff'ffff;  // Linux: MAX_LFS_FILESIZE
constexpr int kProtAll = kProtRead | kProtWrite | kProtExec;
constexpr int kKnownMapFlags = kMapType | kMapFixed | kMapAnonymous | kMapGrowsDown | kMapDenyWrite | kMapExecutable |
                               kMapLocked | kMapNoReserve | kMapPopulate | kMapNonBlock | kMapStack | kMapHugeTlb |
                               kMapFixedNoReplace;

// What the kind of the mapping and the way the file was opened forbid.
Result<> check_kind(const MapRequest& request) {
  const int type = request.flags & kMapType;
  const bool shared = type == kMapShared || type == kMapSharedValidate;
  if (type != kMapPrivate && !shared) return Errno{EINVAL};
  if (!request.file) {
    if (type == kMapSharedValidate || (shared && (request.flags & kMapGrowsDown))) return Errno{EINVAL};
    return Unit{};
  }
  if (type == kMapSharedValidate && (request.flags & ~kKnownMapFlags)) return Errno{EOPNOTSUPP};
  if (shared && (request.protection & kProtWrite) && !request.file_writable) return Errno{EACCES};
  if (!request.file_readable) return Errno{EACCES};
  if (request.flags & kMapGrowsDown) return Errno{EINVAL};
  return Unit{};
}

}  // namespace

bool AddressSpace::wants_commit(const VmArea& area) const {
  if (area.hugetlb_level != 0) return false;  // its frames are set aside
  if (area.no_reserve && manager_.commit().honours_no_reserve()) return false;
  return !area.shared && (area.protection & kProtWrite) != 0;
}

// Pages that relatives share are promised once, whoever maps them.
std::shared_ptr<AnonMap> AddressSpace::new_shared_object(uint64_t pages, bool no_reserve) {
  Commit& commit = manager_.commit();
  if (no_reserve && commit.honours_no_reserve()) pages = 0;
  if (pages != 0 && !commit.charge(pages)) return nullptr;
  const auto give_back = [&commit](AnonMap* object) {
    commit.uncharge(object->committed);
    delete object;
  };
  std::shared_ptr<AnonMap> object(new AnonMap(manager_.anons()), give_back);
  object->committed = pages;
  return object;
}

// Charges for `pages` more of an area, or of the object that it shows.
bool AddressSpace::charge_growth(const VmArea& area, uint64_t pages) {
  const bool of_object = area.object && area.object->committed != 0;
  if (!area.committed && !of_object) return true;
  if (!manager_.commit().charge(pages)) return false;
  if (of_object) area.object->committed += pages;
  return true;
}

bool AddressSpace::clear_of_stack(uint64_t end) const {
  const auto next = areas_.lower_bound(end);
  return next == areas_.end() || end <= areas_.guarded_start(next->second);
}

std::optional<uint64_t> AddressSpace::find_hole(uint64_t hint, uint64_t length, PageSize unit) const {
  const uint64_t lowest = page().round_up(kLowestAddress);
  const uint64_t end = user_end().value;
  // Linux, round_hint_to_min: down to a page, and up to vm.mmap_min_addr. A
  // place right below a stack is not free, though nothing is there.
  hint = page().round_down(hint);
  if (hint != 0) hint = unit.round_up(std::max(hint, lowest));
  const bool fits = hint != 0 && length <= end && hint <= end - length;
  if (fits && range_is_free(hint, hint + length) && clear_of_stack(hint + length)) return hint;
  // From the top down; where nothing fits below the stack, anywhere.
  const std::optional<uint64_t> hole = areas_.highest_hole(lowest, mmap_top_, length, unit);
  return hole ? hole : areas_.highest_hole(lowest, end, length, unit);
}

Result<uint64_t> AddressSpace::place(const MapRequest& request, uint64_t length, PageSize unit) {
  const uint64_t end = user_end().value;
  const uint64_t start = request.hint.value;
  if ((request.flags & (kMapFixed | kMapFixedNoReplace)) == 0) {
    const std::optional<uint64_t> hole = find_hole(start, length, unit);
    if (!hole) return Errno{ENOMEM};
    return *hole;
  }
  if (length > end || start > end - length) return Errno{ENOMEM};
  if (!unit.aligned(start)) return Errno{EINVAL};
  if (start < kLowestAddress) return Errno{EPERM};
  if ((request.flags & kMapFixedNoReplace) && !range_is_free(start, start + length)) return Errno{EEXIST};
  return start;
}

Result<VirtAddr> AddressSpace::map(const MapRequest& request) {
  if (!page().aligned(request.offset) || request.length == 0) return Errno{EINVAL};
  const Result<uint8_t> hugetlb = hugetlb_level(request);
  if (!hugetlb) return hugetlb.error();
  const PageSize unit{manager_.format().entry_shift(hugetlb.value())};
  const uint64_t length = unit.round_up(request.length);
  if (length == 0) return Errno{ENOMEM};
  if (request.file && (length > kLongestFile || request.offset > kLongestFile - length)) return Errno{EOVERFLOW};
  if (too_many_areas(2)) return Errno{ENOMEM};
  const Result<uint64_t> start = place(request, length, unit);
  if (!start) return start.error();
  if ((request.flags & kMapLocked) && limits_.locked == 0) return Errno{EPERM};
  AreaLock lock = future_lock_;
  if ((request.flags & kMapLocked) && lock == AreaLock::none) lock = AreaLock::whole;
  if (lock != AreaLock::none && !may_lock_more(length)) return Errno{EAGAIN};
  const Result<> kind = check_kind(request);
  if (!kind) return kind.error();

  VmArea area;
  area.start = start.value();
  area.end = area.start + length;
  area.protection = request.protection & kProtAll;
  area.shared = (request.flags & kMapType) != kMapPrivate;
  area.grows_down = (request.flags & kMapGrowsDown) != 0;
  area.no_reserve = (request.flags & kMapNoReserve) != 0;
  area.may_write = !area.shared || !request.file || request.file_writable;
  area.lock = hugetlb.value() == 0 ? lock : AreaLock::none;  // they stay in memory anyway
  if (request.of_zero_device && !area.shared) area.use = AreaUse::zero_device;
  area.file = request.file;
  area.file_use = request.file_use;
  area.offset = request.file ? request.offset : 0;
  area.hugetlb_level = hugetlb.value();
  if (area.hugetlb_level != 0 && area.grows_down) return Errno{EINVAL};
  if (cuts_hugetlb(area.start, area.end)) return Errno{ENOMEM};
  const uint64_t replaced = mapped_bytes_in(area.start, area.end);
  if (!within_limits(area, length, replaced)) return Errno{ENOMEM};
  remove_range(area.start, area.end);
  if (area.shared && area.anonymous()) {
    area.object = new_shared_object(area.hugetlb_level != 0 ? 0 : page().pages(length), area.no_reserve);
    if (!area.object) return Errno{ENOMEM};
  }
  area.committed = wants_commit(area);
  if (area.committed && !manager_.commit().charge(page().pages(length))) return Errno{ENOMEM};
  if (area.hugetlb_level != 0 && !area.no_reserve && !reserve_large_pages(area)) return Errno{ENOMEM};
  insert(std::move(area));
  return VirtAddr(start.value());
}

bool AddressSpace::range_is_valid(uint64_t start, uint64_t length) const {
  const uint64_t end = user_end().value;
  return page().aligned(start) && start <= end && length <= end - start;
}

Result<> AddressSpace::unmap(VirtAddr start, uint64_t length) {
  const uint64_t bytes = page().round_up(length);
  if (bytes == 0 || !range_is_valid(start.value, bytes)) return Errno{EINVAL};
  const uint64_t end = start.value + bytes;
  if (cuts_hugetlb(start.value, end)) return Errno{EINVAL};
  const VmArea* area = find_area(start);
  // A hole in the middle makes two of one.
  if (area && area->start < start.value && area->end > end && too_many_areas(1)) return Errno{ENOMEM};
  remove_range(start.value, end);
  return Unit{};
}

Result<> AddressSpace::protect(VirtAddr begin, uint64_t length, int protection) {
  const int grows = protection & (kProtGrowsDown | kProtGrowsUp);
  protection &= ~(kProtGrowsDown | kProtGrowsUp);
  if (grows == (kProtGrowsDown | kProtGrowsUp) || !page().aligned(begin.value)) return Errno{EINVAL};
  if (length == 0) return Unit{};
  const uint64_t bytes = page().round_up(length);
  uint64_t start = begin.value;
  const uint64_t end = start + bytes;
  if (end <= start) return Errno{ENOMEM};
  if (protection & ~(kProtAll | kProtSem)) return Errno{EINVAL};
  protection &= ~kProtSem;
  auto area = first_ending_after(start);
  if (area == areas_.end()) return Errno{ENOMEM};
  if (grows == kProtGrowsDown) {
    if (area->second.start >= end || !area->second.grows_down)
      return Errno{area->second.start >= end ? ENOMEM : EINVAL};
    start = area->second.start;
  } else if (area->second.start > start) {
    return Errno{ENOMEM};
  } else if (grows == kProtGrowsUp) {
    return Errno{EINVAL};
  }
  while (start < end) {
    area = first_ending_after(start);
    if (area == areas_.end() || area->second.start > start) return Errno{ENOMEM};
    const uint64_t here = std::min(end, area->second.end);
    const Result<> done = protect_area(area, start, here, protection);
    if (!done) return done;
    start = here;
  }
  return Unit{};
}

// One area's part [start, end) of mprotect.
Result<> AddressSpace::protect_area(Areas::iterator area, uint64_t start, uint64_t end, int protection) {
  if (area->second.protection == protection) return Unit{};
  if ((protection & kProtWrite) && !area->second.may_write) return Errno{EACCES};
  if (cuts_hugetlb(start, end)) return Errno{EINVAL};
  if (too_many_areas(2)) return Errno{ENOMEM};
  VmArea wanted = area->second;
  wanted.protection = protection;
  if (wanted.is_data() && !area->second.is_data() && !data_within_limit(end - start)) return Errno{ENOMEM};
  // Pages once promised stay promised.
  const bool more = !wanted.committed && wants_commit(wanted);
  if (more && !manager_.commit().charge(page().pages(end - start))) return Errno{ENOMEM};
  split_at(start);
  split_at(end);
  const auto changed = areas_.find(start);
  areas_.change(changed, [&](VmArea& part) {
    part.protection = protection;
    part.committed |= more;
  });
  manager_.cpu().charge(Cycles(manager_.costs().area_change));
  apply_protection(changed->second);
  const auto next = areas_.find(end);
  if (next != areas_.end()) merge_around(end);
  merge_around(start);
  return Unit{};
}

// Entries lose rights at once; what they gain, a fault gives them.
void AddressSpace::apply_protection(const VmArea& area) {
  table_->for_each_present(VirtAddr(area.start), VirtAddr(area.end), [&](VirtAddr at, const TableEntry& entry) {
    const hw::Permissions wanted = permissions(area, entry.writable && (area.protection & kProtWrite));
    if (!wanted.any()) {
      table_->unmap(at);
    } else if (wanted != entry.permissions()) {
      table_->set_permissions(at, wanted);
    }
  });
}

}  // namespace faultline::os
