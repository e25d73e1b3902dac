#include "hw/memory/cache.h"

#include <bit>
#include <stdexcept>
#include <string>

namespace faultline::hw {
namespace {

bool power_of_two(uint64_t n) { return n != 0 && (n & (n - 1)) == 0; }

unsigned log2_of(uint64_t n) {
  unsigned shift = 0;
  while ((uint64_t{1} << shift) < n) ++shift;
  return shift;
}

// Checked before the members that are sized by it.
uint32_t sets_in(const CacheLevelConfig& config) {
  const uint64_t way_bytes = uint64_t{config.ways} * config.line;
  if (!power_of_two(config.line) || config.line > 4096) {
    throw std::invalid_argument("a cache line is a power of two of at most 4096 bytes");
  }
  if (way_bytes == 0 || config.size == 0 || config.size % way_bytes != 0) {
    throw std::invalid_argument("a cache's size is a multiple of ways x line");
  }
  return static_cast<uint32_t>(config.size / way_bytes);
}

constexpr uint64_t kPrefetchBlock = 4096;

}  // namespace

Cache::Cache(sc_core::sc_module_name name, const CacheLevelConfig& config, const Clock& clock, uint64_t seed)
    : sc_module(name),
      upper_("upper"),
      lower_("lower", clock),
      time_(clock),
      hit_cycles_(config.hit_cycles),
      hit_fs_(time_.fs(hit_cycles_)),
      prefetch_(config.prefetch),
      line_shift_(log2_of(config.line)),
      set_count_(sets_in(config)),
      ways_(config.ways),
      way_stride_((ways_ + WayMarks::kWays - 1) / WayMarks::kWays * WayMarks::kWays),
      power_of_two_(power_of_two(set_count_)),
      quick_(power_of_two_ && ReplacementState::touch_is_quick(config.replacement)),
      set_bits_(static_cast<unsigned>(std::bit_width(set_count_) - 1)),
      replacement_(config.replacement, set_count_, ways_, seed),
      sets_(set_count_),
      lines_(size_t{set_count_} * way_stride_, kNoLine),
      further_marks_(size_t{set_count_} * (way_stride_ / WayMarks::kWays - 1)) {
  upper_.register_b_transport(this, &Cache::b_transport);
}

Cycles Cache::access(PhysAddr address, unsigned bytes, bool write, Requester requester, Cycles now) {
  const uint64_t last = (address.value + bytes - 1) >> line_shift_;
  for (uint64_t line = address.value >> line_shift_; line <= last; ++line) {
    now = access(PhysAddr(line << line_shift_), write, requester, now);
  }
  return now;
}

Cycles Cache::miss(PhysAddr address, bool write, Requester requester, Cycles now) {
  const uint64_t begun = time_.fs(now);
  return time_.done(now, fill(address.value >> line_shift_, write, requester, begun + hit_fs_) - begun);
}

uint64_t Cache::serve(PhysAddr address, unsigned bytes, bool write, Requester requester, uint64_t at_fs) {
  const uint64_t last = (address.value + bytes - 1) >> line_shift_;
  for (uint64_t line = address.value >> line_shift_; line <= last; ++line) {
    at_fs = serve_line(line, write, requester, at_fs);
  }
  return at_fs;
}

uint64_t Cache::serve_line(uint64_t line, bool write, Requester requester, uint64_t at_fs) {
  const uint32_t set = set_of(line);
  const uint32_t way = find(set, line);
  at_fs += hit_fs_;
  if (way == kAbsent) return fill(line, write, requester, at_fs);
  ++hits_;
  use(set, way, line, write);
  return at_fs;
}

uint64_t Cache::fill(uint64_t line, bool write, Requester requester, uint64_t at_fs) {
  ++misses_;
  const bool whole_line = requester == Requester::writeback;
  if (!whole_line) at_fs = lower_.serve(PhysAddr(line << line_shift_), line_bytes(), false, requester, at_fs);
  insert(line, write, at_fs);
  if (prefetch_ && !whole_line) prefetch_after(line, requester, at_fs);
  return at_fs;
}

void Cache::prefetch_after(uint64_t line, Requester requester, uint64_t at_fs) {
  const uint64_t next = line + 1;
  if ((next << line_shift_) % kPrefetchBlock == 0 || find(set_of(next), next) != kAbsent) return;
  ++prefetches_;
  at_fs = lower_.serve(PhysAddr(next << line_shift_), line_bytes(), false, requester, at_fs);
  insert(next, false, at_fs);
}

uint32_t Cache::find_further(uint32_t set, uint64_t line) const {
  const uint64_t* lines = &lines_[size_t{set} * way_stride_];
  const WayMarks* marks = &further_marks_[size_t{set} * (way_stride_ / WayMarks::kWays - 1)];
  const uint8_t mark = mark_of(line);
  for (uint32_t first = WayMarks::kWays; first < ways_; first += WayMarks::kWays) {
    const uint32_t way = marks++->find(mark, [=](uint32_t w) { return lines[first + w] >> 1 == line; });
    if (way != kAbsent) return first + way;
  }
  return kAbsent;
}

WayMarks& Cache::marks_of(uint32_t set, uint32_t way) {
  if (way < WayMarks::kWays) return sets_[set].marks;
  return further_marks_[size_t{set} * (way_stride_ / WayMarks::kWays - 1) + way / WayMarks::kWays - 1];
}

uint32_t Cache::empty_way(uint32_t set) const {
  const uint64_t* lines = &lines_[size_t{set} * way_stride_];
  uint32_t way = 0;
  while (lines[way] != kNoLine) ++way;
  return way;
}

// Puts an absent line in place of an empty or the least valuable one. The
// victim's write-back begins at `at_fs`, and the caller does not wait for it.
void Cache::insert(uint64_t line, bool dirty, uint64_t at_fs) {
  const uint32_t set = set_of(line);
  Set& place = sets_[set];
  const bool full = place.held == ways_;
  const uint32_t way = full ? replacement_.victim(set) : empty_way(set);
  uint64_t& held = lines_[size_t{set} * way_stride_ + way];
  if (!full) {
    ++place.held;
  } else if ((held & 1) != 0) {
    ++writebacks_;
    lower_.serve(PhysAddr(held >> 1 << line_shift_), line_bytes(), true, Requester::writeback, at_fs);
  }
  held = line << 1 | (dirty ? 1 : 0);
  marks_of(set, way).set(way % WayMarks::kWays, mark_of(line));
  replacement_.fill(set, way);
  place.line = line;
  place.dirty_line = dirty ? line : kNoLine;
}

void Cache::invalidate(PhysAddr address, uint64_t bytes) {
  if (bytes == 0) return;
  const uint64_t last = (address.value + bytes - 1) >> line_shift_;
  for (uint64_t line = address.value >> line_shift_; line <= last; ++line) {
    const uint32_t set = set_of(line);
    const uint32_t way = find(set, line);
    if (way == kAbsent) continue;
    Set& place = sets_[set];
    lines_[size_t{set} * way_stride_ + way] = kNoLine;
    --place.held;
    if (place.line == line) place.line = place.dirty_line = kNoLine;
  }
}

void Cache::b_transport(int, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  const uint64_t address = payload.get_address();
  const unsigned bytes = payload.get_data_length();
  if (payload.get_command() == tlm::TLM_IGNORE_COMMAND || bytes == 0) {
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
    return;
  }
  const uint64_t kernel = sc_core::sc_time_stamp().value();
  const uint64_t done_fs =
      serve(PhysAddr(address), bytes, payload.is_write(), RequesterExtension::of(payload), kernel + delay.value());
  delay = sc_core::sc_time::from_value(done_fs - kernel);
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

}  // namespace faultline::hw
