// Parts of a test bench for the memory side: an initiator, a target that
// notes what it sees, and timing tables.
#pragma once

#include <gtest/gtest.h>
#include <tlm_utils/multi_passthrough_target_socket.h>

#include <systemc>
#include <tlm>
#include <vector>

#include "hw/base/clock.h"
#include "hw/memory/memory_port.h"
#include "hw/memory/requester.h"

namespace faultline::hw {

// The resolution must stand before the first sc_time does.
struct Resolution {
  Resolution() { set_time_resolution(); }
};

struct TestInitiator : sc_core::sc_module {
  TestInitiator(sc_core::sc_module_name name, const Clock& clock) : sc_module(name), port("port", clock) {}
  MemoryPort port;
};

// Answers every access after a fixed time, and writes down what came.
struct NotingTarget : sc_core::sc_module {
  struct Seen {
    uint64_t start;  // cycles
    bool write;
    uint64_t address;
    unsigned bytes;
    Requester requester;
    bool operator==(const Seen&) const = default;
  };

  NotingTarget(sc_core::sc_module_name name, const Clock& c, uint64_t cycles)
      : sc_module(name), socket("socket"), clock(c), latency(cycles) {
    socket.register_b_transport(this, &NotingTarget::b_transport);
  }

  virtual void b_transport(int, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    seen.push_back({clock.cycles(sc_core::sc_time_stamp() + delay).value, payload.is_write(), payload.get_address(),
                    payload.get_data_length(), RequesterExtension::of(payload)});
    delay += clock.time(Cycles(latency));
    payload.set_response_status(response);
  }

  tlm_utils::multi_passthrough_target_socket<NotingTarget> socket;
  const Clock& clock;
  uint64_t latency;
  tlm::tlm_response_status response = tlm::TLM_OK_RESPONSE;
  std::vector<Seen> seen;
};

inline std::ostream& operator<<(std::ostream& out, const NotingTarget::Seen& seen) {
  return out << "{" << seen.start << (seen.write ? " write " : " read ") << std::hex << "0x" << seen.address << std::dec
             << " x" << seen.bytes << " by " << kRequesterNames[static_cast<size_t>(seen.requester)] << "}";
}

// One row of a timing table; times in cycles.
struct TimedAccess {
  uint64_t start;
  bool write;
  uint64_t address;
  unsigned bytes;
  uint64_t end;
};

inline constexpr bool kRead = false;
inline constexpr bool kWrite = true;

inline void expect_times(MemoryPort& port, const std::vector<TimedAccess>& table) {
  for (size_t row = 0; row < table.size(); ++row) {
    const TimedAccess& a = table[row];
    EXPECT_EQ(port.access(PhysAddr(a.address), a.bytes, a.write, Requester::data, Cycles(a.start)).value, a.end)
        << "row " << row;
  }
}

}  // namespace faultline::hw
