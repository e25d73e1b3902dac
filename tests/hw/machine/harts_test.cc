// Several harts in one machine: what each has of its own, and whose turn it is.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "hw/machine/machine.h"
#include "hw/memory/occupancy.h"

namespace faultline::hw {
namespace {

struct Zeros : BlockStorage {
  bool read(uint64_t, std::span<uint8_t> bytes) override {
    std::fill(bytes.begin(), bytes.end(), uint8_t{0});
    return true;
  }
  bool write(uint64_t, std::span<const uint8_t>) override { return true; }
};

struct HartsTest : testing::Test {
  MachineConfig config;
  Zeros storage;
  std::vector<std::string> log;

  HartsTest() {
    config.dram.size = 16 << 20;
    config.hart.count = 2;
  }
  // The OS on each hart; simulation ends when nothing is left to do.
  void run(Machine& machine, const std::vector<std::function<void(Hart&)>>& bodies) {
    for (size_t n = 0; n < bodies.size(); ++n) {
      machine.hart(n).on_start([&machine, n, body = bodies[n]] { body(machine.hart(n)); });
    }
    sc_core::sc_start();
  }
  void note(const char* what, Hart& hart) { log.push_back(std::string(what) + " " + std::to_string(hart.now().value)); }
  static void spend(Hart& hart, uint64_t cycles) { hart.spend(CycleAccount::syscall, Cycles(cycles)); }
};

TEST_F(HartsTest, HaveFirstLevelsOfTheirOwnAndShareTheSecond) {
  config.cache.enabled = true;
  Machine machine(config, storage);
  std::vector<uint64_t> took;
  const auto access = [&](Hart& hart) {
    took.push_back(hart.kernel_access(CycleAccount::syscall, PhysAddr(0x1000), 8, false).value);
  };
  run(machine, {[&](Hart& hart) { access(hart); },
                [&](Hart& hart) {
                  access(hart);
                  access(hart);
                }});
  // L2 takes 10 cycles, DRAM 100, L1D none.
  EXPECT_EQ(took, (std::vector<uint64_t>{110, 10, 0}));
  EXPECT_EQ(machine.l1d(0)->statistics().misses, 1u);
  EXPECT_EQ(machine.l1d(1)->statistics().misses, 1u);
  EXPECT_EQ(machine.l2()->statistics().accesses, 2u);
  EXPECT_EQ(machine.caches(1).size(), 2u) << "what is shared counts once";
}

TEST_F(HartsTest, MeetInTheOrderOfTime) {
  Machine machine(config, storage);
  run(machine, {[&](Hart& hart) {
                  hart.idle(Cycles(1));  // both are awake from here on
                  spend(hart, 5000);
                  hart.meet();
                  note("first", hart);
                },
                [&](Hart& hart) {
                  hart.idle(Cycles(1));
                  spend(hart, 700);
                  hart.meet();
                  note("second", hart);
                  spend(hart, 6000);
                  hart.meet();
                  note("second", hart);
                }});
  EXPECT_EQ(log, (std::vector<std::string>{"second 701", "first 5001", "second 6701"}));
}

TEST_F(HartsTest, OneWakesTheOther) {
  Machine machine(config, storage);
  run(machine, {[&](Hart& hart) {
                  hart.synchronise();
                  spend(hart, 400);
                  hart.synchronise();
                  machine.hart(1).wake();
                  note("wakes", hart);
                },
                [&](Hart& hart) {
                  EXPECT_TRUE(hart.idle(Cycles(~uint64_t{0})));
                  EXPECT_TRUE(hart.take_interrupt());
                  note("woken", hart);
                  EXPECT_EQ(hart.ledger()[CycleAccount::idle], 400u);
                }});
  EXPECT_EQ(log, (std::vector<std::string>{"wakes 400", "woken 400"}));
}

TEST_F(HartsTest, WhatOthersBookWhileItSleepsIsNoIdleTime) {
  Machine machine(config, storage);
  run(machine, {[&](Hart& hart) {
                  spend(hart, 100);
                  hart.synchronise();
                  machine.hart(1).spend(CycleAccount::interrupt, Cycles(30));
                },
                [&](Hart& hart) {
                  hart.idle(Cycles(1000));
                  EXPECT_EQ(hart.now(), Cycles(1000));
                  EXPECT_EQ(hart.ledger()[CycleAccount::idle], 970u);
                  EXPECT_EQ(hart.ledger()[CycleAccount::interrupt], 30u);
                }});
}

TEST_F(HartsTest, ARequestAheadOfTimeReachesTheDiskAtItsMoment) {
  config.disk.kind = DiskKind::ssd;
  Machine machine(config, storage);
  const auto request = [&](const char* name) {
    return DiskRequest{.sector = 0, .frames = {Pfn(1)}, .write = false, .done = [this, name](bool) {
                         log.push_back(name);
                         log.push_back(std::to_string(sc_core::sc_time_stamp().value() / 1'000'000'000));  // us
                       }};
  };
  run(machine, {[&](Hart& hart) {
                  machine.disk().submit_at(machine.clock().time(Cycles(50'000)).value(), request("later"));
                  machine.disk().submit_at(machine.clock().time(Cycles(10'000)).value(), request("sooner"));
                  EXPECT_EQ(machine.disk().queued(), 2u);
                  hart.idle(Cycles(1'000'000));
                },
                [](Hart&) {}});
  // 80 us and 4096 bytes at 3000 a us, after 10 and 50 us.
  EXPECT_EQ(log, (std::vector<std::string>{"sooner", "91", "later", "131"}));
}

TEST(OccupancyTest, InOrderAllWait) {
  Occupancy one;
  EXPECT_EQ(one.take(100, 10, true), 110u);
  EXPECT_EQ(one.take(50, 10, true), 120u);
  EXPECT_EQ(one.take(200, 10, true), 210u);
}

TEST(OccupancyTest, WhoIsBehindDoesNotWaitForWhoIsAhead) {
  Occupancy one;
  EXPECT_EQ(one.take(100, 10, false), 110u);
  EXPECT_EQ(one.take(50, 10, false), 60u);
  EXPECT_EQ(one.take(105, 10, false), 120u) << "in the order of time it waits";
}

}  // namespace
}  // namespace faultline::hw
