#include "hw/memory/cache.h"

namespace faultline::hw {
namespace {

constexpr uint64_t kPrefetchBlock = 4096;

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

Cycles Cache::miss(PhysAddr address, bool write, Requester requester, Cycles now) {
  const uint64_t begun = time_.fs(now);
  return time_.done(now, fill(lines_.line_of(address), write, requester, begun + hit_fs_) - begun);
}

uint64_t Cache::serve(PhysAddr address, unsigned bytes, bool write, Requester requester, uint64_t at_fs) {
  const uint64_t last = address.value + bytes - 1;
  if ((address.value ^ last) >> line_shift() == 0) [[likely]]
    return serve_line(lines_.line_of(address), write, requester, at_fs);
  return serve_lines(address, bytes, write, requester, at_fs);
}

uint64_t Cache::serve_lines(PhysAddr address, unsigned bytes, bool write, Requester requester, uint64_t at_fs) {
  const uint64_t last = address.value + bytes - 1;
  for (uint64_t number = address.value >> line_shift(); number <= last >> line_shift(); ++number) {
    at_fs = serve_line(lines_.line_of(PhysAddr(number << line_shift())), write, requester, at_fs);
  }
  return at_fs;
}

// The victim's write-back begins at `at_fs`, and the caller does not wait for it.
inline void Cache::insert(uint64_t line, bool dirty, uint64_t at_fs) {
  const uint64_t gone = lines_.insert(line, dirty);
  if (gone == LineTable::kNoLine) [[likely]]
    return;
  ++writebacks_;
  lower_.serve(lines_.address_of(gone), line_bytes(), true, Requester::writeback, at_fs);
}

uint64_t Cache::fill(uint64_t line, bool write, Requester requester, uint64_t at_fs) {
  ++misses_;
  const bool whole_line = requester == Requester::writeback;
  if (!whole_line) at_fs = lower_.serve(lines_.address_of(line), line_bytes(), false, requester, at_fs);
  insert(line, write, at_fs);
  if (prefetch_ && !whole_line) prefetch_after(line, requester, at_fs);
  return at_fs;
}

void Cache::prefetch_after(uint64_t line, Requester requester, uint64_t at_fs) {
  const uint64_t next = line + line_bytes();
  const PhysAddr address = lines_.address_of(next);
  if (address.value % kPrefetchBlock == 0 || lines_.find(lines_.set_of(next), next) != LineTable::kAbsent) return;
  ++prefetches_;
  at_fs = lower_.serve(address, line_bytes(), false, requester, at_fs);
  insert(next, false, at_fs);
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
