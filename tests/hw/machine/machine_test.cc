// The machine as built and bound: which way accesses go, whatever is on or
// off. Times are in cycles.
#include "hw/machine/machine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "tests/hw/memory/bench.h"
#include "tests/hw/mmu/page_table_builder.h"

namespace faultline::hw {
namespace {

// A disk full of its sectors' numbers.
struct Numbers : BlockStorage {
  bool read(uint64_t sector, std::span<uint8_t> bytes) override {
    std::fill(bytes.begin(), bytes.end(), static_cast<uint8_t>(sector));
    return true;
  }
  bool write(uint64_t, std::span<const uint8_t>) override { return true; }
};

MachineConfig small() {
  MachineConfig config;
  config.dram.size = 16 << 20;
  config.paging_format = "sv39";
  return config;
}

// Runs `body` as the OS would, on the hart's thread, from time 0 to its end.
void run(Machine& machine, const std::function<void()>& body) {
  machine.hart().on_start([&] {
    body();
    sc_core::sc_stop();
  });
  sc_core::sc_start();
}

Cycles kernel_access(Machine& machine, uint64_t address, bool write) {
  return machine.hart().kernel_access(CycleAccount::syscall, PhysAddr(address), 8, write);
}

uint64_t reads(const Machine& machine, Requester requester) {
  return machine.dram()->statistics().reads[static_cast<size_t>(requester)];
}

TEST(MachineTest, TextbookGoesStraightToMemory) {
  Numbers storage;
  Machine machine(small(), storage);
  run(machine, [&] {
    EXPECT_EQ(kernel_access(machine, 0x1000, false), Cycles(100));
    EXPECT_EQ(kernel_access(machine, 0x1000, true), Cycles(100));
  });
  EXPECT_EQ(reads(machine, Requester::kernel), 1u);
  EXPECT_TRUE(machine.caches().empty());
}

// L1D 1, L2 10, L3 35 cycles a look-up, DRAM 100.
TEST(MachineTest, ThreeLevelsOfCache) {
  MachineConfig config = small();
  config.cache.enabled = true;
  config.cache.l1d.hit_cycles = 1;
  config.cache.l3.enabled = true;
  Numbers storage;
  Machine machine(config, storage);
  run(machine, [&] {
    EXPECT_EQ(kernel_access(machine, 0x1000, false), Cycles(146));  // 1 + 10 + 35 + 100
    EXPECT_EQ(kernel_access(machine, 0x1008, false), Cycles(1));
  });
  EXPECT_EQ(machine.caches().size(), 4u);
  EXPECT_EQ(machine.l3()->statistics().misses, 1u);
  EXPECT_EQ(machine.l1i()->statistics().accesses, 0u);
}

struct Entry {
  WalkerEntry entry;
  bool caches;
  uint64_t first;   // a walk of 3 reads and 1 write, nothing cached
  uint64_t second;  // of a neighbour: the same three lines
};

struct WalkerPlace : testing::TestWithParam<Entry> {};

TEST_P(WalkerPlace, TakesTheTimeOfItsEntry) {
  MachineConfig config = small();
  config.walker.entry = GetParam().entry;
  config.cache.enabled = GetParam().caches;
  config.cache.l1d.hit_cycles = 1;
  Numbers storage;
  Machine machine(config, storage);
  PageTableBuilder tables(machine.format(), machine.memory(), Pfn(512));
  tables.map(VirtAddr(0x1000), Pfn(1), kUserRw);
  tables.map(VirtAddr(0x2000), Pfn(2), kUserRw);
  run(machine, [&] {
    machine.mmu().set_address_space(tables.root(), 1);
    CycleLedger ledger;
    Cycles now(0);
    machine.mmu().translate(VirtAddr(0x1000), Access::load, now, ledger);
    EXPECT_EQ(now.value, GetParam().first);
    machine.mmu().translate(VirtAddr(0x2000), Access::load, now, ledger);
    EXPECT_EQ(now.value, GetParam().first + GetParam().second);
  });
}

INSTANTIATE_TEST_SUITE_P(Entries, WalkerPlace,
                         testing::Values(Entry{WalkerEntry::memory, true, 400, 400},
                                         Entry{WalkerEntry::l2, true, 340, 40},  // 3 x 110 + 10; 4 x 10
                                         Entry{WalkerEntry::l1d, true, 334, 4},  // 3 x 111 + 1; 4 x 1
                                         Entry{WalkerEntry::l1d, false, 400, 400}));

TEST(MachineTest, DmaChangesMemoryAndDropsTags) {
  MachineConfig config = small();
  config.cache.enabled = true;
  Numbers storage;
  Machine machine(config, storage);
  run(machine, [&] {
    kernel_access(machine, 0x3000, false);
    EXPECT_EQ(kernel_access(machine, 0x3000, false), Cycles(0));
    bool ended = false;
    machine.hart().synchronise();
    machine.disk().submit(
        {.sector = 8, .frames = {Pfn(3)}, .write = false, .done = [&](const hw::TransferOutcome& outcome) {
           ended = outcome.ok();
           machine.hart().wake();
         }});
    while (!ended) machine.hart().idle(Cycles(~uint64_t{0}));
    EXPECT_EQ(machine.memory().load<uint8_t>(PhysAddr(0x3000)), 8);
    EXPECT_GT(kernel_access(machine, 0x3000, false), Cycles(100));
  });
  EXPECT_GT(machine.dram()->statistics().writes[static_cast<size_t>(Requester::dma)], 0u);
}

TEST(MachineTest, AMemoryOfTheUsersOwn) {
  Numbers storage;
  set_time_resolution();
  const Clock clock(1000);
  NotingTarget mine("mine", clock, 33);
  MachineConfig config = small();
  config.bus.cycles = 4;
  Machine machine(config, storage, [&](auto& bus) { bus.bind(mine.socket); });
  EXPECT_EQ(machine.dram(), nullptr);
  run(machine, [&] { EXPECT_EQ(kernel_access(machine, 0x1000, true), Cycles(37)); });
  ASSERT_EQ(mine.seen.size(), 1u);
  EXPECT_EQ(mine.seen[0], (NotingTarget::Seen{4, true, 0x1000, 8, Requester::kernel}));
}

TEST(MachineTest, WhatCannotBeBuiltIsSaidInOneLine) {
  Numbers storage;
  const auto message = [&](const MachineConfig& config) -> std::string {
    try {
      Machine machine(config, storage);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "";
  };
  MachineConfig config = small();
  config.paging_format = "sv40";
  EXPECT_EQ(
      message(config),
      "paging.format: no format \"sv40\"; known are x86-64, la57, sv32, sv39, sv48, sv57, ia32, linear32, custom");
  config = small();
  config.dram.size = 4097;
  EXPECT_NE(message(config).find("dram.size"), std::string::npos);
  config = small();
  config.paging_format = "ia32";
  config.dram.size = (uint64_t{4} << 30) + 4096;
  EXPECT_NE(message(config).find("dram.size"), std::string::npos);
}

}  // namespace
}  // namespace faultline::hw
