#include "hw/memory/bus.h"

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

uint64_t Bus::pass(uint64_t bytes, uint64_t at_fs) {
  if (bytes_per_cycle_ == 0) return at_fs + latency_fs_;
  const uint64_t cycles = (bytes + bytes_per_cycle_ - 1) / bytes_per_cycle_;
  return occupancy_.take(at_fs, cycles * period_fs_, in_order_) + latency_fs_;
}

void Bus::b_transport(int, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  const uint64_t kernel = sc_core::sc_time_stamp().value();
  delay = sc_core::sc_time::from_value(pass(payload.get_data_length(), kernel + delay.value()) - kernel);
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
