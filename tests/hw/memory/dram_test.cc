// DRAM and bus, driven through their sockets alone. Times are in cycles.
#include "hw/memory/dram.h"

#include <gtest/gtest.h>

#include <cfenv>

#include "hw/memory/bus.h"
#include "tests/hw/memory/bench.h"

namespace faultline::hw {
namespace {

struct DramBench : testing::Test, Resolution {
  Clock clock{1000};
  BackingStore memory{1 << 20, PageSize{12}};
  TestInitiator initiator{"initiator", clock};

  uint64_t reads(const Dram& dram, Requester requester) {
    return dram.statistics().reads[static_cast<size_t>(requester)];
  }
};

TEST_F(DramBench, FlatLatencyIsTheSameWhateverCameBefore) {
  Dram dram("dram", {.timing = DramTiming::flat, .flat_cycles = 100}, clock, memory);
  initiator.port.socket().bind(dram.socket());
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  expect_times(initiator.port, {{0, kRead, 0x0, 8, 100},
                                {0, kRead, 0x40, 64, 100},  // no contention
                                {50, kWrite, 0xFFFF8, 8, 150},
                                {7, kRead, 0x1001, 1, 107}});
  EXPECT_EQ(dram.statistics().total_reads(), 3u);
  EXPECT_EQ(dram.statistics().total_writes(), 1u);
  EXPECT_EQ(dram.statistics().row_hits + dram.statistics().row_misses, 0u);
  const auto flat = initiator.port.flat_latency();
  ASSERT_TRUE(flat.has_value());
  EXPECT_EQ(flat->read, Cycles(100));
  EXPECT_EQ(flat->write, Cycles(100));
}

// 4 banks, rows of 1 KB: block = address / 1024, bank = block mod 4, row = block / 4.
TEST_F(DramBench, OpenRowsAndBusyBanks) {
  Dram dram("dram",
            {.timing = DramTiming::banks,
             .banks = 4,
             .row = 1024,
             .row_hit_cycles = 40,
             .row_miss_cycles = 80,
             .row_conflict_cycles = 120},
            clock, memory);
  initiator.port.socket().bind(dram.socket());
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  expect_times(initiator.port, {
                                   {0, kRead, 0x0000, 64, 80},      // bank 0, no row open: 0 + 80
                                   {100, kRead, 0x0040, 64, 140},   // bank 0, row 0 open: 100 + 40
                                   {140, kRead, 0x0400, 64, 220},   // bank 1, no row open: 140 + 80
                                   {140, kRead, 0x1000, 64, 260},   // bank 0, row 1: 140 + 120
                                   {150, kRead, 0x1040, 64, 300},   // bank 0 busy until 260: 260 + 40
                                   {150, kWrite, 0x0440, 64, 260},  // bank 1 busy until 220: 220 + 40
                                   // two pieces: bank 0 row 0 1000 + 120, then bank 1 row 0 1120 + 40
                                   {1000, kRead, 0x03C0, 128, 1160},
                               });
  EXPECT_EQ(dram.statistics().row_hits, 4u);
  EXPECT_EQ(dram.statistics().row_misses, 4u);
  EXPECT_EQ(dram.statistics().row_conflicts, 2u);
  EXPECT_EQ(dram.statistics().total_reads(), 7u);
  EXPECT_EQ(dram.statistics().total_writes(), 1u);
  EXPECT_FALSE(initiator.port.flat_latency().has_value());
}

TEST_F(DramBench, CountsByRequester) {
  Dram dram("dram", {}, clock, memory);
  initiator.port.socket().bind(dram.socket());
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  for (size_t r = 0; r < kRequesters; ++r) {
    for (size_t n = 0; n <= r; ++n) {
      initiator.port.access(PhysAddr(0), 8, false, static_cast<Requester>(r), Cycles(0));
    }
  }
  for (size_t r = 0; r < kRequesters; ++r) EXPECT_EQ(reads(dram, static_cast<Requester>(r)), r + 1);
  dram.count_bulk(Requester::fetch, 10, 3);
  EXPECT_EQ(reads(dram, Requester::fetch), 11u);
  EXPECT_EQ(dram.statistics().writes[static_cast<size_t>(Requester::fetch)], 3u);
}

TEST_F(DramBench, AnAddressOutsideMemoryIsAnError) {
  Dram dram("dram", {}, clock, memory);
  initiator.port.socket().bind(dram.socket());
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  EXPECT_THROW(initiator.port.access(PhysAddr(memory.size() - 4), 8, false, Requester::data, Cycles(0)),
               sc_core::sc_report);
}

// Another's initiator has no requester tag: its bytes move.
TEST_F(DramBench, ForeignInitiatorsReadAndWriteBytes) {
  struct Foreign : sc_core::sc_module {
    explicit Foreign(sc_core::sc_module_name name) : sc_module(name) {}
    tlm_utils::simple_initiator_socket<Foreign> socket{"socket"};
    void transfer(bool write, uint64_t address, uint32_t& word) {
      tlm::tlm_generic_payload payload;
      payload.set_command(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
      payload.set_address(address);
      payload.set_data_ptr(reinterpret_cast<unsigned char*>(&word));
      payload.set_data_length(4);
      payload.set_streaming_width(4);
      sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
      socket->b_transport(payload, delay);
      ASSERT_EQ(payload.get_response_status(), tlm::TLM_OK_RESPONSE);
    }
  };
  Dram dram("dram", {}, clock, memory);
  Foreign foreign("foreign");
  foreign.socket.bind(dram.socket());
  initiator.port.socket().bind(dram.socket());
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  uint32_t word = 0x12345678;
  foreign.transfer(true, 0x100, word);
  EXPECT_EQ(memory.load<uint32_t>(PhysAddr(0x100)), 0x12345678u);
  initiator.port.access(PhysAddr(0x100), 4, true, Requester::data, Cycles(0));  // a port moves none
  word = 0;
  foreign.transfer(false, 0x100, word);
  EXPECT_EQ(word, 0x12345678u);
  EXPECT_EQ(reads(dram, Requester::data), 1u);
}

// 8 bytes a cycle, 5 cycles of latency, a target of 100.
TEST_F(DramBench, BusOccupancy) {
  Bus bus("bus", {.cycles = 5, .bytes_per_cycle = 8}, clock);
  NotingTarget target("target", clock, 100);
  initiator.port.socket().bind(bus.upper());
  bus.lower().bind(target.socket);
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  expect_times(initiator.port, {{0, kRead, 0, 64, 113},      // 0 + 8 + 5 + 100
                                {0, kRead, 64, 64, 121},     // bus busy until 8: 8 + 8 + 5 + 100
                                {4, kWrite, 128, 8, 122},    // until 16: 16 + 1 + 5 + 100
                                {4, kRead, 0, 9, 124},       // until 17, 9 bytes take 2: 17 + 2 + 5 + 100
                                {200, kRead, 0, 64, 313}});  // idle again: 200 + 8 + 5 + 100
  EXPECT_FALSE(initiator.port.flat_latency().has_value());
}

TEST_F(DramBench, ABusWithoutALimitPassesTheGrantOn) {
  Bus bus("bus", {.cycles = 5}, clock);
  Dram dram("dram", {.flat_cycles = 100}, clock, memory);
  initiator.port.socket().bind(bus.upper());
  bus.lower().bind(dram.socket());
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  expect_times(initiator.port, {{0, kRead, 0, 64, 105}, {0, kRead, 64, 64, 105}});
  ASSERT_TRUE(initiator.port.flat_latency().has_value());
  EXPECT_EQ(initiator.port.flat_latency()->read, Cycles(105));
}

TEST_F(DramBench, TimesAreWholeCyclesOfAnyClock) {
  const Clock odd(3200);  // 312500 fs
  TestInitiator fast("fast", odd);
  Dram dram("dram", {.flat_cycles = 7}, odd, memory);
  fast.port.socket().bind(dram.socket());
  initiator.port.socket().bind(dram.socket());
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  EXPECT_EQ(fast.port.access(PhysAddr(0), 8, false, Requester::data, Cycles(123456789)).value, 123456796u);
  // 7 x 312500 fs are 2.1875 cycles of 1 ns: rounded up.
  EXPECT_EQ(initiator.port.access(PhysAddr(0), 8, false, Requester::data, Cycles(10)).value, 13u);
}

TEST_F(DramBench, ThePastIsRefused) {
  Dram dram("dram", {}, clock, memory);
  initiator.port.socket().bind(dram.socket());
  sc_core::sc_start(sc_core::sc_time::from_value(1'000'000'000));  // 1 us: 1000 cycles
  EXPECT_THROW(initiator.port.access(PhysAddr(0), 8, false, Requester::data, Cycles(999)), sc_core::sc_report);
  EXPECT_EQ(initiator.port.access(PhysAddr(0), 8, false, Requester::data, Cycles(1000)).value, 1100u);
}

// A user's DRAM may compute in doubles: neither its flags nor the guest's
// rounding may cross the port.
TEST_F(DramBench, FloatingPointStateDoesNotCrossThePort) {
  struct Inexact : NotingTarget {
    using NotingTarget::NotingTarget;
    volatile double one = 1.0;
    volatile double tiny = 1e-30;
    volatile double zero = 0.0;
    double sum = 0;
    void b_transport(int id, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) override {
      sum = one + tiny;  // inexact; rounded upwards it would be more than 1
      one = one / (zero + one);
      zero = 1.0 / (one / zero);  // divides by zero
      NotingTarget::b_transport(id, payload, delay);
    }
  };
  Inexact target("target", clock, 10);
  initiator.port.socket().bind(target.socket);
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  std::feclearexcept(FE_ALL_EXCEPT);
  std::fesetround(FE_UPWARD);
  initiator.port.access(PhysAddr(0), 8, false, Requester::data, Cycles(0));
  EXPECT_EQ(std::fegetround(), FE_UPWARD);
  EXPECT_EQ(std::fetestexcept(FE_ALL_EXCEPT), 0);
  std::fesetround(FE_TONEAREST);
  EXPECT_EQ(target.sum, 1.0);
}

}  // namespace
}  // namespace faultline::hw
