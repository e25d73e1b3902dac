#include "os/memory/collapse.h"

#include <algorithm>
#include <limits>

#include "os/memory/address_space.h"
#include "os/memory/memory_manager.h"
#include "os/memory/mman.h"

namespace faultline::os {

void CollapseDaemon::note_base_page() {
  wanted_ = true;
  if (resting_) wakeup_.wake_all();
}

Co<> CollapseDaemon::run() {
  const HugeConfig& config = manager_.config().huge;
  for (;;) {
    if (config.collapse_pages == 0 || (resting_ && !wanted_)) {
      co_await wakeup_.sleep();
      continue;
    }
    resting_ = false;
    Cpu& cpu = manager_.cpu();
    const Cycles later = cpu.now() + Cycles(cpu.clock_hz() / 1000) * config.collapse_milliseconds;
    co_await pause_.sleep_interruptibly(later);
    scan();
  }
}

void CollapseDaemon::scan() {
  const AccountScope account(manager_.cpu(), CycleAccount::pageout);
  ++manager_.huge_counts().scans;
  if (space_ == 0 && place_ == 0) wanted_ = false;  // a round begins
  uint64_t budget = manager_.config().huge.collapse_pages;
  while (budget > 0) {
    const auto& spaces = manager_.spaces();
    const auto space =
        space_ > std::numeric_limits<Asid>::max() ? spaces.end() : spaces.lower_bound(static_cast<Asid>(space_));
    if (space == spaces.end()) {
      space_ = 0;
      place_ = 0;
      // What could not be done waits for the next base page.
      resting_ = !wanted_;
      return;
    }
    if (space->first != space_) place_ = 0;
    const std::optional<uint64_t> next = space->second->collapse_from(place_, budget);
    space_ = next ? space->first : uint32_t{space->first} + 1;
    place_ = next.value_or(0);
  }
}

// --- of one address space ------------------------------------------------------------

std::optional<uint64_t> AddressSpace::collapse_from(uint64_t from, uint64_t& budget) {
  for (auto area = first_ending_after(from); area != areas_.end(); ++area) {
    const unsigned level = large_level(area->second);
    if (level == 0) continue;
    const uint64_t bytes = manager_.format().entry_span(level);
    uint64_t at = (std::max(from, area->second.start) + bytes - 1) & ~(bytes - 1);
    for (; at < area->second.end && area->second.end - at >= bytes; at += bytes) {
      if (budget == 0) return at;
      const LargeRange range = large_range(level, at);
      budget -= std::min(budget, range.pages);
      (void)collapse(area->second, range, true);
    }
  }
  return std::nullopt;
}

// MADV_COLLAPSE: whatever the settings say, and whether the pages are used or not.
Result<> AddressSpace::collapse_all(const VmArea& area, uint64_t start, uint64_t end) {
  const unsigned level = manager_.page_tables().large_level();
  const bool suitable = area.anonymous() && !area.shared && area.hugetlb_level == 0 && area.huge != HugeAdvice::never;
  if (level == 0 || !suitable) return Errno{EINVAL};
  const uint64_t bytes = manager_.format().entry_span(level);
  Result<> answer = Unit{};
  for (uint64_t at = (start + bytes - 1) & ~(bytes - 1); at < end && end - at >= bytes; at += bytes) {
    switch (collapse(area, large_range(level, at), false)) {
      case Collapse::made:
      case Collapse::already:
        break;
      case Collapse::unsuitable:
        answer = Errno{EINVAL};
        break;
      case Collapse::no_frames:
        answer = Errno{ENOMEM};
        break;
    }
  }
  return answer;
}

// Makes one large page of what lies in its place, in one go.
AddressSpace::Collapse AddressSpace::collapse(const VmArea& area, const LargeRange& range, bool must_be_used) {
  if (table_->leaf_level(VirtAddr(range.start)) != 0) return Collapse::already;
  if (!may_collapse(range, must_be_used)) return Collapse::unsuitable;
  if (!table_->prepare(VirtAddr(range.start), range.level)) return Collapse::no_frames;
  FrameAllocator& frames = manager_.frame_allocator();
  const unsigned order = manager_.page_tables().order(range.level);
  const std::optional<Pfn> run = frames.allocate_large(order, FrameKind::anonymous, Urgency::user);
  if (!run) {
    ++manager_.huge_counts().failed;
    return Collapse::no_frames;
  }
  std::vector<Pfn> left;
  move_into_run(range, *run, left);
  const hw::Permissions allowed = permissions(area, (area.protection & kProtWrite) != 0);
  // The old entries go here, all at once for whoever runs.
  table_->map_large(VirtAddr(range.start), range.level, *run, allowed, true, true);
  for (const Pfn frame : left) frames.free(frame);
  if (!allowed.any()) table_->unmap(VirtAddr(range.start));
  ++manager_.huge_counts().collapsed;
  return Collapse::made;
}

// Some page is there, and each that is may move: it is nobody else's, in memory
// and in nobody's hands. `must_be_used`: and the hardware saw one of them used.
bool AddressSpace::may_collapse(const LargeRange& range, bool must_be_used) {
  FrameAllocator& frames = manager_.frame_allocator();
  uint64_t present = 0;
  bool movable = true;
  bool used = false;
  private_.for_each(range.first, range.first + range.pages, [&](uint64_t, Anon& anon) {
    ++present;
    movable = movable && anon.references == 1 && anon.in_memory() && !anon.under_io && !anon.damaged;
    if (!movable) return;
    const Pfn pfn(anon.frame);
    const Frame& frame = frames[pfn];
    movable = !frame.listed && !frame.under_io() && frame.pins == 0;
    used = used || (movable && must_be_used && manager_.page_tables().referenced(pfn));
  });
  manager_.cpu().charge(Cycles(manager_.costs().page_scan * present));
  return movable && present != 0 && (used || !must_be_used);
}

// The frames that the pages leave are the caller's, with their mappings.
void AddressSpace::move_into_run(const LargeRange& range, Pfn run, std::vector<Pfn>& left) {
  FrameAllocator& frames = manager_.frame_allocator();
  for (uint64_t i = 0; i < range.pages; ++i) {
    Anon* const anon = private_.find(range.first + i);
    if (!anon) {
      manager_.zero_run(run + i, 0);
      private_.set(range.first + i, *manager_.anons().create(run + i));
      continue;
    }
    manager_.cpu().copy_frame(run + i, Pfn(anon->frame));
    manager_.anons().drop_slot(*anon);
    left.push_back(Pfn(anon->frame));
    anon->frame = (run + i).value;
    frames[run + i].anon = anon;
    frames[run + i].dirty = true;
    ++manager_.huge_counts().copied;
  }
}

}  // namespace faultline::os
