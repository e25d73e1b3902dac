#include "hw/memory/bus.h"

#include <algorithm>

namespace faultline::hw {

Bus::Bus(sc_core::sc_module_name name, const BusConfig& config, const Clock& clock)
    : sc_module(name),
      upper_("upper"),
      lower_("lower"),
      latency_fs_(config.cycles * clock.period_fs()),
      period_fs_(clock.period_fs()),
      unlimited_(config.bytes_per_cycle == 0),
      bytes_per_cycle_(std::max<uint64_t>(1, config.bytes_per_cycle)) {
  upper_.register_b_transport(this, &Bus::b_transport);
  upper_.register_get_direct_mem_ptr(this, &Bus::get_direct_mem_ptr);
  upper_.register_transport_dbg(this, &Bus::transport_dbg);
}

void Bus::b_transport(int, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  const uint64_t kernel = sc_core::sc_time_stamp().value();
  delay = sc_core::sc_time::from_value(pass(payload.get_data_length(), kernel + delay.value()) - kernel);
  lower_->b_transport(payload, delay);
}

bool Bus::get_direct_mem_ptr(int, tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi) {
  if (!unlimited_ || !lower_->get_direct_mem_ptr(payload, dmi)) return false;
  const sc_core::sc_time latency = sc_core::sc_time::from_value(latency_fs_);
  dmi.set_read_latency(dmi.get_read_latency() + latency);
  dmi.set_write_latency(dmi.get_write_latency() + latency);
  return true;
}

}  // namespace faultline::hw
