#include "hw/memory/bus.h"

#include <algorithm>

namespace faultline::hw {

Bus::Bus(sc_core::sc_module_name name, const BusConfig& config, const Clock& clock)
    : sc_module(name),
      upper_("upper"),
      lower_("lower"),
      latency_fs_(config.cycles * clock.period_fs()),
      period_fs_(clock.period_fs()),
      bytes_per_cycle_(config.bytes_per_cycle) {
  upper_.register_b_transport(this, &Bus::b_transport);
  upper_.register_get_direct_mem_ptr(this, &Bus::get_direct_mem_ptr);
  upper_.register_transport_dbg(this, &Bus::transport_dbg);
}

void Bus::b_transport(int, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  uint64_t wait_fs = latency_fs_;
  if (bytes_per_cycle_ != 0) {
    const uint64_t arrival = sc_core::sc_time_stamp().value() + delay.value();
    const uint64_t start = std::max(arrival, busy_until_fs_);
    const uint64_t cycles = (payload.get_data_length() + bytes_per_cycle_ - 1) / bytes_per_cycle_;
    busy_until_fs_ = start + cycles * period_fs_;
    wait_fs += busy_until_fs_ - arrival;
  }
  if (wait_fs != 0) delay += sc_core::sc_time::from_value(wait_fs);
  lower_->b_transport(payload, delay);
}

bool Bus::get_direct_mem_ptr(int, tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi) {
  if (bytes_per_cycle_ != 0 || !lower_->get_direct_mem_ptr(payload, dmi)) return false;
  const sc_core::sc_time latency = sc_core::sc_time::from_value(latency_fs_);
  dmi.set_read_latency(dmi.get_read_latency() + latency);
  dmi.set_write_latency(dmi.get_write_latency() + latency);
  return true;
}

}  // namespace faultline::hw
