#include "hw/memory/cache.h"

#include <stdexcept>
#include <string>

#include "hw/memory/host_float.h"

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
      hit_time_(clock.time(Cycles(config.hit_cycles))),
      prefetch_(config.prefetch),
      line_shift_(log2_of(config.line)),
      sets_(sets_in(config)),
      ways_(config.ways),
      set_mask_(power_of_two(sets_) ? sets_ - 1 : 0),
      replacement_(config.replacement, sets_, ways_, seed),
      lines_(size_t{sets_} * ways_, kNoLine),
      dirty_(lines_.size()),
      recent_(sets_) {
  upper_.register_b_transport(this, &Cache::b_transport);
}

Cycles Cache::access(PhysAddr address, unsigned bytes, bool write, Requester requester, Cycles now) {
  const uint64_t last = (address.value + bytes - 1) >> line_shift_;
  for (uint64_t line = address.value >> line_shift_; line <= last; ++line) {
    now = access(PhysAddr(line << line_shift_), write, requester, now);
  }
  return now;
}

Cycles Cache::miss_at(uint64_t line, bool write, Requester requester, Cycles now) {
  const HostFloatGuard guard;
  const sc_core::sc_time before = time_.delay(now);
  sc_core::sc_time delay = before;
  miss(line, write, requester, delay);
  return time_.done(now, before, delay);
}

void Cache::access_line(uint64_t line, bool write, Requester requester, sc_core::sc_time& delay) {
  const uint32_t slot = find(line);
  if (slot == kAbsent) return miss(line, write, requester, delay);
  hit(slot, line, write);
  delay += hit_time_;
}

void Cache::miss(uint64_t line, bool write, Requester requester, sc_core::sc_time& delay) {
  ++misses_;
  delay += hit_time_;
  const bool whole_line = requester == Requester::writeback;
  if (!whole_line) lower_.transport(PhysAddr(line << line_shift_), line_bytes(), false, requester, delay);
  insert(line, write, delay);
  if (prefetch_ && !whole_line) prefetch_after(line, requester, delay);
}

void Cache::prefetch_after(uint64_t line, Requester requester, sc_core::sc_time delay) {
  const uint64_t next = line + 1;
  if ((next << line_shift_) % kPrefetchBlock == 0 || find(next) != kAbsent) return;
  ++prefetches_;
  lower_.transport(PhysAddr(next << line_shift_), line_bytes(), false, requester, delay);
  insert(next, false, delay);
}

// Puts an absent line in place of an empty or the least valuable one. The
// victim's write-back begins at `delay`, and the caller does not wait for it.
void Cache::insert(uint64_t line, bool dirty, sc_core::sc_time delay) {
  const uint32_t set = set_of(line);
  uint32_t slot = set * ways_;
  const uint32_t end = slot + ways_;
  while (slot < end && lines_[slot] != kNoLine) ++slot;
  if (slot == end) {
    slot = replacement_.victim(set);
    if (dirty_[slot]) {
      ++writebacks_;
      lower_.transport(PhysAddr(lines_[slot] << line_shift_), line_bytes(), true, Requester::writeback, delay);
    }
  }
  lines_[slot] = line;
  dirty_[slot] = dirty;
  replacement_.fill(set, slot);
  recent_[set] = {line, dirty ? line : kNoLine};
}

void Cache::invalidate(PhysAddr address, uint64_t bytes) {
  if (bytes == 0) return;
  const uint64_t last = (address.value + bytes - 1) >> line_shift_;
  for (uint64_t line = address.value >> line_shift_; line <= last; ++line) {
    const uint32_t slot = find(line);
    if (slot == kAbsent) continue;
    lines_[slot] = kNoLine;
    dirty_[slot] = 0;
    Recent& recent = recent_[set_of(line)];
    if (recent.line == line) recent = {};
  }
}

void Cache::b_transport(int, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  const uint64_t address = payload.get_address();
  const unsigned bytes = payload.get_data_length();
  if (payload.get_command() == tlm::TLM_IGNORE_COMMAND || bytes == 0) {
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
    return;
  }
  const Requester requester = RequesterExtension::of(payload);
  const uint64_t last = (address + bytes - 1) >> line_shift_;
  for (uint64_t line = address >> line_shift_; line <= last; ++line) {
    access_line(line, payload.is_write(), requester, delay);
  }
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

}  // namespace faultline::hw
