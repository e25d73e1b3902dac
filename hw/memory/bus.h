// The bus between the last cache (and DMA) and DRAM.
#pragma once

#include <tlm_utils/multi_passthrough_target_socket.h>
#include <tlm_utils/simple_initiator_socket.h>

#include <systemc>
#include <tlm>

#include "hw/base/clock.h"
#include "hw/config/machine_config.h"

namespace faultline::hw {

// Timing: with a limit of bytes per cycle a transfer occupies the bus for
// ceil(bytes / bytes_per_cycle) cycles from max(its arrival, the end of the
// transfer before it); then it goes on, `cycles` later (both ways together).
// Without a limit the bus is only `cycles`, and passes a target's grant of DMI
// on with them added.
class Bus : public sc_core::sc_module {
 public:
  using UpperSocket = tlm_utils::multi_passthrough_target_socket<Bus, 32, tlm::tlm_base_protocol_types, 0,
                                                                 sc_core::SC_ZERO_OR_MORE_BOUND>;

  Bus(sc_core::sc_module_name name, const BusConfig& config, const Clock& clock);

  UpperSocket& upper() { return upper_; }
  tlm_utils::simple_initiator_socket<Bus>& lower() { return lower_; }

 private:
  void b_transport(int id, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  bool get_direct_mem_ptr(int id, tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi);
  unsigned transport_dbg(int, tlm::tlm_generic_payload& payload) { return lower_->transport_dbg(payload); }

  UpperSocket upper_;
  tlm_utils::simple_initiator_socket<Bus> lower_;
  uint64_t latency_fs_;
  uint64_t period_fs_;
  uint64_t bytes_per_cycle_;
  uint64_t busy_until_fs_ = 0;
};

}  // namespace faultline::hw
