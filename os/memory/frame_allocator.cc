#include "os/memory/frame_allocator.h"

#include <fmt/format.h>

#include <algorithm>

#include "os/config.h"
#include "os/cpu.h"

namespace faultline::os {

FrameAllocator::LargeRuns::LargeRuns(unsigned log2_frames, uint64_t begin, uint64_t frames)
    : order(log2_frames), free((frames >> log2_frames) + 1), whole((frames >> log2_frames) + 1) {
  for (uint64_t at = begin; at < frames;) {
    const uint64_t run = at >> order;
    const uint64_t end = std::min(frames, (run + 1) << order);
    free[run] = static_cast<uint32_t>(end - at);
    if (free[run] == length()) whole.insert(run);
    at = end;
  }
}

FrameAllocator::FrameAllocator(Cpu& cpu, Executor& executor, const OsCosts& costs, uint64_t frames,
                               uint64_t kernel_frames, const Thresholds& thresholds,
                               const std::vector<unsigned>& large_orders)
    : cpu_(cpu),
      costs_(costs),
      frames_(frames, std::min(kernel_frames, frames)),
      empty_(frames),
      second_chance_(frames_),
      thresholds_(thresholds),
      available_(executor) {
  const uint64_t taken = std::min(kernel_frames, frames);
  for (const unsigned order : large_orders) large_.emplace_back(order, taken, frames);
  empty_.insert_all(taken, frames);
  counts_[static_cast<size_t>(FrameKind::kernel)] = taken;
  counts_[static_cast<size_t>(FrameKind::free)] = frames - taken;
  peaks_ = counts_;
  least_free_ = free_frames();
}

uint64_t FrameAllocator::floor(Urgency urgency) const {
  switch (urgency) {
    case Urgency::user:
      if (last_emergency_) return 0;
      return emergency_ ? thresholds_.reserve : thresholds_.minfree;
    case Urgency::table:
      return thresholds_.reserve;
    case Urgency::dying:
      break;
  }
  return 0;
}

std::optional<Pfn> FrameAllocator::allocate(FrameKind kind, Urgency urgency, std::optional<Pfn> kept) {
  cpu_.charge(Cycles(costs_.frame_allocate));
  if (free_frames() >= thresholds_.minfree) emergency_ = last_emergency_ = false;
  const uint64_t unusable = kept && frames_[kept->value].listed ? 1 : 0;
  if (free_frames() <= unusable || free_frames() < floor(urgency)) {
    if (shortage_) shortage_(true);
    return std::nullopt;
  }
  Pfn pfn;
  if (const std::optional<uint64_t> lowest = empty_.take_lowest()) {
    pfn = Pfn(*lowest);
    give(pfn, kind);
  } else {
    pfn = Pfn(second_chance_.front());
    if (pfn == kept) pfn = Pfn(second_chance_.after(pfn.value));
    drop_page(pfn);
    take(pfn, kind);
  }
  ++granted_;
  if (urgency != Urgency::table) ++served_;
  if (free_frames() < thresholds_.lotsfree && shortage_) shortage_(false);
  return pfn;
}

std::optional<Pfn> FrameAllocator::next() const {
  const std::optional<uint64_t> lowest = empty_.find(0);
  return lowest ? std::optional(Pfn(*lowest)) : std::nullopt;
}

// The first frame of a run of `count` free ones that ends at or below `end`,
// the highest such; kNone when there is none.
uint64_t FrameAllocator::run_ending_below(uint64_t end, uint64_t count) const {
  uint64_t length = 0;
  for (uint64_t i = end; i-- > 0;) {
    length = frames_[i].kind == FrameKind::free || frames_[i].listed ? length + 1 : 0;
    if (length == count) return i;
  }
  return Frame::kNone;
}

std::optional<Pfn> FrameAllocator::allocate_run(uint64_t count, FrameKind kind) {
  cpu_.charge(Cycles(costs_.frame_allocate));
  if (free_frames() < count + thresholds_.reserve) return std::nullopt;
  const uint64_t first = run_ending_below(total(), count);
  if (first == Frame::kNone) return std::nullopt;
  for (uint64_t i = first; i < first + count; ++i) {
    if (frames_[i].listed) drop_page(Pfn(i));
    take(Pfn(i), kind);
  }
  if (free_frames() < thresholds_.lotsfree && shortage_) shortage_(false);
  return Pfn(first);
}

std::optional<Pfn> FrameAllocator::allocate_large(unsigned order, FrameKind kind, Urgency urgency) {
  cpu_.charge(Cycles(costs_.frame_allocate));
  const uint64_t count = uint64_t{1} << order;
  if (free_frames() < count + floor(urgency)) return std::nullopt;
  std::optional<uint64_t> first = empty_.find(order);
  if (!first) {
    const auto runs =
        std::find_if(large_.begin(), large_.end(), [&](const LargeRuns& one) { return one.order == order; });
    const std::optional<uint64_t> number = runs == large_.end() ? std::nullopt : runs->whole.first();
    if (!number) return std::nullopt;
    first = *number << order;
  }
  for (uint64_t i = *first; i < *first + count; ++i) {
    if (frames_[i].listed) drop_page(Pfn(i));
    take(Pfn(i), kind);
  }
  granted_ += count;
  if (urgency != Urgency::table) served_ += count;
  if (free_frames() < thresholds_.lotsfree && shortage_) shortage_(false);
  return Pfn(*first);
}

FragmentationStatistics FrameAllocator::fragmentation() const {
  FragmentationStatistics answer;
  for (unsigned order = 0; order < empty_.orders(); ++order) {
    const uint64_t runs = empty_.runs(order);
    answer.free_runs.push_back(runs);
    if (runs != 0) answer.largest_free_run = uint64_t{1} << order;
    if (!large_.empty() && order < large_.front().order) answer.unusable += runs << order;
  }
  return answer;
}

void FrameAllocator::take(Pfn pfn, FrameKind kind) {
  empty_.erase(pfn.value);
  give(pfn, kind);
}

void FrameAllocator::give(Pfn pfn, FrameKind kind) {
  frames_[pfn.value].kind = kind;
  count_as(pfn, FrameKind::free, kind);
  tell_page_moved(pfn, kind, true);
}

// Makes a frame of the free list one without a page.
void FrameAllocator::drop_page(Pfn pfn) {
  identity_lost_(pfn);
  second_chance_.remove(pfn);
  frames_[pfn.value] = Frame{.pristine = false};
  empty_.insert(pfn.value);
}

void FrameAllocator::free(Pfn pfn) {
  cpu_.charge(Cycles(costs_.frame_free));
  Frame& frame = frames_[pfn.value];
  if (frame.listed) {
    second_chance_.remove(pfn);
  } else {
    count_as(pfn, frame.kind, FrameKind::free);
    tell_page_moved(pfn, frame.kind, false);
  }
  frame = Frame{.pristine = false};
  empty_.insert(pfn.value);
  wake_waiters();
}

void FrameAllocator::free_with_page(Pfn pfn) {
  cpu_.charge(Cycles(costs_.frame_free));
  Frame& frame = frames_[pfn.value];
  frame.listed = true;
  frame.used = frame.fresh = false;
  count_as(pfn, frame.kind, FrameKind::free);
  tell_page_moved(pfn, frame.kind, false);
  second_chance_.push_back(pfn);
  wake_waiters();
}

void FrameAllocator::take_back(Pfn pfn) {
  Frame& frame = frames_[pfn.value];
  second_chance_.remove(pfn);
  frame.listed = false;
  count_as(pfn, FrameKind::free, frame.kind);
  tell_page_moved(pfn, frame.kind, true);
  if (free_frames() < thresholds_.lotsfree && shortage_) shortage_(false);
}

void FrameAllocator::wake_waiters() {
  if (!available_.empty() && free_frames() > 0 && free_frames() >= floor(Urgency::user)) available_.wake_all();
}

void FrameAllocator::begin_emergency(bool last) {
  emergency_ = true;
  last_emergency_ |= last;
  available_.wake_all();
}

void FrameAllocator::count_in_runs(Pfn pfn, bool free) {
  for (LargeRuns& runs : large_) {
    const uint64_t number = pfn.value >> runs.order;
    uint32_t& count = runs.free[number];
    if (!free && count == uint32_t{1} << runs.order) runs.whole.erase(number);
    count = free ? count + 1 : count - 1;
    if (free && count == uint32_t{1} << runs.order) runs.whole.insert(number);
  }
}

void FrameAllocator::count_as(Pfn pfn, FrameKind from, FrameKind to) {
  count_in_runs(pfn, to == FrameKind::free);
  --counts_[static_cast<size_t>(from)];
  uint64_t& count = ++counts_[static_cast<size_t>(to)];
  uint64_t& peak = peaks_[static_cast<size_t>(to)];
  peak = std::max(peak, count);
  least_free_ = std::min(least_free_, free_frames());
}

void FrameAllocator::tell_page_moved(Pfn pfn, FrameKind kind, bool came) {
  if ((kind == FrameKind::anonymous || kind == FrameKind::file) && page_moved_) page_moved_(pfn, came);
}

std::optional<std::string> FrameAllocator::check_invariants() const {
  std::array<uint64_t, kFrameKinds> counted{};
  uint64_t touched = 0;
  uint64_t listed = 0;
  uint64_t empty = 0;
  std::optional<std::string> broken;
  frames_.for_each_touched([&](uint64_t i, const Frame& frame) {
    const bool free = frame.kind == FrameKind::free || frame.listed;
    ++counted[static_cast<size_t>(free ? FrameKind::free : frame.kind)];
    ++touched;
    listed += frame.listed;
    empty += frame.kind == FrameKind::free;
    if (broken) return;
    if (empty_.contains(i) != (frame.kind == FrameKind::free)) broken = fmt::format("frame {} is free and owned", i);
    if (free && (frame.mappings || frame.pins || frame.under_io() || frame.dirty)) {
      broken = fmt::format("frame {} is free and in use", i);
    }
  });
  if (broken) return broken;
  const uint64_t untouched = frames_.untouched_free(0, total());
  counted[static_cast<size_t>(FrameKind::free)] += untouched;
  counted[static_cast<size_t>(FrameKind::kernel)] += total() - touched - untouched;
  if (counted != counts_) return "frames by kind do not add up";
  if (listed != second_chance_.size()) return "the free list has lost frames";
  // None but those that are free is there, so that all of them are.
  if (empty_.count() != empty + untouched) return "free frames have been lost";
  return check_runs();
}

std::optional<std::string> FrameAllocator::check_runs() const {
  for (const LargeRuns& runs : large_) {
    std::vector<uint32_t> counted(runs.free.size());
    for (uint64_t run = 0; run < counted.size(); ++run) {
      counted[run] =
          static_cast<uint32_t>(frames_.untouched_free(run << runs.order, std::min(total(), (run + 1) << runs.order)));
    }
    frames_.for_each_touched([&](uint64_t i, const Frame& frame) {
      counted[i >> runs.order] += frame.kind == FrameKind::free || frame.listed;
    });
    if (counted != runs.free) return fmt::format("free frames in runs of 2^{} do not add up", runs.order);
    for (uint64_t run = 0; run < counted.size(); ++run) {
      if (runs.whole.contains(run) != (counted[run] == runs.length())) {
        return fmt::format("run {} of 2^{} frames is wrongly noted as free", run, runs.order);
      }
    }
  }
  return std::nullopt;
}

}  // namespace faultline::os
