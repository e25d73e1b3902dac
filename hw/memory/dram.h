// DRAM: gives time and counts; the bytes are in the BackingStore.
#pragma once

#include <tlm_utils/multi_passthrough_target_socket.h>

#include <array>
#include <cstdint>
#include <systemc>
#include <tlm>
#include <vector>

#include "hw/base/clock.h"
#include "hw/base/divider.h"
#include "hw/config/machine_config.h"
#include "hw/memory/backing_store.h"
#include "hw/memory/memory_side.h"
#include "hw/memory/occupancy.h"
#include "hw/memory/requester.h"

namespace faultline::hw {

struct DramStatistics {
  std::array<uint64_t, kRequesters> reads{};  // transactions, by requester
  std::array<uint64_t, kRequesters> writes{};
  uint64_t row_hits = 0;       // with open rows only
  uint64_t row_misses = 0;     // every access that found another row open, or none
  uint64_t row_conflicts = 0;  // those of them that had to close a row first

  uint64_t total_reads() const;
  uint64_t total_writes() const;
};

// Timing, flat: every access takes flat_cycles, whatever came before and
// whatever is under way; DMI is granted for the whole range, with these
// latencies, so that users may count in bulk. Where the hart does not wait,
// nobody but the walker and the disk takes time.
//
// Timing, banks: each bank serves one access at a time, beginning at
// max(arrival, the end of the one before), and keeps its row open: row_hit_cycles
// in the open row, row_miss_cycles when none is open (only the first), else
// row_conflict_cycles. Address map, from the low end: byte in row, bank, row:
// consecutive rows' worth of bytes lie in consecutive banks. A transaction that
// crosses rows is served piece by piece and counts one access for each.
//
// Payloads of a MemoryPort (they carry a RequesterExtension) move no bytes;
// those of another initiator read and write the BackingStore.
class Dram final : public sc_core::sc_module, public BulkCounter, public TimedTarget {
 public:
  using Socket = tlm_utils::multi_passthrough_target_socket<Dram, 32, tlm::tlm_base_protocol_types, 0,
                                                            sc_core::SC_ZERO_OR_MORE_BOUND>;

  Dram(sc_core::sc_module_name name, const DramConfig& config, const Clock& clock, BackingStore& memory);

  Socket& socket() { return socket_; }
  const DramStatistics& statistics() const { return statistics_; }
  void count_bulk(Requester requester, uint64_t reads, uint64_t writes) override;
  uint64_t serve(PhysAddr address, unsigned bytes, bool write, Requester requester, uint64_t at_fs) override;

  // Several harts reach it, whose clocks are apart (Occupancy).
  void several_harts() { in_order_ = false; }

 private:
  static constexpr uint64_t kNoRow = ~uint64_t{0};
  struct Bank {
    uint64_t row = kNoRow;
    Occupancy occupancy;
  };

  void b_transport(int id, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  bool get_direct_mem_ptr(int id, tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi);
  unsigned transport_dbg(int id, tlm::tlm_generic_payload& payload);
  void count(Requester requester, bool write);
  sc_core::sc_time flat_time(Requester requester) const;
  uint64_t serve_rows(uint64_t address, uint64_t bytes, bool write, Requester requester, uint64_t at_fs);
  // When the access to one row's worth of bytes, the `block`th, arriving at `at_fs`, is done.
  [[gnu::always_inline]] uint64_t serve_row(uint64_t block, uint64_t at_fs);
  void move_bytes(tlm::tlm_generic_payload& payload);

  Socket socket_;
  BackingStore& memory_;
  DramTiming timing_;
  sc_core::sc_time flat_time_;
  bool hart_waits_;
  uint64_t hit_fs_;
  uint64_t miss_fs_;
  uint64_t conflict_fs_;
  unsigned row_shift_;  // log2 of a row's bytes
  Divider bank_count_;
  bool in_order_ = true;
  std::vector<Bank> banks_;
  DramStatistics statistics_;
};

}  // namespace faultline::hw
