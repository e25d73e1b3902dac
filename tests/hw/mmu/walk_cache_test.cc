// Page-walk caches: what walks read with them, worked out by hand, and that a
// table changed in memory is seen after a flush of its address alone.
#include "hw/mmu/walk_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <list>
#include <map>
#include <random>

#include "tests/hw/mmu/mmu_rig.h"

namespace faultline::hw {
namespace {

using Status = Translation::Status;

constexpr uint64_t kGb = uint64_t{1} << 30;
constexpr uint64_t kMb = uint64_t{1} << 20;

MachineConfig machine(const std::string& format) {
  MachineConfig config;
  config.paging_format = format;
  config.tlb.enabled = false;
  config.walker.caches = true;
  return config;
}

struct Bench : MmuRig {
  explicit Bench(const MachineConfig& machine_config) : MmuRig("rig", machine_config) {
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
    mmu.set_address_space(tables.root(), 1);
  }
  // Reads of the walk for one reference.
  uint64_t reads(uint64_t va, Access access = Access::load) {
    const uint64_t before = walker.statistics().reads;
    status = refer(va, access).status;
    return walker.statistics().reads - before;
  }

  PageTableBuilder tables{format, memory, Pfn(1024)};
  Status status = Status::ok;
};

// x86-64: 4 reads; then the level that the walks have in common decides.
TEST(WalkCacheTest, SkipsWhatTheLongestPrefixKnows) {
  Bench bench(machine("x86-64"));
  for (const uint64_t va : {uint64_t{0x1000}, uint64_t{0x2000}, 2 * kMb, kGb, 512 * kGb}) {
    bench.tables.map(VirtAddr(va), Pfn(77), kUserRw);
  }
  EXPECT_EQ(bench.reads(0x1000), 4u);     // nothing is known
  EXPECT_EQ(bench.reads(0x1000), 1u);     // the table of the last level
  EXPECT_EQ(bench.reads(0x2000), 1u);     // the same table
  EXPECT_EQ(bench.reads(2 * kMb), 2u);    // the page directory
  EXPECT_EQ(bench.reads(kGb), 3u);        // what the root points at
  EXPECT_EQ(bench.reads(512 * kGb), 4u);  // another entry of the root
  EXPECT_EQ(bench.reads(2 * kMb), 1u);
  const TranslationStatistics& statistics = bench.mmu.statistics();
  EXPECT_EQ(statistics.walks, 7u);
  EXPECT_EQ(statistics.walk_reads, 16u);
  EXPECT_EQ(statistics.walk_depth_sum, 16u);
  EXPECT_EQ(statistics.walk_reads_skipped, 12u);
  const WalkCacheStatistics l1 = bench.mmu.walk_cache(1);
  EXPECT_EQ(l1.lookups, 7u);
  EXPECT_EQ(l1.hits, 3u);
  EXPECT_EQ(l1.misses, 4u);
  EXPECT_EQ(bench.mmu.walk_cache(2).lookups, 4u);
  EXPECT_EQ(bench.mmu.walk_cache(2).hits, 1u);
  EXPECT_EQ(bench.mmu.walk_cache(3).lookups, 3u);
  EXPECT_EQ(bench.mmu.walk_cache(3).hits, 1u);
  EXPECT_EQ(bench.mmu.walk_cache(4).lookups, 0u);
  EXPECT_EQ(bench.dram.statistics().reads[static_cast<size_t>(Requester::walker)], 16u);
}

// A look-up takes its cycles before the first read, hit or miss.
TEST(WalkCacheTest, TakesItsTime) {
  MachineConfig config = machine("sv39");
  config.walker.cache.cycles = 3;
  Bench bench(config);
  bench.tables.map(VirtAddr(0x1000), Pfn(77), kUserRw);
  bench.refer(0x1000, Access::load);
  EXPECT_EQ(bench.now, Cycles(403));  // 3 reads, A written
  bench.refer(0x1000, Access::load);
  EXPECT_EQ(bench.now, Cycles(506));
  EXPECT_EQ(bench.ledger[CycleAccount::walk], 506u);
}

TEST(WalkCacheTest, OneLevelHasNothingToKeep) {
  Bench bench(machine("linear32"));
  bench.tables.map(VirtAddr(0x1000), Pfn(77), kUserRw);
  EXPECT_EQ(bench.reads(0x1000), 1u);
  EXPECT_EQ(bench.reads(0x1000), 1u);
  EXPECT_FALSE(bench.walker.caches().any());
}

// Referenced bits of the tables are set before the entry is kept, once.
TEST(WalkCacheTest, TablesAreReferencedAlready) {
  Bench bench(machine("x86-64"));
  bench.tables.map(VirtAddr(0x1000), Pfn(77), kUserRw);
  bench.tables.map(VirtAddr(0x2000), Pfn(78), kUserRw);
  bench.refer(0x1000, Access::load);
  EXPECT_EQ(bench.mmu.statistics().walk_writes, 4u);
  bench.refer(0x2000, Access::store);
  EXPECT_EQ(bench.mmu.statistics().walk_writes, 5u);  // the leaf alone
  for (unsigned level = 1; level < 4; ++level) {
    EXPECT_NE(bench.tables.read(bench.tables.entry(VirtAddr(0x1000), level)) & bench.format.referenced_bit(), 0u);
  }
}

// What upper levels forbid stays forbidden when they are not read.
TEST(WalkCacheTest, KeepsTheSayOfTheLevelsAbove) {
  Bench bench(machine("x86-64"));
  bench.tables.map(VirtAddr(0x1000), Pfn(77), kUserRw);
  bench.tables.map(VirtAddr(0x2000), Pfn(78), kUserRw);
  const PhysAddr root = bench.tables.entry(VirtAddr(0), 3);
  const PhysAddr directory = bench.tables.entry(VirtAddr(0), 1);
  bench.tables.write(root, bench.tables.read(root) & ~bench.format.writable_bit());
  bench.tables.write(directory, bench.tables.read(directory) | uint64_t{1} << 63);  // no execute
  EXPECT_EQ(bench.reads(0x1000), 4u);
  EXPECT_EQ(bench.reads(0x2000), 1u);
  EXPECT_EQ(bench.reads(0x2000, Access::store), 1u);
  EXPECT_EQ(bench.status, Status::page_fault);
  EXPECT_EQ(bench.reads(0x2000, Access::fetch), 1u);
  EXPECT_EQ(bench.status, Status::page_fault);
  EXPECT_EQ(bench.mmu.statistics().fault_walk_reads, 2u);
}

// An attempt that faults uses what is there, and leaves nothing.
TEST(WalkCacheTest, FaultsLeaveNothing) {
  Bench bench(machine("sv39"));
  bench.tables.map(VirtAddr(0x1000), Pfn(77), kUserRo);
  bench.tables.map(VirtAddr(kGb), Pfn(77), kUserRw);
  EXPECT_EQ(bench.reads(0x1000, Access::store), 3u);
  EXPECT_EQ(bench.reads(0x1000, Access::store), 3u);
  EXPECT_EQ(bench.reads(0x1000), 3u);
  EXPECT_EQ(bench.reads(0x1000, Access::store), 1u);
  EXPECT_EQ(bench.mmu.statistics().fault_walk_reads, 7u);
  EXPECT_EQ(bench.mmu.walk_cache(1).lookups, 1u);
}

// Level 1 holds one entry here: the other address pushes it out, and level 2 serves.
TEST(WalkCacheTest, HasItsSize) {
  MachineConfig config = machine("sv39");
  config.walker.cache.l1 = {.sets = 1, .ways = 1};
  Bench bench(config);
  bench.tables.map(VirtAddr(0), Pfn(77), kUserRw);
  bench.tables.map(VirtAddr(2 * kMb), Pfn(78), kUserRw);
  EXPECT_EQ(bench.reads(0), 3u);
  EXPECT_EQ(bench.reads(2 * kMb), 2u);
  EXPECT_EQ(bench.reads(0), 2u);
  EXPECT_EQ(bench.reads(0), 1u);
}

TEST(WalkCacheTest, ALevelCanBeMissing) {
  MachineConfig config = machine("sv48");
  config.walker.cache.l1.enabled = false;
  config.walker.cache.l3.enabled = false;
  Bench bench(config);
  bench.tables.map(VirtAddr(0), Pfn(77), kUserRw);
  EXPECT_EQ(bench.reads(0), 4u);
  EXPECT_EQ(bench.reads(0), 2u);
  EXPECT_EQ(bench.mmu.walk_cache(2).lookups, 2u);
  EXPECT_EQ(bench.mmu.walk_cache(1).lookups, 0u);
}

// The table is given back and another takes its place: after the flush of an
// address that it translated, nothing leads to the old one. Without it, the old
// one is used: this is what the caches are.
TEST(WalkCacheTest, AChangedTableIsSeenAfterAFlushOfItsAddress) {
  MmuRig without("without", machine("x86-64"));
  MmuRig with("with", machine("x86-64"));
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  for (MmuRig* rig : {&without, &with}) {
    PageTableBuilder old_tables(rig->format, rig->memory, Pfn(1024));
    PageTableBuilder new_tables(rig->format, rig->memory, Pfn(2048));
    old_tables.map(VirtAddr(0x5000), Pfn(71), kUserRw);
    new_tables.map(VirtAddr(0x5000), Pfn(72), kUserRw);
    rig->mmu.set_address_space(old_tables.root(), 1);
    EXPECT_EQ(rig->refer(0x5000, Access::load).address, PhysAddr(71 * 4096));
    old_tables.write(old_tables.entry(VirtAddr(0x5000), 1), new_tables.read(new_tables.entry(VirtAddr(0x5000), 1)));
    // The first address below the changed entry, as the OS layer names it.
    if (rig == &with) rig->mmu.flush_page(1, VirtAddr(0));
    EXPECT_EQ(rig->refer(0x5000, Access::load).address, PhysAddr((rig == &with ? 72 : 71) * 4096));
  }
}

TEST(WalkCacheTest, FlushesByPageSpaceAndAll) {
  MachineConfig config = machine("sv39");
  config.tlb.asids = true;
  Bench bench(config);
  PageTableBuilder other(bench.format, bench.memory, Pfn(2048));
  for (PageTableBuilder* tables : {&bench.tables, &other}) {
    tables->map(VirtAddr(0), Pfn(71), kUserRw);
    tables->map(VirtAddr(kGb), Pfn(72), kUserRw);
  }
  const auto warm = [&] {
    for (const Asid asid : {Asid{2}, Asid{1}}) {
      bench.mmu.set_address_space(asid == 1 ? bench.tables.root() : other.root(), asid);
      bench.refer(0, Access::load);
      bench.refer(kGb, Access::load);
    }
  };
  warm();
  EXPECT_EQ(bench.reads(0), 1u);
  bench.mmu.flush_page(1, VirtAddr(0x1F'F000));  // shares the prefixes of 0, no page
  EXPECT_EQ(bench.reads(kGb), 1u);
  EXPECT_EQ(bench.reads(0), 3u);
  bench.mmu.flush_page(2, VirtAddr(0));
  EXPECT_EQ(bench.reads(0), 1u);
  bench.mmu.flush_asid(1);
  EXPECT_EQ(bench.reads(0), 3u);
  bench.mmu.set_address_space(other.root(), 2);
  EXPECT_EQ(bench.reads(kGb), 1u);
  EXPECT_EQ(bench.reads(0), 3u);  // flushed above
  bench.mmu.flush_all();
  EXPECT_EQ(bench.reads(kGb), 3u);
  EXPECT_EQ(bench.mmu.walk_cache(1).flushes, 4u);
}

TEST(WalkCacheTest, WithoutIdentifiersASwitchFlushes) {
  Bench bench(machine("sv39"));
  bench.tables.map(VirtAddr(0), Pfn(71), kUserRw);
  EXPECT_EQ(bench.reads(0), 3u);
  EXPECT_EQ(bench.reads(0), 1u);
  bench.mmu.set_address_space(bench.tables.root(), 1);
  EXPECT_EQ(bench.reads(0), 3u);
}

// Random walks with flushes against lists that follow the rules.
class NaiveCaches {
 public:
  explicit NaiveCaches(const WalkerConfig& config) : config_(config) {}

  // Reads of a walk that succeeds, x86-64.
  unsigned walk(uint64_t va) {
    unsigned first = 3;
    for (unsigned level = 1; level <= 3; ++level) {
      if (!use(level, va)) continue;
      first = level - 1;
      break;
    }
    for (unsigned level = first; level >= 1; --level) {
      auto& set = set_of(level, va);
      if (set.size() == config_.cache.level(level).ways) set.pop_back();
      set.push_front(number(level, va));
    }
    return first + 1;
  }
  void flush_page(uint64_t va) {
    for (unsigned level = 1; level <= 3; ++level) set_of(level, va).remove(number(level, va));
  }

 private:
  static uint64_t number(unsigned level, uint64_t va) { return va >> (12 + 9 * level); }
  std::list<uint64_t>& set_of(unsigned level, uint64_t va) {
    return sets_[{level, number(level, va) % config_.cache.level(level).sets}];
  }
  bool use(unsigned level, uint64_t va) {
    auto& set = set_of(level, va);
    const auto at = std::find(set.begin(), set.end(), number(level, va));
    if (at == set.end()) return false;
    set.splice(set.begin(), set, at);
    return true;
  }

  WalkerConfig config_;
  std::map<std::pair<unsigned, uint64_t>, std::list<uint64_t>> sets_;
};

TEST(WalkCacheTest, RandomWalksAgreeWithLists) {
  MachineConfig config = machine("x86-64");
  config.walker.cache.l1 = {.sets = 3, .ways = 5};
  config.walker.cache.l2 = {.sets = 2, .ways = 2};
  config.walker.cache.l3 = {.sets = 1, .ways = 2};
  Bench bench(config);
  NaiveCaches naive(config.walker);
  std::mt19937_64 random(5);
  std::vector<uint64_t> pages;
  for (int n = 0; n < 80; ++n) {
    // Near one another at every level.
    pages.push_back(random() % 3 << 39 | random() % 3 << 30 | random() % 6 << 21 | random() % 8 << 12);
    bench.tables.map(VirtAddr(pages.back()), Pfn(77), kUserRw);
  }
  for (int n = 0; n < 50'000; ++n) {
    const uint64_t page = pages[random() % pages.size()];
    if (random() % 40 == 0) {
      bench.mmu.flush_page(1, VirtAddr(page));
      naive.flush_page(page);
    }
    ASSERT_EQ(bench.reads(page, n % 2 ? Access::store : Access::load), naive.walk(page)) << n;
  }
  const TranslationStatistics& statistics = bench.mmu.statistics();
  EXPECT_EQ(statistics.walk_reads, statistics.walk_depth_sum);
  EXPECT_EQ(statistics.walk_reads + statistics.walk_reads_skipped, 4 * statistics.walks);
}

// Both halves of an access, as a hart makes them.
struct TwoPages {
  uint32_t parallel;
  uint64_t cycles;
};
struct WalksAtOnce : testing::TestWithParam<TwoPages> {
  static MachineConfig walks_at_once() {
    MachineConfig config = machine("sv39");
    config.walker.caches = false;
    config.walker.parallel = GetParam().parallel;
    return config;
  }
  WalksAtOnce() {
    bench.tables.map(VirtAddr(0x1000), Pfn(71), kUserRw);
    bench.tables.map(VirtAddr(0x2000), Pfn(72), kUserRw);
  }
  Bench bench{walks_at_once()};
};

// Sv39, 100 cycles: the first walk reads 3 entries and writes 1, the second
// finds A set in one of its own and reads 3.
TEST_P(WalksAtOnce, CostTheLonger) {
  bench.refer(0x2000, Access::load);
  bench.now = Cycles(5000);
  bench.refer(0x1FFC, Access::load);
  EXPECT_EQ(bench.now, Cycles(5400));
  const WalkTime first = bench.mmu.last_walk();
  EXPECT_EQ(first.began, Cycles(5000));
  EXPECT_EQ(first.ended, Cycles(5400));
  const Translation second = bench.mmu.translate_beside(VirtAddr(0x2000), Access::load, first, bench.now, bench.ledger);
  EXPECT_EQ(second.address, PhysAddr(72 * 4096));
  EXPECT_EQ(bench.now, Cycles(5000 + GetParam().cycles));
  EXPECT_EQ(bench.ledger[CycleAccount::walk], 400 + GetParam().cycles);
  EXPECT_EQ(bench.mmu.statistics().walk_reads, 9u);
}

// And where the second is the longer one.
TEST_P(WalksAtOnce, CostTheLongerSecond) {
  bench.refer(0x1000, Access::load);
  bench.now = Cycles(5000);
  bench.refer(0x1FFC, Access::load);
  bench.mmu.translate_beside(VirtAddr(0x2000), Access::load, bench.mmu.last_walk(), bench.now, bench.ledger);
  EXPECT_EQ(bench.now, Cycles(5000 + GetParam().cycles));
}

INSTANTIATE_TEST_SUITE_P(Parallel, WalksAtOnce, testing::Values(TwoPages{1, 700}, TwoPages{2, 400}, TwoPages{7, 400}));

}  // namespace
}  // namespace faultline::hw
