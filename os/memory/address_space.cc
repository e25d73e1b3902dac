// Areas: finding, splitting, merging, removing; heap and stack.
#include "os/memory/address_space.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "os/memory/memory_manager.h"
#include "os/memory/mman.h"

namespace faultline::os {

namespace {

// Linux: stack_guard_gap.
constexpr uint64_t kStackGuardPages = 256;
// Linux, mm/util.c: MIN_GAP.
constexpr uint64_t kLeastStackRoom = uint64_t{128} << 20;

bool continues(const VmArea& low, const VmArea& high) {
  if (low.end != high.start || low.protection != high.protection || low.shared != high.shared || low.grows_down ||
      high.grows_down || low.no_reserve != high.no_reserve || low.committed != high.committed ||
      low.may_write != high.may_write || low.use != high.use || low.lock != high.lock ||
      low.not_for_children != high.not_for_children || low.empty_in_children != high.empty_in_children ||
      low.not_dumped != high.not_dumped || low.huge != high.huge || low.reading != high.reading ||
      low.file_use != high.file_use || low.hugetlb_level != high.hugetlb_level || low.file != high.file ||
      low.object != high.object) {
    return false;
  }
  const bool has_places = low.file != nullptr || low.object != nullptr;
  return !has_places || low.offset + low.bytes() == high.offset;
}

}  // namespace

AddressSpace::AddressSpace(MemoryManager& manager, std::unique_ptr<PageTable> table)
    : manager_(manager),
      table_(std::move(table)),
      areas_(*this, table_->asid(), stack_gap()),
      private_(manager.anons()) {
  mmap_top_ = user_end().value - page().bytes();
  manager_.spaces_[asid()] = this;
}

AddressSpace::~AddressSpace() {
  manager_.spaces_.erase(asid());
  for (size_t i = 0; i < areas_.size(); ++i) manager_.cpu().charge(Cycles(manager_.costs().area_change));
  manager_.commit().uncharge(page().pages(areas_.totals().committed));
  // Entries first: an anon that goes away must not be mapped.
  table_.reset();
  private_.clear();
}

PageSize AddressSpace::page() const { return manager_.page(); }

VirtAddr AddressSpace::user_end() const { return manager_.format().user_end(); }

void AddressSpace::for_each_area(const std::function<void(const VmArea&)>& visit) const {
  for (const auto& [start, area] : areas_) visit(area);
}

const VmArea* AddressSpace::find_area(VirtAddr address) const {
  auto next = areas_.upper_bound(address.value);
  if (next == areas_.begin()) return nullptr;
  const VmArea& area = std::prev(next)->second;
  return area.contains(address.value) ? &area : nullptr;
}

AddressSpace::Areas::iterator AddressSpace::first_ending_after(uint64_t address) {
  auto area = areas_.upper_bound(address);
  if (area != areas_.begin() && std::prev(area)->second.end > address) --area;
  return area;
}

bool AddressSpace::too_many_areas(unsigned more) const {
  return areas_.size() + more > manager_.config().vm.max_map_count;
}

bool AddressSpace::range_is_free(uint64_t start, uint64_t end) const {
  auto next = areas_.lower_bound(end);
  return next == areas_.begin() || std::prev(next)->second.end <= start;
}

bool AddressSpace::all_mapped(uint64_t start, uint64_t end) const {
  while (start < end) {
    const VmArea* area = find_area(VirtAddr(start));
    if (!area) return false;
    start = area->end;
  }
  return true;
}

void AddressSpace::split_at(uint64_t address) {
  auto area = first_ending_after(address);
  if (area == areas_.end() || area->second.start >= address) return;
  manager_.cpu().charge(Cycles(manager_.costs().area_change));
  // Each large page belongs to one area.
  table_->split_at(VirtAddr(address));
  VmArea high = area->second;
  areas_.change(area, [&](VmArea& low) { low.end = address; });
  high.offset += address - high.start;
  high.start = address;
  // Only the lowest part of a stack grows on.
  high.grows_down = false;
  areas_.insert(std::move(high));
}

void AddressSpace::insert(VmArea area) {
  manager_.cpu().charge(Cycles(manager_.costs().area_change));
  const uint64_t start = area.start;
  areas_.insert(std::move(area));
  merge_around(start);
}

void AddressSpace::merge_around(uint64_t start) {
  auto area = areas_.find(start);
  if (area == areas_.end()) return;
  auto next = std::next(area);
  if (next != areas_.end() && continues(area->second, next->second)) {
    const uint64_t end = next->second.end;
    areas_.erase(next);
    areas_.change(area, [&](VmArea& low) { low.end = end; });
  }
  if (area == areas_.begin()) return;
  auto before = std::prev(area);
  if (continues(before->second, area->second)) {
    const uint64_t end = area->second.end;
    areas_.erase(area);
    areas_.change(before, [&](VmArea& low) { low.end = end; });
  }
}

void AddressSpace::drop_pages(const VmArea& area, uint64_t start, uint64_t end) {
  table_->split_at(VirtAddr(start));
  table_->split_at(VirtAddr(end));
  table_->for_each_present(VirtAddr(start), VirtAddr(end), [&](VirtAddr at, const TableEntry&) { table_->unmap(at); });
  if (!area.shared) private_.erase(start >> page().shift, end >> page().shift);
}

void AddressSpace::remove_range(uint64_t start, uint64_t end) {
  split_at(start);
  split_at(end);
  for (auto area = areas_.lower_bound(start); area != areas_.end() && area->first < end;) {
    manager_.cpu().charge(Cycles(manager_.costs().area_change));
    drop_pages(area->second, area->second.start, area->second.end);
    if (area->second.committed) manager_.commit().uncharge(page().pages(area->second.bytes()));
    area = areas_.erase(area);
  }
}

void AddressSpace::drop_beyond_end(uint64_t start, uint64_t size) {
  const VmArea& area = areas_.find(start)->second;
  const uint64_t kept = page().pages(size) << page().shift;
  if (area.shared || area.offset + area.bytes() <= kept) return;
  drop_pages(area, kept > area.offset ? start + (kept - area.offset) : start, area.end);
}

// --- limits --------------------------------------------------------------------

// Where the soft limit is 0 the hard one binds: Linux lets a program keep brk(2)
// away from itself and use mmap(2) (mm/mmap.c, may_expand_vm).
bool AddressSpace::data_within_limit(uint64_t more) const {
  const uint64_t bound = limits_.data == 0 ? limits_.data_maximum : limits_.data;
  if (bound == MemoryLimits::kNone) return true;
  const uint64_t data = areas_.totals().data;
  const uint64_t limit = page().round_down(bound);
  return data <= limit && more <= limit - data;
}

// Whether setrlimit(2) leaves room for `more` bytes of such an area, in place
// of `replaced` bytes that go (Linux, may_expand_vm).
bool AddressSpace::within_limits(const VmArea& area, uint64_t more, uint64_t replaced) const {
  more -= std::min(more, replaced);
  if (limits_.address_space != MemoryLimits::kNone) {
    const uint64_t mapped = mapped_bytes();
    const uint64_t limit = page().round_down(limits_.address_space);
    if (mapped > limit || more > limit - mapped) return false;
  }
  return !area.is_data() || data_within_limit(more);
}

uint64_t AddressSpace::mapped_bytes_in(uint64_t start, uint64_t end) const {
  uint64_t sum = 0;
  for (auto area = areas_.lower_bound(end); area != areas_.begin();) {
    --area;
    if (area->second.end <= start) break;
    sum += std::min(end, area->second.end) - std::max(start, area->second.start);
  }
  return sum;
}

// --- heap and stack ------------------------------------------------------------

void AddressSpace::set_brk_start(VirtAddr start) { brk_start_ = brk_ = start.value; }

VirtAddr AddressSpace::set_brk(VirtAddr wanted) {
  const uint64_t place = wanted.value;
  if (place < brk_start_ || place >= user_end().value) return VirtAddr(brk_);
  const uint64_t old_end = page().round_up(brk_);
  const uint64_t new_end = page().round_up(place);
  if (new_end < old_end) {
    remove_range(new_end, old_end);
  } else if (new_end > old_end) {
    const uint64_t guard = page().bytes();
    if (new_end > user_end().value - guard || too_many_areas(1) || !range_is_free(old_end, new_end + guard) ||
        !clear_of_stack(new_end + guard) || place - brk_start_ > limits_.data) {
      return VirtAddr(brk_);
    }
    VmArea heap;
    heap.start = old_end;
    heap.end = new_end;
    heap.protection = kProtRead | kProtWrite;
    heap.committed = true;
    heap.use = AreaUse::heap;
    heap.lock = future_lock_;
    if (heap.lock != AreaLock::none && !may_lock_more(heap.bytes())) return VirtAddr(brk_);
    if (!within_limits(heap, heap.bytes()) || !manager_.commit().charge(page().pages(heap.bytes()))) {
      return VirtAddr(brk_);
    }
    insert(std::move(heap));
  }
  brk_ = place;
  return VirtAddr(brk_);
}

Result<> AddressSpace::map_stack(VirtAddr top, uint64_t limit) {
  const uint64_t end = top.value;
  const uint64_t start = end - page().bytes();
  if (!page().aligned(end) || end > user_end().value || end < page().bytes()) return Errno{EINVAL};
  if (!range_is_free(start, end) || !manager_.commit().charge(1)) return Errno{ENOMEM};
  VmArea stack;
  stack.start = start;
  stack.end = end;
  stack.protection = kProtRead | kProtWrite;
  stack.grows_down = true;
  stack.committed = true;
  stack.use = AreaUse::stack;
  insert(std::move(stack));
  // mmap(2) keeps out of the stack's way: of what it may become now, and of
  // some of what a higher limit would let it become (Linux, mmap_base).
  limits_.stack = limit;
  const uint64_t room = std::min(limit, end) + stack_gap();
  mmap_top_ = page().round_down(end - std::min(std::max(room, kLeastStackRoom), end / 6 * 5));
  return Unit{};
}

uint64_t AddressSpace::stack_gap() const { return kStackGuardPages * page().bytes(); }

bool AddressSpace::grow_down(Areas::iterator area, uint64_t address) {
  const uint64_t start = page().round_down(address);
  const VmArea& stack = area->second;
  if (!stack.grows_down || stack.end - start > limits_.stack) return false;
  if (!within_limits(stack, stack.start - start)) return false;
  if (stack.lock != AreaLock::none && !may_lock_more(stack.start - start)) return false;
  if (area != areas_.begin()) {
    const VmArea& below = std::prev(area)->second;
    const uint64_t gap = below.grows_down || below.protection == 0 ? 0 : stack_gap();
    if (start < below.end || start - below.end < gap) return false;
  }
  if (start < page().bytes() || !manager_.commit().charge(page().pages(stack.start - start))) return false;
  manager_.cpu().charge(Cycles(manager_.costs().area_change));
  areas_.begin_at(area, start);
  return true;
}

MemoryHeld AddressSpace::memory_held() const {
  MemoryHeld held{.resident = resident_pages(), .swapped = 0, .tables = table_->frames()};
  private_.for_each(0, ~uint64_t{0}, [&](uint64_t, const Anon& anon) {
    const bool mapped = anon.in_memory() && manager_.page_tables().mapped(Pfn(anon.frame));
    held.swapped += mapped ? 0 : 1;
  });
  return held;
}

bool AddressSpace::in_memory(VirtAddr address) const {
  const VmArea* area = find_area(address);
  if (!area) return false;
  if (const Anon* anon = anon_of(*area, address.value)) return anon->in_memory();
  if (area->file) return area->file->cached_pages.contains(area->backing_page(address.value, page()));
  // The zero page is in memory for whoever has an entry for it.
  bool present = false;
  const uint64_t start = page().round_down(address.value);
  table_->for_each_present(VirtAddr(start), VirtAddr(start + page().bytes()),
                           [&present](VirtAddr, const TableEntry&) { present = true; });
  return present;
}

std::optional<std::string> AddressSpace::check_invariants() const {
  uint64_t end = 0;
  uint64_t private_pages = 0;
  for (const auto& [start, area] : areas_) {
    if (start != area.start || area.start >= area.end || area.start < end || area.end > user_end().value) {
      return fmt::format("areas overlap at {:#x}", start);
    }
    end = area.end;
    if (!area.shared) {
      private_.for_each(area.start >> page().shift, area.end >> page().shift,
                        [&](uint64_t, Anon&) { ++private_pages; });
    }
  }
  if (private_pages != private_.pages()) return "a private page lies outside every area";
  return areas_.check_invariants();
}

}  // namespace faultline::os
