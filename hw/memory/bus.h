// The bus between the last cache (and DMA) and DRAM.
#pragma once

#include <tlm_utils/multi_passthrough_target_socket.h>
#include <tlm_utils/simple_initiator_socket.h>

#include <systemc>
#include <tlm>

#include "hw/base/clock.h"
#include "hw/base/divider.h"
#include "hw/config/machine_config.h"
#include "hw/memory/dram.h"
#include "hw/memory/memory_side.h"
#include "hw/memory/occupancy.h"

namespace faultline::hw {

// Timing: with a limit of bytes per cycle a transfer occupies the bus for
// ceil(bytes / bytes_per_cycle) cycles from max(its arrival, the end of the
// transfer before it); then it goes on, `cycles` later (both ways together).
// Without a limit the bus is only `cycles`, and passes a target's grant of DMI
// on with them added.
class Bus final : public sc_core::sc_module, public TimedTarget {
 public:
  using UpperSocket = tlm_utils::multi_passthrough_target_socket<Bus, 32, tlm::tlm_base_protocol_types, 0,
                                                                 sc_core::SC_ZERO_OR_MORE_BOUND>;

  Bus(sc_core::sc_module_name name, const BusConfig& config, const Clock& clock);

  UpperSocket& upper() { return upper_; }
  tlm_utils::simple_initiator_socket<Bus>& lower() { return lower_; }

  // Several harts reach it, whose clocks are apart (Occupancy).
  void several_harts() { in_order_ = false; }

  // Where lower() is bound to `target`, of our own: serve() may be called then.
  void call_directly(Dram& target) { direct_ = &target; }
  uint64_t serve(PhysAddr address, unsigned bytes, bool write, Requester requester, uint64_t at_fs) override {
    return direct_->serve(address, bytes, write, requester, pass(bytes, at_fs));
  }
  uint64_t exchange(PhysAddr wanted, PhysAddr gone, unsigned bytes, Requester requester, uint64_t at_fs) override {
    const uint64_t done_fs = direct_->serve(wanted, bytes, false, requester, pass(bytes, at_fs));
    direct_->serve(gone, bytes, true, Requester::writeback, pass(bytes, done_fs));
    return done_fs;
  }

 private:
  // When a transfer that arrives at `at_fs` leaves the bus.
  uint64_t pass(uint64_t bytes, uint64_t at_fs) {
    if (unlimited_) return at_fs + latency_fs_;
    const uint64_t cycles = bytes_per_cycle_.quotient(bytes + bytes_per_cycle_.by() - 1);
    return occupancy_.take(at_fs, cycles * period_fs_, in_order_) + latency_fs_;
  }
  void b_transport(int id, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  bool get_direct_mem_ptr(int id, tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi);
  unsigned transport_dbg(int, tlm::tlm_generic_payload& payload) { return lower_->transport_dbg(payload); }

  UpperSocket upper_;
  tlm_utils::simple_initiator_socket<Bus> lower_;
  Dram* direct_ = nullptr;
  uint64_t latency_fs_;
  uint64_t period_fs_;
  bool unlimited_;
  Divider bytes_per_cycle_;
  bool in_order_ = true;
  Occupancy occupancy_;
};

}  // namespace faultline::hw
