// The walker, driven alone: real entries in memory, a noting target behind its
// port. Times are in cycles; the target takes 100.
#include <gtest/gtest.h>

#include <random>

#include "hw/memory/cache.h"
#include "hw/memory/dram.h"
#include "hw/mmu/page_table_walker.h"
#include "tests/hw/memory/bench.h"
#include "tests/hw/mmu/page_table_builder.h"

namespace faultline::hw {
namespace {

using Status = Translation::Status;
using Seen = NotingTarget::Seen;

struct WalkerBench : Resolution {
  explicit WalkerBench(const PageTableFormat& f) : format(f) {
    walker.port().socket().bind(target.socket);
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
  }
  explicit WalkerBench(std::string_view name) : WalkerBench(*find_page_table_format(name)) {}

  WalkResult walk(uint64_t va, Access access, Privilege privilege = Privilege::user) {
    return walker.walk({tables.root(), VirtAddr(va), access, privilege}, now);
  }

  const PageTableFormat& format;
  Clock clock{1000};
  BackingStore memory{64 << 20, PageSize{12}};
  NotingTarget target{"target", clock, 100};
  PageTableWalker walker{"walker", format, memory, clock};
  PageTableBuilder tables{format, memory, Pfn(1024)};
  Cycles now{1000};
};

// Sv39: one read a level; the leaf alone is written, A and D together.
TEST(WalkerTest, Sv39Golden) {
  WalkerBench bench("sv39");
  bench.tables.map(VirtAddr(0x12345000), Pfn(77), kUserRw);
  const uint64_t entry[] = {bench.tables.entry(VirtAddr(0x12345000), 0).value,
                            bench.tables.entry(VirtAddr(0x12345000), 1).value,
                            bench.tables.entry(VirtAddr(0x12345000), 2).value};
  const WalkResult load = bench.walk(0x12345678, Access::load);
  EXPECT_EQ(load.status, Status::ok);
  EXPECT_EQ(load.pfn, Pfn(77));
  EXPECT_EQ(load.reads, 3);
  EXPECT_EQ(load.writes, 1);
  EXPECT_FALSE(load.dirty);
  EXPECT_EQ(bench.now, Cycles(1400));  // 1000 + 3 reads + 1 write
  const std::vector<Seen> seen = {{1000, false, entry[2], 8, Requester::walker},
                                  {1100, false, entry[1], 8, Requester::walker},
                                  {1200, false, entry[0], 8, Requester::walker},
                                  {1300, true, entry[0], 8, Requester::walker}};
  EXPECT_EQ(bench.target.seen, seen);
  EXPECT_EQ(bench.tables.read(PhysAddr(entry[0])), (77u << 10) | 0x5Fu);

  EXPECT_EQ(bench.walk(0x12345678, Access::load).writes, 0);  // A is set
  EXPECT_EQ(bench.now, Cycles(1700));
  const WalkResult store = bench.walk(0x12345678, Access::store);
  EXPECT_EQ(store.writes, 1);
  EXPECT_TRUE(store.dirty);
  EXPECT_EQ(bench.now, Cycles(2100));
  EXPECT_EQ(bench.tables.read(PhysAddr(entry[0])), (77u << 10) | 0xDFu);
  EXPECT_EQ(bench.walk(0x12345678, Access::load).dirty, true);
  EXPECT_EQ(bench.walker.statistics().reads, 12u);
  EXPECT_EQ(bench.walker.statistics().writes, 2u);
}

// x86: a store to an untouched page sets A in all four entries, and D with the
// leaf's A in one write: 4 reads, then 4 writes from the root down.
TEST(WalkerTest, X86Golden) {
  WalkerBench bench("x86-64");
  bench.tables.map(VirtAddr(0x7F00'0000'1000), Pfn(77), kUserRw);
  const WalkResult store = bench.walk(0x7F00'0000'1008, Access::store);
  EXPECT_EQ(store.status, Status::ok);
  EXPECT_EQ(store.reads, 4);
  EXPECT_EQ(store.writes, 4);
  EXPECT_EQ(bench.now, Cycles(1800));
  for (unsigned level = 0; level < 4; ++level) {
    const PhysAddr at = bench.tables.entry(VirtAddr(0x7F00'0000'1000), level);
    EXPECT_EQ(bench.target.seen[3 - level], (Seen{1000 + 100 * (3 - level), false, at.value, 8, Requester::walker}));
    EXPECT_EQ(bench.target.seen[7 - level], (Seen{1400 + 100 * (3 - level), true, at.value, 8, Requester::walker}));
    EXPECT_EQ(bench.tables.read(at) & 0x60, level == 0 ? 0x60u : 0x20u);
  }
  EXPECT_EQ(bench.walk(0x7F00'0000'1008, Access::store).writes, 0);
}

TEST(WalkerTest, Ia32AndLinearReadFourByteEntries) {
  WalkerBench bench("ia32");
  bench.tables.map(VirtAddr(0x0804'8000), Pfn(77), kUserRw);
  EXPECT_EQ(bench.walk(0x0804'8123, Access::load).reads, 2);
  EXPECT_EQ(bench.now, Cycles(1400));  // 2 reads; A in both entries
  EXPECT_EQ(bench.target.seen[0].bytes, 4u);
}

TEST(WalkerTest, LinearIsOneRead) {
  WalkerBench bench("linear32");
  bench.tables.map(VirtAddr(0xBFFF'F000), Pfn(77), kUserRw);
  const WalkResult load = bench.walk(0xBFFF'F123, Access::load);
  EXPECT_EQ(load.pfn, Pfn(77));
  EXPECT_EQ(load.reads, 1);
  EXPECT_EQ(bench.target.seen[0].address, bench.tables.root().value + 4 * 0xBFFFF);
}

// A fault sets no bit, whatever it is; it has read what it has read.
TEST(WalkerTest, FaultsLeaveNoBits) {
  WalkerBench bench("x86-64");
  bench.tables.map(VirtAddr(0x1000), Pfn(77), kUserRo);
  bench.tables.map(VirtAddr(0x2000), Pfn(78), kKernelRw);
  bench.tables.map(VirtAddr(0x3000), Pfn(64 << 8), kUserRw);  // beyond 64 MB
  EXPECT_EQ(bench.walk(0x1000, Access::store).status, Status::page_fault);
  EXPECT_EQ(bench.walk(0x1000, Access::fetch).status, Status::page_fault);  // XD
  EXPECT_EQ(bench.walk(0x2000, Access::load).status, Status::page_fault);   // closed to user mode
  EXPECT_EQ(bench.walk(0x4000, Access::load).status, Status::page_fault);   // not present
  EXPECT_EQ(bench.walk(0x3000, Access::load).status, Status::access_fault);
  EXPECT_EQ(bench.walker.statistics().reads, 20u);
  EXPECT_EQ(bench.walker.statistics().writes, 0u);
  const WalkResult hole = bench.walk(0x4000'0000'0000, Access::load);
  EXPECT_EQ(hole.status, Status::page_fault);
  EXPECT_EQ(hole.reads, 1);  // the root's entry is empty
  for (unsigned level = 0; level < 4; ++level) {
    EXPECT_EQ(bench.tables.read(bench.tables.entry(VirtAddr(0x1000), level)) & 0x60, 0u);
  }
  EXPECT_EQ(bench.walk(0x2000, Access::load, Privilege::supervisor).status, Status::ok);
}

TEST(WalkerTest, TablesOutsideMemoryAreAccessFaults) {
  WalkerBench bench("sv39");
  bench.tables.write(bench.tables.entry(VirtAddr(0x4000'0000), 2), bench.format.encode_table(Pfn(64 << 8)));
  const WalkResult below = bench.walk(0x4000'0000, Access::load);
  EXPECT_EQ(below.status, Status::access_fault);
  EXPECT_EQ(below.reads, 1);
  const WalkResult root = bench.walker.walk({PhysAddr(~uint64_t{0} - 4095), VirtAddr(0), Access::load}, bench.now);
  EXPECT_EQ(root.status, Status::access_fault);
  EXPECT_EQ(root.reads, 0);
}

// x86: the say of every level counts. RISC-V: the leaf's alone.
TEST(WalkerTest, PermissionsOfUpperLevels) {
  WalkerBench bench("x86-64");
  bench.tables.map(VirtAddr(0x1000), Pfn(77), kUserRw);
  const PhysAddr upper = bench.tables.entry(VirtAddr(0x1000), 2);
  const uint64_t open = bench.tables.read(upper);
  bench.tables.write(upper, open & ~uint64_t{2});
  EXPECT_EQ(bench.walk(0x1000, Access::store).status, Status::page_fault);
  EXPECT_EQ(bench.walk(0x1000, Access::load).status, Status::ok);
  bench.tables.write(upper, open & ~uint64_t{4});
  EXPECT_EQ(bench.walk(0x1000, Access::load).status, Status::page_fault);
  bench.tables.write(upper, open | uint64_t{1} << 63);
  EXPECT_EQ(bench.walk(0x1000, Access::fetch).status, Status::page_fault);
  bench.tables.write(upper, open);
  EXPECT_EQ(bench.walk(0x1000, Access::fetch).status, Status::ok);
}

TEST(WalkerTest, LargeLeavesEndTheWalkEarly) {
  PageTableFormat::Layout layout = find_page_table_format("sv39")->layout();
  layout.leaf_levels = 0b111;
  const PageTableFormat format(layout);
  WalkerBench bench(format);
  bench.tables.map(VirtAddr(0x20'0000), Pfn(512), kUserRw, 1);
  const WalkResult result = bench.walk(0x20'0000 + 5 * 4096 + 9, Access::load);
  EXPECT_EQ(result.status, Status::ok);
  EXPECT_EQ(result.reads, 2);
  EXPECT_EQ(result.level, 1);
  EXPECT_EQ(result.pfn, Pfn(517));
}

// Entries come through whatever cache the walker enters at.
TEST(WalkerTest, EntersAtACache) {
  const Resolution resolution;
  const PageTableFormat& format = *find_page_table_format("sv39");
  const Clock clock(1000);
  BackingStore memory(64 << 20, PageSize{12});
  NotingTarget target("target", clock, 100);
  Cache cache("cache", {.size = 4096, .ways = 4, .line = 64, .hit_cycles = 3}, clock, 1);
  cache.lower().socket().bind(target.socket);
  PageTableWalker walker("walker", format, memory, clock, &cache);
  PageTableBuilder tables(format, memory, Pfn(1024));
  tables.map(VirtAddr(0x1000), Pfn(77), kUserRw);
  tables.map(VirtAddr(0x2000), Pfn(78), kUserRw);
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  Cycles now(0);
  walker.walk({tables.root(), VirtAddr(0x1000), Access::load}, now);
  EXPECT_EQ(now, Cycles(312));  // three misses of 103, and the write hits: 3
  walker.walk({tables.root(), VirtAddr(0x2000), Access::load}, now);
  EXPECT_EQ(now, Cycles(324));  // the same lines: three hits and the write
  EXPECT_EQ(cache.statistics().accesses, 8u);
}

// Counting in bulk changes no time and no count.
TEST(WalkerTest, BulkCountingIsExact) {
  const Resolution resolution;
  const PageTableFormat& format = *find_page_table_format("x86-64");
  const Clock clock(1000);
  BackingStore memory(64 << 20, PageSize{12});
  Dram dram_a("dram_a", {.flat_cycles = 90}, clock, memory);
  Dram dram_b("dram_b", {.flat_cycles = 90}, clock, memory);
  PageTableWalker plain("plain", format, memory, clock);
  PageTableWalker bulk("bulk", format, memory, clock);
  plain.port().socket().bind(dram_a.socket());
  bulk.port().socket().bind(dram_b.socket());
  PageTableBuilder tables_a(format, memory, Pfn(1024));
  PageTableBuilder tables_b(format, memory, Pfn(2048));
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  bulk.count_in_bulk(&dram_b);
  Cycles now_a(0);
  Cycles now_b(0);
  for (uint64_t n = 0; n < 300; ++n) {
    const VirtAddr va((n * 7919 % 100) << 12);
    if (n % 3 == 0) {
      tables_a.map(va, Pfn(n), kUserRw);
      tables_b.map(va, Pfn(n), kUserRw);
    }
    const Access access = n % 2 ? Access::store : Access::load;
    const WalkResult a = plain.walk({tables_a.root(), va, access}, now_a);
    const WalkResult b = bulk.walk({tables_b.root(), va, access}, now_b);
    ASSERT_EQ(a.status, b.status);
    ASSERT_EQ(now_a, now_b);
  }
  EXPECT_GT(dram_a.statistics().total_writes(), 0u);
  EXPECT_EQ(dram_a.statistics().reads, dram_b.statistics().reads);
  EXPECT_EQ(dram_a.statistics().writes, dram_b.statistics().writes);
  EXPECT_EQ(dram_a.statistics().reads[static_cast<size_t>(Requester::walker)], plain.statistics().reads);
}

// The common case in one go finds what the whole way finds, by the same reads,
// while entries of every level come, go and point elsewhere.
struct ToAPage : testing::TestWithParam<const char*> {
  // A page or a table comes, goes, or moves.
  static void change(WalkerBench& bench, VirtAddr va, std::mt19937_64& random) {
    const unsigned level = random() % 4 == 0 ? static_cast<unsigned>(random() % bench.format.levels()) : 0;
    const PhysAddr at = bench.tables.entry(va, level);
    if (level != 0) {
      const PhysAddr other = bench.tables.entry(VirtAddr(va.value ^ bench.format.entry_span(level)), level);
      const uint64_t raw = bench.tables.read(at);
      bench.tables.write(at, random() % 4 == 0 ? 0 : bench.tables.read(other));
      bench.tables.write(other, raw);
      return;
    }
    const Permissions some{.read = true, .write = random() % 2 == 0, .execute = true, .user = random() % 8 != 0};
    bench.tables.write(at, random() % 8 == 0 ? 0 : bench.format.encode_leaf(Pfn(random() % 20'000), some));
  }
};

TEST_P(ToAPage, AsInFull) {
  WalkerBench bench(GetParam());
  std::mt19937_64 random(5);
  unsigned found = 0;
  unsigned in_full = 0;
  for (int n = 0; n < 20'000; ++n) {
    const VirtAddr va((random() % 4) << 22 | (random() % 8) << 12 | (random() % 4096));
    if (random() % 3 == 0) change(bench, va, random);
    const auto access = static_cast<Access>(random() % 3);
    const WalkRequest request{bench.tables.root(), va, access};
    bench.walk(va.value, access);  // sets what is to be set
    bench.target.seen.clear();
    bench.now = Cycles(1000);
    const WalkResult full = bench.walk(va.value, access);
    const Cycles full_end = bench.now;
    const auto full_seen = bench.target.seen;
    bench.target.seen.clear();
    bench.now = Cycles(1000);
    TlbEntry entry;
    const unsigned reads = bench.walker.walk_to_page(request, bench.now, entry);
    if (full.status != Status::ok) {
      ASSERT_EQ(reads, 0u) << n;
      ASSERT_TRUE(bench.target.seen.empty());
      ASSERT_EQ(bench.now, Cycles(1000));
      ++in_full;
      continue;
    }
    ++found;
    ASSERT_EQ(reads, full.reads) << n;
    ASSERT_EQ(bench.now, full_end);
    ASSERT_EQ(bench.target.seen, full_seen);
    ASSERT_EQ(entry.pfn, full.pfn) << n;
    ASSERT_EQ(entry.permissions, full.permissions);
    ASSERT_EQ(entry.dirty, full.dirty);
    ASSERT_EQ(entry.page_shift, full.page_shift);
  }
  EXPECT_GT(found, 2000u);
  EXPECT_GT(in_full, 200u);
}

INSTANTIATE_TEST_SUITE_P(Formats, ToAPage, testing::Values("sv39", "x86-64", "ia32", "linear32", "sv57"));

// Bits that are not yet set are the whole way's to set.
TEST(WalkerTest, ToAPageSetsNothing) {
  WalkerBench bench("sv39");
  bench.tables.map(VirtAddr(0x5000), Pfn(77), kUserRw);
  TlbEntry entry;
  const WalkRequest load{bench.tables.root(), VirtAddr(0x5008), Access::load};
  const WalkRequest store{bench.tables.root(), VirtAddr(0x5008), Access::store};
  EXPECT_EQ(bench.walker.walk_to_page(load, bench.now, entry), 0u);
  bench.walk(0x5008, Access::load);
  EXPECT_EQ(bench.walker.walk_to_page(load, bench.now, entry), 3u);
  EXPECT_EQ(bench.walker.walk_to_page(store, bench.now, entry), 0u);
  bench.walk(0x5008, Access::store);
  EXPECT_EQ(bench.walker.walk_to_page(store, bench.now, entry), 3u);
  EXPECT_TRUE(entry.dirty);
}

// An entry of a table that leaves memory is the whole way's to find.
TEST(WalkerTest, ToAPageLeavesOutTablesThatLeaveMemory) {
  WalkerBench linear("linear32");
  const PhysAddr root = linear.memory.page().address(Pfn(16'000));
  linear.tables.write(root + 20, linear.format.encode_leaf(Pfn(77), kUserRw, true, true));
  TlbEntry entry;
  const WalkRequest inside{root, VirtAddr(0x5008), Access::load};
  EXPECT_EQ(linear.walker.walk(inside, linear.now).status, Status::ok);
  EXPECT_EQ(linear.walker.walk_to_page(inside, linear.now, entry), 0u);
}

// The tables would lead somewhere, but there is no such address.
TEST(WalkerTest, ToAPageOfAnInvalidAddressReadsNothing) {
  WalkerBench bench("sv39");
  bench.tables.map(VirtAddr(0x5000), Pfn(77), kUserRw);
  bench.walk(0x5000, Access::load);
  TlbEntry entry;
  for (const uint64_t upper : {uint64_t{0}, uint64_t{1} << 39, uint64_t{1} << 63}) {
    const WalkRequest request{bench.tables.root(), VirtAddr(upper | 0x5000), Access::load};
    EXPECT_EQ(bench.walker.walk_to_page(request, bench.now, entry), upper == 0 ? 3u : 0u) << upper;
  }
}

// It is the host's business alone, wherever the entries lead.
TEST(WalkerTest, ToExpectAnAccessReadsNothing) {
  WalkerBench bench("sv39");
  bench.tables.map(VirtAddr(0x5000), Pfn(77), kUserRw);
  bench.tables.map(VirtAddr(0x6000), Pfn(~uint64_t{0} >> 24), kUserRw);  // outside memory
  for (const uint64_t va : {0x5008ul, 0x6008ul, 0x7008ul, 0x40000000ul, ~0ul, 1ul << 60}) {
    bench.walker.expect(bench.tables.root(), VirtAddr(va));
  }
  EXPECT_EQ(bench.walker.statistics().reads, 0u);
  EXPECT_TRUE(bench.target.seen.empty());
  EXPECT_EQ(bench.walk(0x5008, Access::load).status, Translation::Status::ok);
  EXPECT_EQ(bench.walk(0x6008, Access::load).status, Translation::Status::access_fault);
}

}  // namespace
}  // namespace faultline::hw
