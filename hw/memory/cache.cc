#include "hw/memory/cache.h"

#include <algorithm>

namespace faultline::hw {
namespace {

constexpr uint64_t kPrefetchBlock = 4096;
constexpr uint64_t kWordBytes = 8;

}  // namespace

Cache::Cache(sc_core::sc_module_name name, const CacheLevelConfig& config, const Clock& clock, uint64_t seed,
             uint64_t offset)
    : sc_module(name),
      upper_("upper"),
      lower_("lower", clock),
      time_(clock),
      hit_cycles_(config.hit_cycles),
      hit_fs_(time_.fs(hit_cycles_)),
      prefetch_(config.prefetch),
      lines_(config, seed, offset) {
  upper_.register_b_transport(this, &Cache::b_transport);
}

Cycles Cache::access(PhysAddr address, unsigned bytes, bool write, Requester requester, Cycles now) {
  const uint64_t last = address.value + bytes - 1;
  if ((address.value ^ last) >> line_shift() == 0) [[likely]]
    return access(address, write, requester, now);
  for (uint64_t number = address.value >> line_shift(); number <= last >> line_shift(); ++number) {
    now = access(PhysAddr(number << line_shift()), write, requester, now);
  }
  return now;
}

// The place is taken before the levels below are asked: they know nothing of it.
[[gnu::always_inline]] inline uint64_t Cache::fill(uint32_t set, uint64_t line, bool write, Requester requester,
                                                   uint64_t at_fs) {
  const uint64_t gone = lines_.insert(set, line, write);
  ++misses_;
  if (requester == Requester::writeback) {
    if (gone != LineTable::kNoLine) write_back(gone, at_fs);
    return at_fs;
  }
  at_fs = exchange_below(line, gone, requester, at_fs);
  if (prefetch_) [[unlikely]]
    prefetch_after(line, requester, at_fs);
  return at_fs;
}

// The write-back begins when the line is there, and the caller does not wait for it.
[[gnu::always_inline]] inline uint64_t Cache::exchange_below(uint64_t line, uint64_t gone, Requester requester,
                                                             uint64_t at_fs) {
  const PhysAddr wanted = lines_.address_of(line);
  if (gone == LineTable::kNoLine) return lower_.serve(wanted, line_bytes(), false, requester, at_fs);
  ++writebacks_;
  return lower_.exchange(wanted, lines_.address_of(gone), line_bytes(), requester, at_fs);
}

inline void Cache::write_back(uint64_t line, uint64_t at_fs) {
  ++writebacks_;
  lower_.serve(lines_.address_of(line), line_bytes(), true, Requester::writeback, at_fs);
}

[[gnu::always_inline]] inline uint64_t Cache::serve_line(uint64_t line, bool write, Requester requester,
                                                         uint64_t at_fs) {
  const uint32_t set = lines_.set_of(line);
  lines_.expect(set);
  const uint32_t way = lines_.find(set, line);
  at_fs += hit_fs_;
  if (way == LineTable::kAbsent) return fill(set, line, write, requester, at_fs);
  ++hits_;
  lines_.use(set, way, write);
  return at_fs;
}

Cycles Cache::miss(PhysAddr address, bool write, Requester requester, Cycles now) {
  const uint64_t begun = time_.fs(now);
  const uint64_t line = lines_.line_of(address);
  return time_.done(now, fill(lines_.set_of(line), line, write, requester, begun + hit_fs_) - begun);
}

Cycles Cache::sweep(PhysAddr address, uint64_t bytes, bool write, Requester requester, Cycles now) {
  const uint64_t end = address.value + bytes;
  for (uint64_t at = address.value / kWordBytes * kWordBytes; at < end;) {
    const uint64_t line_end = std::min((at | (line_bytes() - 1)) + 1, end);
    const uint64_t words = (line_end - at + kWordBytes - 1) / kWordBytes;
    const uint64_t begun = time_.fs(now);
    now = time_.done(now, serve_line(lines_.line_of(PhysAddr(at)), write, requester, begun) - begun);
    // The first word has made the line the most recent; the others only hit.
    hits_ += words - 1;
    now += hit_cycles_ * (words - 1);
    at = line_end;
  }
  return now;
}

uint64_t Cache::serve(PhysAddr address, unsigned bytes, bool write, Requester requester, uint64_t at_fs) {
  const uint64_t last = address.value + bytes - 1;
  if ((address.value ^ last) >> line_shift() == 0) [[likely]]
    return serve_line(lines_.line_of(address), write, requester, at_fs);
  return serve_lines(address, bytes, write, requester, at_fs);
}

uint64_t Cache::exchange(PhysAddr wanted, PhysAddr gone, unsigned bytes, Requester requester, uint64_t at_fs) {
  if (bytes > line_bytes()) [[unlikely]]
    return TimedTarget::exchange(wanted, gone, bytes, requester, at_fs);
  at_fs = serve_line(lines_.line_of(wanted), false, requester, at_fs);
  serve_line(lines_.line_of(gone), true, Requester::writeback, at_fs);
  return at_fs;
}

uint64_t Cache::serve_lines(PhysAddr address, unsigned bytes, bool write, Requester requester, uint64_t at_fs) {
  const uint64_t last = address.value + bytes - 1;
  for (uint64_t number = address.value >> line_shift(); number <= last >> line_shift(); ++number) {
    at_fs = serve_line(lines_.line_of(PhysAddr(number << line_shift())), write, requester, at_fs);
  }
  return at_fs;
}

void Cache::prefetch_after(uint64_t line, Requester requester, uint64_t at_fs) {
  const uint64_t next = line + line_bytes();
  const PhysAddr address = lines_.address_of(next);
  const uint32_t set = lines_.set_of(next);
  if (address.value % kPrefetchBlock == 0 || lines_.find(set, next) != LineTable::kAbsent) return;
  ++prefetches_;
  const uint64_t gone = lines_.insert(set, next, false);
  exchange_below(next, gone, requester, at_fs);
}

void Cache::invalidate(PhysAddr address, uint64_t bytes) {
  if (bytes == 0) return;
  const uint64_t last = (address.value + bytes - 1) >> line_shift();
  for (uint64_t number = address.value >> line_shift(); number <= last; ++number) {
    lines_.drop(lines_.line_of(PhysAddr(number << line_shift())));
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
