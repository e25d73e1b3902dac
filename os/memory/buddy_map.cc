#include "os/memory/buddy_map.h"

#include <algorithm>
#include <bit>

namespace faultline::os {

BuddyMap::BuddyMap(uint64_t frames) {
  const unsigned orders = frames == 0 ? 1 : static_cast<unsigned>(std::bit_width(frames));
  for (unsigned order = 0; order < orders; ++order) free_.emplace_back((frames >> order) + 1);
}

void BuddyMap::add(uint64_t first, unsigned order) {
  free_[order].insert(first >> order);
  present_ |= uint64_t{1} << order;
}

void BuddyMap::remove(uint64_t first, unsigned order) {
  free_[order].erase(first >> order);
  if (free_[order].count() == 0) present_ &= ~(uint64_t{1} << order);
}

std::optional<BuddyMap::Run> BuddyMap::run_of(uint64_t frame) const {
  for (uint64_t left = present_; left != 0; left &= left - 1) {
    const auto order = static_cast<unsigned>(std::countr_zero(left));
    if (free_[order].contains(frame >> order)) return Run{frame >> order << order, order};
  }
  return std::nullopt;
}

void BuddyMap::insert(uint64_t frame) {
  unsigned order = 0;
  uint64_t first = frame;
  // A buddy of the highest order would reach beyond the last frame.
  while (order + 1 < orders()) {
    const uint64_t buddy = first ^ (uint64_t{1} << order);
    if (!free_[order].contains(buddy >> order)) break;
    remove(buddy, order);
    first &= ~(uint64_t{1} << order);
    ++order;
  }
  add(first, order);
  ++count_;
}

void BuddyMap::insert_all(uint64_t begin, uint64_t end) {
  count_ += end - begin;
  while (begin < end) {
    const auto aligned = begin == 0 ? orders() - 1 : static_cast<unsigned>(std::countr_zero(begin));
    const auto fits = static_cast<unsigned>(std::bit_width(end - begin)) - 1;
    const unsigned order = std::min({aligned, fits, orders() - 1});
    add(begin, order);
    begin += uint64_t{1} << order;
  }
}

void BuddyMap::erase(uint64_t frame) {
  if (contains(frame)) take(frame, 0);
}

std::optional<uint64_t> BuddyMap::find(unsigned order) const {
  if (order >= orders()) return std::nullopt;
  const uint64_t enough = present_ >> order << order;
  if (enough == 0) return std::nullopt;
  const auto shortest = static_cast<unsigned>(std::countr_zero(enough));
  return *free_[shortest].first() << shortest;
}

std::optional<uint64_t> BuddyMap::take_lowest() {
  if (present_ == 0) return std::nullopt;
  const auto order = static_cast<unsigned>(std::countr_zero(present_));
  const uint64_t first = *free_[order].first() << order;
  split({first, order}, first, 0);
  return first;
}

void BuddyMap::take(uint64_t first, unsigned order) { split(*run_of(first), first, order); }

void BuddyMap::split(Run run, uint64_t first, unsigned order) {
  remove(run.first, run.order);
  // Halve until the part that holds `first` is as long as wanted; the other
  // halves stay.
  for (unsigned half = run.order; half-- > order;) add((first >> half ^ 1) << half, half);
  count_ -= uint64_t{1} << order;
}

}  // namespace faultline::os
