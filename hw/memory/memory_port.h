// An initiator's door to the memory side: one TLM-2.0 socket, one payload used
// again and again, time as integer cycles.
#pragma once

#include <cstdint>
#include <optional>
#include <systemc>
#include <tlm>
#include <tlm_utils/simple_initiator_socket.h>

#include "hw/base/clock.h"
#include "hw/base/types.h"
#include "hw/memory/requester.h"

namespace faultline::hw {

// A memory whose every access takes the same time whatever came before may
// grant DMI for its whole range (LRM 11.2); its users then count in bulk.
struct FlatLatency {
  Cycles read;
  Cycles write;
};

class MemoryPort {
 public:
  MemoryPort(const char* name, const Clock& clock);

  tlm_utils::simple_initiator_socket<MemoryPort>& socket() { return socket_; }

  // Moves no bytes, takes time: one access of `bytes` at `address`, begun at
  // `now` (cycles since the start of simulation, not before the kernel's own
  // time). Returns when it is done. Never waits. `address` must be in memory.
  // Guards the floating-point flags and rounding of the host, which belong to
  // the guest while a hart runs.
  Cycles access(PhysAddr address, unsigned bytes, bool write, Requester requester, Cycles now);

  // Asks the target once, after elaboration; nothing when time depends on history.
  std::optional<FlatLatency> flat_latency();

 private:
  tlm_utils::simple_initiator_socket<MemoryPort> socket_;
  const Clock& clock_;
  tlm::tlm_generic_payload payload_;
  RequesterExtension requester_;
};

}  // namespace faultline::hw
