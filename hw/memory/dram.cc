#include "hw/memory/dram.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <stdexcept>

namespace faultline::hw {

uint64_t DramStatistics::total_reads() const { return std::accumulate(reads.begin(), reads.end(), uint64_t{0}); }
uint64_t DramStatistics::total_writes() const { return std::accumulate(writes.begin(), writes.end(), uint64_t{0}); }

Dram::Dram(sc_core::sc_module_name name, const DramConfig& config, const Clock& clock, BackingStore& memory)
    : sc_module(name),
      socket_("socket"),
      memory_(memory),
      timing_(config.timing),
      flat_time_(clock.time(Cycles(config.flat_cycles))),
      hart_waits_(config.hart_waits),
      hit_fs_(clock.time(Cycles(config.row_hit_cycles)).value()),
      miss_fs_(clock.time(Cycles(config.row_miss_cycles)).value()),
      conflict_fs_(clock.time(Cycles(config.row_conflict_cycles)).value()),
      row_shift_(static_cast<unsigned>(std::bit_width(std::max<uint64_t>(1, config.row))) - 1),
      bank_count_(std::max<uint64_t>(1, config.banks)),
      banks_(config.banks) {
  if (timing_ == DramTiming::banks && (!std::has_single_bit(config.row) || config.banks == 0)) {
    throw std::invalid_argument("DRAM with open rows needs at least one bank, and a power of two bytes a row");
  }
  socket_.register_b_transport(this, &Dram::b_transport);
  socket_.register_get_direct_mem_ptr(this, &Dram::get_direct_mem_ptr);
  socket_.register_transport_dbg(this, &Dram::transport_dbg);
}

void Dram::count(Requester requester, bool write) {
  auto& counts = write ? statistics_.writes : statistics_.reads;
  ++counts[static_cast<size_t>(requester)];
}

void Dram::count_bulk(Requester requester, uint64_t reads, uint64_t writes) {
  statistics_.reads[static_cast<size_t>(requester)] += reads;
  statistics_.writes[static_cast<size_t>(requester)] += writes;
}

void Dram::b_transport(int, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  const uint64_t address = payload.get_address();
  const uint64_t bytes = payload.get_data_length();
  if (!memory_.contains(PhysAddr(address), bytes)) {
    payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return;
  }
  if (payload.get_byte_enable_ptr() != nullptr || payload.get_streaming_width() < bytes) {
    payload.set_response_status(tlm::TLM_BURST_ERROR_RESPONSE);
    return;
  }
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
  if (payload.get_command() == tlm::TLM_IGNORE_COMMAND || bytes == 0) return;

  const auto* extension = payload.get_extension<RequesterExtension>();
  const Requester requester = extension ? extension->requester : Requester::data;
  if (timing_ == DramTiming::flat) payload.set_dmi_allowed(true);
  const uint64_t kernel = sc_core::sc_time_stamp().value();
  const uint64_t done_fs =
      serve(PhysAddr(address), payload.get_data_length(), payload.is_write(), requester, kernel + delay.value());
  delay = sc_core::sc_time::from_value(done_fs - kernel);
  if (!extension) move_bytes(payload);
}

sc_core::sc_time Dram::flat_time(Requester requester) const {
  const bool pays = hart_waits_ || requester == Requester::walker || requester == Requester::dma;
  return pays ? flat_time_ : sc_core::SC_ZERO_TIME;
}

uint64_t Dram::serve(PhysAddr address, unsigned bytes, bool write, Requester requester, uint64_t at_fs) {
  if (timing_ != DramTiming::banks) {
    count(requester, write);
    return at_fs + flat_time(requester).value();
  }
  const uint64_t block = address.value >> row_shift_;
  if ((address.value + bytes - 1) >> row_shift_ != block) [[unlikely]]
    return serve_rows(address.value, bytes, write, requester, at_fs);
  count(requester, write);
  return serve_row(block, at_fs);
}

uint64_t Dram::serve_rows(uint64_t address, uint64_t bytes, bool write, Requester requester, uint64_t at_fs) {
  const uint64_t end = (address + bytes - 1) >> row_shift_;
  for (uint64_t block = address >> row_shift_; block <= end; ++block) {
    count(requester, write);
    at_fs = serve_row(block, at_fs);
  }
  return at_fs;
}

inline uint64_t Dram::serve_row(uint64_t block, uint64_t at_fs) {
  const uint64_t row = bank_count_.quotient(block);
  Bank& bank = banks_[block - row * bank_count_.by()];
  uint64_t taken = hit_fs_;
  if (bank.row == row) {
    ++statistics_.row_hits;
  } else {
    ++statistics_.row_misses;
    if (bank.row != kNoRow) ++statistics_.row_conflicts;
    taken = bank.row == kNoRow ? miss_fs_ : conflict_fs_;
    bank.row = row;
  }
  return bank.occupancy.take(at_fs, taken, in_order_);
}

void Dram::move_bytes(tlm::tlm_generic_payload& payload) {
  const PhysAddr address(payload.get_address());
  const unsigned bytes = payload.get_data_length();
  if (!payload.is_write()) {
    std::memcpy(payload.get_data_ptr(), memory_.at(address), bytes);
    return;
  }
  std::memcpy(memory_.at(address), payload.get_data_ptr(), bytes);
  const Pfn last = memory_.page().pfn(address + (bytes - 1));
  for (Pfn frame = memory_.page().pfn(address); frame <= last; ++frame) memory_.wrote_frame(frame);
}

bool Dram::get_direct_mem_ptr(int, tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi) {
  if (timing_ != DramTiming::flat) return false;
  const auto* extension = payload.get_extension<RequesterExtension>();
  const sc_core::sc_time latency = flat_time(extension ? extension->requester : Requester::data);
  dmi.allow_read_write();
  dmi.set_dmi_ptr(memory_.base());
  dmi.set_start_address(0);
  dmi.set_end_address(memory_.size() - 1);
  dmi.set_read_latency(latency);
  dmi.set_write_latency(latency);
  return true;
}

unsigned Dram::transport_dbg(int, tlm::tlm_generic_payload& payload) {
  const bool inside = memory_.contains(PhysAddr(payload.get_address()), payload.get_data_length());
  if (!inside || payload.get_command() == tlm::TLM_IGNORE_COMMAND) return 0;
  move_bytes(payload);
  return payload.get_data_length();
}

}  // namespace faultline::hw
