#include "os/reclaim/swap_area.h"

#include <fmt/format.h>

#include <algorithm>

#include "os/memory/anon_map.h"
#include "os/memory/frame_allocator.h"

namespace faultline::os {

namespace {
constexpr uint64_t kSectorBytes = 512;
}

SwapArea::SwapArea(PageSize page, uint64_t bytes, uint64_t disk_sectors, FrameAllocator& frames)
    : slots_(std::min(bytes, disk_sectors * kSectorBytes) >> page.shift),
      sectors_per_page_(page.bytes() / kSectorBytes),
      frames_(frames),
      free_(slots_),
      owners_(slots_, nullptr) {
  for (uint64_t slot = 0; slot < slots_; ++slot) free_.insert(slot);
  statistics_.slots_total = slots_;
}

bool SwapArea::room(uint64_t slots) {
  while (free_.count() < slots) {
    if (!copies_ || !reclaim_copies()) return false;
  }
  return true;
}

// Gives up the copies on swap of pages that are in memory too, some at a time.
// Frames on the free list may be reused at any moment and keep theirs.
bool SwapArea::reclaim_copies() {
  constexpr uint64_t kEnough = 64;
  uint64_t given_up = 0;
  for (uint64_t looked = 0; looked < slots_ && given_up < kEnough; ++looked) {
    const uint64_t slot = reclaim_cursor_;
    reclaim_cursor_ = (reclaim_cursor_ + 1) % slots_;
    Anon* anon = owners_[slot];
    if (!anon || !anon->in_memory() || anon->under_io || frames_[Pfn(anon->frame)].listed) continue;
    release(slot);
    anon->slot = Anon::kNone;
    frames_[Pfn(anon->frame)].dirty = true;
    ++given_up;
  }
  copies_ = given_up != 0;
  return copies_;
}

std::optional<SwapArea::Run> SwapArea::allocate(uint64_t most) {
  if (!room(1)) return std::nullopt;
  std::optional<uint64_t> first = free_.first(cursor_);
  if (!first) first = free_.first();
  Run run{*first, 0};
  while (run.count < most && run.first + run.count < slots_ && free_.contains(run.first + run.count)) {
    free_.erase(run.first + run.count);
    ++run.count;
  }
  cursor_ = run.first + run.count;
  statistics_.slots_used += run.count;
  statistics_.slots_used_peak = std::max(statistics_.slots_used_peak, statistics_.slots_used);
  return run;
}

void SwapArea::assign(uint64_t slot, Anon& anon) {
  owners_[slot] = &anon;
  anon.slot = slot;
}

void SwapArea::release(uint64_t slot) {
  owners_[slot] = nullptr;
  free_.insert(slot);
  --statistics_.slots_used;
}

void SwapArea::retire(uint64_t slot) {
  owners_[slot] = nullptr;
  --statistics_.slots_used;
  ++statistics_.slots_bad;
}

std::optional<std::string> SwapArea::check_invariants() const {
  if (free_.count() + statistics_.slots_used + statistics_.slots_bad != slots_) return "swap slots do not add up";
  for (uint64_t slot = 0; slot < slots_; ++slot) {
    const Anon* anon = owners_[slot];
    if (!anon) continue;
    if (anon->slot != slot) return fmt::format("swap slot {} is not its owner's", slot);
    if (free_.contains(slot)) return fmt::format("swap slot {} is free and owned", slot);
  }
  return std::nullopt;
}

}  // namespace faultline::os
