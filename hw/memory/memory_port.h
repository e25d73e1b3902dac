// An initiator's door to the memory side: one TLM-2.0 socket, one payload used
// again and again, time as integer cycles.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <systemc>
#include <tlm>
#include <vector>

#include "hw/base/clock.h"
#include "hw/base/types.h"
#include "hw/memory/memory_side.h"
#include "hw/memory/requester.h"
#include "hw/memory/time_bridge.h"

namespace faultline::hw {

// A memory whose every access takes the same time whatever came before may
// grant DMI for its whole range (LRM 11.2); its users then count in bulk.
struct FlatLatency {
  Cycles read;
  Cycles write;
};

// Transactions of a MemoryPort carry a RequesterExtension and the address of a
// scratch buffer: the bytes of modelled memory are in the BackingStore alone,
// so that a target that copies data does no harm.
class MemoryPort : public MemorySide {
 public:
  MemoryPort(const char* name, const Clock& clock);
  ~MemoryPort() override;
  MemoryPort(const MemoryPort&) = delete;
  MemoryPort& operator=(const MemoryPort&) = delete;

  tlm_utils::simple_initiator_socket<MemoryPort>& socket() { return socket_; }

  // Moves no bytes, takes time: one access of `bytes` at `address`, begun at
  // `now` (cycles since the start of simulation, not before the kernel's own
  // time). Returns when it is done. Never waits. `address` must be in memory.
  // Guards the floating-point flags and rounding of the host, which belong to
  // the guest while a hart runs. A target that answers with an error, or whose
  // time runs backwards, ends the simulation with an sc_report error.
  Cycles access(PhysAddr address, unsigned bytes, bool write, Requester requester, Cycles now) override;

  // The same, in moments of the memory side.
  uint64_t serve(PhysAddr address, unsigned bytes, bool write, Requester requester, uint64_t at_fs) {
    if (direct_ != nullptr) return direct_->serve(address, bytes, write, requester, at_fs);
    return transport(address, bytes, write, requester, at_fs);
  }

  uint64_t exchange(PhysAddr wanted, PhysAddr gone, unsigned bytes, Requester requester, uint64_t at_fs) {
    if (direct_ != nullptr) return direct_->exchange(wanted, gone, bytes, requester, at_fs);
    const uint64_t done_fs = transport(wanted, bytes, false, requester, at_fs);
    transport(gone, bytes, true, Requester::writeback, done_fs);
    return done_fs;
  }

  // What the socket is bound to is `target`, of our own: from now on it is
  // called without a transaction. Changes no count and no time.
  void call_directly(TimedTarget& target) { direct_ = &target; }

  // Asks the target once, after elaboration; nothing when time depends on history.
  std::optional<FlatLatency> flat_latency(Requester requester = Requester::data);

 private:
  uint64_t transport(PhysAddr address, unsigned bytes, bool write, Requester requester, uint64_t at_fs);
  void report(const std::string& what) const;

  tlm_utils::simple_initiator_socket<MemoryPort> socket_;
  const Clock& clock_;
  TimeBridge time_;
  TimedTarget* direct_ = nullptr;
  tlm::tlm_generic_payload payload_;
  RequesterExtension requester_;
  std::vector<uint8_t> scratch_;
};

}  // namespace faultline::hw
