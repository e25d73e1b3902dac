// The MMU's rules, each worked out by hand. DRAM takes 100 cycles.
#include "hw/mmu/mmu.h"

#include <gtest/gtest.h>

#include "tests/hw/mmu/mmu_rig.h"

namespace faultline::hw {
namespace {

using Status = Translation::Status;

MachineConfig machine(std::string format = "sv39") {
  MachineConfig config;
  config.paging_format = std::move(format);
  return config;
}

struct Bench : MmuRig {
  explicit Bench(const MachineConfig& machine_config) : MmuRig("rig", machine_config) {
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
    mmu.set_address_space(tables.root(), 1);
  }
  PageTableBuilder tables{format, memory, Pfn(1024)};
  uint64_t walk_cycles() const { return ledger[CycleAccount::walk]; }
};

TEST(MmuTest, AMissWalksAndAHitDoesNot) {
  Bench bench(machine());
  bench.tables.map(VirtAddr(0x5000), Pfn(77), kUserRw);
  EXPECT_EQ(bench.refer(0x5123, Access::load).address, PhysAddr(77 * 4096 + 0x123));
  EXPECT_EQ(bench.now, Cycles(400));  // 3 reads, A written
  EXPECT_EQ(bench.refer(0x5FFF, Access::load).address, PhysAddr(77 * 4096 + 0xFFF));
  EXPECT_EQ(bench.now, Cycles(400));
  const TranslationStatistics& statistics = bench.mmu.statistics();
  EXPECT_EQ(statistics.walks, 1u);
  EXPECT_EQ(statistics.walk_reads, 3u);
  EXPECT_EQ(statistics.walk_writes, 1u);
  EXPECT_EQ(statistics.walk_depth_sum, 3u);
  const TlbStatistics l1d = bench.mmu.l1d(bench.data());
  EXPECT_EQ(l1d.lookups, 2u);
  EXPECT_EQ(l1d.hits, 1u);
  EXPECT_EQ(l1d.misses, 1u);
  EXPECT_EQ(bench.mmu.l1i(bench.fetches()).lookups, 0u);
  EXPECT_EQ(bench.walk_cycles(), 400u);
}

TEST(MmuTest, AStoreToACleanEntryIsAHitAndADirtyWalk) {
  Bench bench(machine());
  bench.tables.map(VirtAddr(0x5000), Pfn(77), kUserRw);
  bench.refer(0x5000, Access::load);
  EXPECT_EQ(bench.refer(0x5008, Access::store).status, Status::ok);
  EXPECT_EQ(bench.now, Cycles(800));  // each walk: 3 reads, 1 write
  EXPECT_EQ(bench.refer(0x5010, Access::store).status, Status::ok);
  EXPECT_EQ(bench.now, Cycles(800));
  const TranslationStatistics& statistics = bench.mmu.statistics();
  EXPECT_EQ(statistics.walks, 2u);
  EXPECT_EQ(statistics.dirty_walks, 1u);
  EXPECT_EQ(statistics.walk_reads, 6u);
  EXPECT_EQ(statistics.walk_writes, 2u);
  EXPECT_EQ(bench.mmu.l1d(bench.data()).misses, 1u);
}

TEST(MmuTest, AStoreThatMissesSetsBothBitsInItsOwnWalk) {
  Bench bench(machine());
  bench.tables.map(VirtAddr(0x5000), Pfn(77), kUserRw);
  bench.refer(0x5000, Access::store);
  bench.refer(0x5000, Access::store);
  EXPECT_EQ(bench.now, Cycles(400));
  EXPECT_EQ(bench.mmu.statistics().dirty_walks, 0u);
}

TEST(MmuTest, FaultsCountNothingButTheirReads) {
  Bench bench(machine());
  bench.tables.map(VirtAddr(0x5000), Pfn(77), kUserRo);
  EXPECT_EQ(bench.refer(0x6000, Access::load).status, Status::page_fault);   // 3 reads
  EXPECT_EQ(bench.refer(0x5000, Access::store).status, Status::page_fault);  // 3 reads
  bench.refer(0x5000, Access::load);
  EXPECT_EQ(bench.refer(0x5000, Access::store).status, Status::page_fault);            // from the TLB: none
  EXPECT_EQ(bench.refer(uint64_t{1} << 40, Access::load).status, Status::page_fault);  // no such address
  EXPECT_EQ(bench.mmu.statistics().fault_walk_reads, 6u);
  EXPECT_EQ(bench.mmu.statistics().walks, 1u);
  EXPECT_EQ(bench.mmu.statistics().walk_reads, 3u);
  EXPECT_EQ(bench.mmu.l1d(bench.data()).misses, 1u);
  EXPECT_EQ(bench.data(), 1u);
  EXPECT_EQ(bench.walk_cycles(), 1000u);  // (3 + 1 + 6) x 100
}

TEST(MmuTest, ADirtyWalkThatFaultsLeavesTheHitUncounted) {
  Bench bench(machine());
  bench.tables.map(VirtAddr(0x5000), Pfn(77), kUserRw);
  bench.refer(0x5000, Access::load);
  bench.tables.map(VirtAddr(0x5000), Pfn(77), kUserRo);  // and nobody flushed
  EXPECT_EQ(bench.refer(0x5000, Access::store).status, Status::page_fault);
  EXPECT_EQ(bench.mmu.statistics().dirty_walks, 0u);
  EXPECT_EQ(bench.mmu.statistics().walks, 1u);
  EXPECT_EQ(bench.mmu.statistics().fault_walk_reads, 3u);
}

TEST(MmuTest, AnEntryChangedInMemoryIsSeenAfterAFlush) {
  Bench bench(machine());
  bench.tables.map(VirtAddr(0x5000), Pfn(77), kUserRw);
  bench.refer(0x5000, Access::load);
  bench.tables.map(VirtAddr(0x5000), Pfn(78), kUserRw);
  EXPECT_EQ(bench.refer(0x5000, Access::load).address, PhysAddr(77 * 4096));
  bench.mmu.flush_page(1, VirtAddr(0x5000));
  EXPECT_EQ(bench.refer(0x5000, Access::load).address, PhysAddr(78 * 4096));
  bench.tables.write(bench.tables.entry(VirtAddr(0x5000), 0), 0);
  EXPECT_EQ(bench.refer(0x5000, Access::load).status, Status::ok);
  bench.mmu.flush_all();
  EXPECT_EQ(bench.refer(0x5000, Access::load).status, Status::page_fault);
  EXPECT_EQ(bench.mmu.l1d(bench.data()).flushes, 3u);  // with that of set_address_space
}

// L1: 1 entry; L2: 4 entries, 7 cycles a hit.
TEST(MmuTest, TheSecondLevelServesBothSides) {
  MachineConfig config = machine();
  config.tlb.l1i = {.sets = 1, .ways = 1};
  config.tlb.l1d = {.sets = 1, .ways = 1};
  config.tlb.l2 = {.enabled = true, .sets = 1, .ways = 4, .hit_cycles = 7};
  Bench bench(config);
  bench.tables.map(VirtAddr(0x1000), Pfn(71), kUserRw);
  bench.tables.map(VirtAddr(0x2000), Pfn(72), kUserRw);
  bench.refer(0x1000, Access::load);  // walk: 400
  bench.refer(0x2000, Access::load);  // walk: 400, evicts 1 from the first level
  EXPECT_EQ(bench.now, Cycles(800));
  bench.refer(0x1000, Access::fetch);  // from the second level: 7
  bench.refer(0x1000, Access::load);   // 7
  EXPECT_EQ(bench.now, Cycles(814));
  bench.refer(0x2000, Access::store);  // hit there, not dirty: 7, then a dirty walk of 4
  EXPECT_EQ(bench.now, Cycles(1221));
  bench.refer(0x1000, Access::load);   // 7
  bench.refer(0x2000, Access::store);  // 7: dirty in the second level too
  EXPECT_EQ(bench.now, Cycles(1235));
  EXPECT_EQ(bench.ledger[CycleAccount::tlb], 35u);
  EXPECT_EQ(bench.walk_cycles(), 1200u);
  const TlbStatistics l2 = bench.mmu.l2();
  EXPECT_EQ(l2.lookups, 7u);
  EXPECT_EQ(l2.hits, 5u);
  EXPECT_EQ(l2.misses, 2u);
  EXPECT_EQ(bench.mmu.l1d(bench.data()).misses, 6u);
  EXPECT_EQ(bench.mmu.l1d(bench.data()).evictions, 5u);
  EXPECT_EQ(bench.mmu.l1i(bench.fetches()).misses, 1u);
  EXPECT_EQ(bench.mmu.statistics().walks, l2.misses + bench.mmu.statistics().dirty_walks);
}

TEST(MmuTest, ADirtyWalkAfterAFirstLevelHitMarksBothLevels) {
  MachineConfig config = machine();
  config.tlb.l1d = {.sets = 1, .ways = 1};
  config.tlb.l2 = {.enabled = true, .sets = 1, .ways = 4};
  Bench bench(config);
  bench.tables.map(VirtAddr(0x1000), Pfn(71), kUserRw);
  bench.tables.map(VirtAddr(0x2000), Pfn(72), kUserRw);
  bench.refer(0x1000, Access::load);
  bench.refer(0x1000, Access::store);
  bench.refer(0x2000, Access::load);
  bench.refer(0x1000, Access::store);
  EXPECT_EQ(bench.mmu.statistics().dirty_walks, 1u);
}

struct WalkPenalty : testing::TestWithParam<std::pair<const char*, unsigned>> {};

// With no TLB every reference costs its walk, and a store sets its bit in it.
TEST_P(WalkPenalty, WithoutATlb) {
  MachineConfig config = machine(GetParam().first);
  config.tlb.enabled = false;
  Bench bench(config);
  for (uint64_t page = 0; page < 64; ++page) bench.tables.map(VirtAddr(page << 12), Pfn(64 + page), kUserRw);
  for (uint64_t n = 0; n < 1000; ++n) {
    const uint64_t va = n * 977 % (64 << 12);
    ASSERT_EQ(bench.refer(va, static_cast<Access>(n % 3)).address, PhysAddr((64 << 12) + va));
  }
  const TranslationStatistics& statistics = bench.mmu.statistics();
  EXPECT_EQ(statistics.walks, 1000u);
  EXPECT_EQ(statistics.walk_reads, 1000u * GetParam().second);
  EXPECT_EQ(statistics.dirty_walks, 0u);
  EXPECT_EQ(bench.filtered, 0u);
  EXPECT_EQ(bench.dram.statistics().reads[static_cast<size_t>(Requester::walker)], statistics.walk_reads);
  EXPECT_EQ(bench.dram.statistics().writes[static_cast<size_t>(Requester::walker)], statistics.walk_writes);
  EXPECT_EQ(bench.now.value, (statistics.walk_reads + statistics.walk_writes) * 100);
  EXPECT_EQ(bench.mmu.l1d(bench.data()).lookups, 0u);
}

INSTANTIATE_TEST_SUITE_P(Formats, WalkPenalty,
                         testing::Values(std::pair{"linear32", 1u}, std::pair{"ia32", 2u}, std::pair{"sv39", 3u},
                                         std::pair{"sv48", 4u}, std::pair{"x86-64", 4u}));

TEST(MmuTest, KernelAccessesAreCountedApart) {
  Bench bench(machine());
  const uint64_t kernel = bench.format.kernel_begin().value;
  bench.tables.map(VirtAddr(kernel), Pfn(77), kKernelRw);
  EXPECT_EQ(bench.refer(kernel, Access::load).status, Status::page_fault);
  EXPECT_EQ(bench.mmu.translate_kernel(VirtAddr(kernel + 8), true, bench.now).address, PhysAddr(77 * 4096 + 8));
  EXPECT_EQ(bench.mmu.translate_kernel(VirtAddr(kernel), false, bench.now).status, Status::ok);
  EXPECT_EQ(bench.refer(kernel, Access::load).status, Status::page_fault);  // held, but closed
  EXPECT_EQ(bench.mmu.statistics().walks, 0u);
  const KernelTranslationStatistics statistics = bench.mmu.kernel();
  EXPECT_EQ(statistics.translation.walks, 1u);
  EXPECT_EQ(statistics.l1d.lookups, 2u);
  EXPECT_EQ(statistics.l1d.hits, 1u);
}

TEST(MmuTest, AddressSpacesWithAndWithoutIdentifiers) {
  MachineConfig plain = machine();
  MachineConfig tagged = machine();
  tagged.tlb.asids = true;
  MmuRig a("plain", plain);
  MmuRig b("tagged", tagged);
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  for (MmuRig* rig : {&a, &b}) {
    PageTableBuilder one(rig->format, rig->memory, Pfn(1024));
    PageTableBuilder two(rig->format, rig->memory, Pfn(2048));
    one.map(VirtAddr(0x1000), Pfn(71), kUserRw);
    two.map(VirtAddr(0x1000), Pfn(72), kUserRw);
    for (int turn = 0; turn < 3; ++turn) {
      rig->mmu.set_address_space(one.root(), 1);
      EXPECT_EQ(rig->refer(0x1000, Access::load).address, PhysAddr(71 * 4096));
      rig->mmu.set_address_space(two.root(), 2);
      EXPECT_EQ(rig->refer(0x1000, Access::load).address, PhysAddr(72 * 4096));
    }
  }
  EXPECT_EQ(a.mmu.statistics().walks, 6u);
  EXPECT_EQ(a.mmu.l1d(6).flushes, 6u);
  EXPECT_EQ(b.mmu.statistics().walks, 2u);
  EXPECT_EQ(b.mmu.l1d(6).flushes, 0u);
}

// Twice the latency: other cycles, the same counts.
TEST(MmuTest, ASlowerDramChangesNoCount) {
  MachineConfig slow = machine("x86-64");
  slow.dram.flat_cycles = 200;
  MmuRig a("quick", machine("x86-64"));
  MmuRig b("slow", slow);
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  for (MmuRig* rig : {&a, &b}) {
    PageTableBuilder tables(rig->format, rig->memory, Pfn(1024));
    for (uint64_t page = 0; page < 200; ++page) tables.map(VirtAddr(page << 12), Pfn(page), kUserRw);
    rig->mmu.set_address_space(tables.root(), 1);
    for (uint64_t n = 0; n < 2000; ++n) rig->refer((n * n * 31 % 200) << 12, static_cast<Access>(n % 3));
  }
  EXPECT_EQ(b.now.value, 2 * a.now.value);
  EXPECT_EQ(a.mmu.statistics().walks, b.mmu.statistics().walks);
  EXPECT_EQ(a.mmu.statistics().walk_reads, b.mmu.statistics().walk_reads);
  EXPECT_EQ(a.mmu.statistics().walk_writes, b.mmu.statistics().walk_writes);
  EXPECT_EQ(a.dram.statistics().reads, b.dram.statistics().reads);
  EXPECT_EQ(a.mmu.l1d(a.data()).misses, b.mmu.l1d(b.data()).misses);
}

TEST(MmuTest, CodeKeepsStoresOutOfTheFilter) {
  Bench bench(machine());
  bench.tables.map(VirtAddr(0x5000), Pfn(77), kUserRw);
  bench.refer(0x5000, Access::store);
  EXPECT_NE(bench.mmu.filter(Access::store).find(0x5000, Access::store), nullptr);
  bench.memory.mark_code(Pfn(77));
  bench.mmu.drop_store_filter(Pfn(77));
  EXPECT_EQ(bench.mmu.filter(Access::store).find(0x5000, Access::store), nullptr);
  EXPECT_NE(bench.mmu.filter(Access::load).find(0x5000, Access::load), nullptr);
  bench.refer(0x5000, Access::store);
  EXPECT_EQ(bench.mmu.filter(Access::store).find(0x5000, Access::store), nullptr);
}

}  // namespace
}  // namespace faultline::hw
