#include "hw/memory/line_table.h"

#include <algorithm>
#include <bit>
#include <memory>
#include <stdexcept>

namespace faultline::hw {
namespace {

// Checked before the members that are sized by it.
uint32_t sets_in(const CacheLevelConfig& config) {
  const uint64_t way_bytes = uint64_t{config.ways} * config.line;
  if (!std::has_single_bit(config.line) || config.line < 2 || config.line > 4096) {
    throw std::invalid_argument("a cache line is a power of two of 2 to 4096 bytes");
  }
  if (way_bytes == 0 || config.size == 0 || config.size % way_bytes != 0) {
    throw std::invalid_argument("a cache's size is a multiple of ways x line");
  }
  return static_cast<uint32_t>(config.size / way_bytes);
}

unsigned log2_of(uint64_t n) { return static_cast<unsigned>(std::bit_width(n)) - 1; }

// Four to a line, so that lines seldom share one; no more than stay in the
// host's own first level.
constexpr uint64_t kMostHints = 4096;
uint64_t hints_for(uint64_t lines) { return std::min(std::bit_ceil(4 * lines), kMostHints); }

}  // namespace

LineTable::LineTable(const CacheLevelConfig& config, uint64_t seed, uint64_t offset)
    : offset_(0),
      set_count_(sets_in(config)),
      ways_(config.ways),
      way_stride_((ways_ + kHostLineWays - 1) / kHostLineWays * kHostLineWays),
      power_of_two_(std::has_single_bit(set_count_)),
      tag_shift_(log2_of(config.line) + log2_of(set_count_)),
      order_(config.replacement, set_count_, ways_, seed),
      by_turns_(order_.touches_by_turns()),
      empty_lines_(uint64_t{set_count_} * ways_) {
  const uint64_t way_bytes = uint64_t{set_count_} * config.line;
  if (power_of_two_ && offset % way_bytes == 0) offset_ = offset;
  recent_.mask = set_count_ - 1;
  recent_.low = config.line - 1;
  recent_.line_shift = log2_of(config.line);
  recent_.hint_shift = 32 - log2_of(hints_for(uint64_t{set_count_} * ways_));
  recent_.line_stride = way_stride_;
  lay_out();
}

template <class T>
T* LineTable::carve(size_t& used, size_t count) {
  const size_t at = used;
  used += (count * sizeof(T) + sizeof(HostLine) - 1) / sizeof(HostLine);
  if (place_.empty()) return nullptr;  // only measured
  T* const begin = reinterpret_cast<T*>(place_.data() + at);
  std::uninitialized_value_construct_n(begin, count);
  return begin;
}

void LineTable::lay_out() {
  const size_t lines = size_t{set_count_} * way_stride_;
  size_t used = 0;
  for (const bool measured : {false, true}) {
    if (measured) place_.resize(used);
    used = 0;
    sets_ = carve<LineSet>(used, set_count_);
    turns_ = carve<WayOrder::Turn>(used, order_.touches().size());
    hints_ = carve<uint8_t>(used, hints_for(uint64_t{set_count_} * ways_));
    lines_ = carve<uint64_t>(used, lines);
    empty_ways_ = carve<uint32_t>(used, set_count_);
    further_marks_ = carve<WayMarks>(used, size_t{set_count_} * further_groups());
  }
  std::fill_n(lines_, lines, empty_line());
  std::fill_n(empty_ways_, set_count_, ways_);
  for (uint32_t set = 0; set < set_count_; ++set) sets_[set].order = order_.start();
  std::copy(order_.touches().begin(), order_.touches().end(), turns_);

  const auto from_sets = [this](const void* part) {
    return static_cast<int32_t>(static_cast<const std::byte*>(part) - reinterpret_cast<const std::byte*>(sets_));
  };
  recent_.sets = sets_;
  recent_.in_line = power_of_two_ && order_.touches_by_turns() && ways_ < kHintedWays &&
                    std::has_single_bit(way_stride_) && place_.size() * sizeof(HostLine) < size_t{INT32_MAX};
  if (!recent_.in_line) return;
  recent_.turns = from_sets(turns_);
  recent_.hints = from_sets(hints_);
  recent_.lines = from_sets(lines_);
}

uint32_t LineTable::find_further(uint32_t set, uint64_t line) const {
  const uint64_t* lines = lines_ + size_t{set} * way_stride_;
  const WayMarks* marks = further_marks_ + size_t{set} * further_groups();
  const uint8_t mark = mark_of(line);
  const uint64_t low = recent_.low;
  for (uint32_t first = WayMarks::kWays; first < ways_; first += WayMarks::kWays) {
    const uint32_t way =
        marks++->find(mark, ways_ - first, [=](uint32_t w) { return (lines[first + w] | low) == (line | low); });
    if (way != kAbsent) return first + way;
  }
  return kAbsent;
}

uint32_t LineTable::fill_empty_way(LineSet& place, uint32_t set) {
  --empty_lines_;
  --empty_ways_[set];
  const uint64_t* lines = lines_ + size_t{set} * way_stride_;
  uint32_t way = 0;
  while (lines[way] != empty_line()) ++way;
  order_.fill(place.order, set, way);
  return way;
}

void LineTable::mark_further(uint32_t set, uint32_t way, uint8_t mark) {
  const size_t group = size_t{set} * further_groups() + way / WayMarks::kWays - 1;
  further_marks_[group].set(way % WayMarks::kWays, mark);
}

void LineTable::drop(uint64_t line) {
  const uint32_t set = set_of(line);
  const uint32_t way = find(set, line);
  if (way == kAbsent) return;
  LineSet& place = sets_[set];
  lines_[size_t{set} * way_stride_ + way] = empty_line();
  ++empty_lines_;
  ++empty_ways_[set];
  if ((place.recent & ~recent_.low) == line) place.recent = kNoLine;
}

}  // namespace faultline::hw
