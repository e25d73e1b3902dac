// Nested translation, on tables of both stages that the test writes itself:
// the reads of every combination of leaves, their order and time, faults of
// either stage, the nested TLB and walk caches. A read takes 100 cycles.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <vector>

#include "hw/mmu/host_tables.h"
#include "hw/mmu/mmu.h"
#include "tests/hw/memory/bench.h"
#include "tests/hw/mmu/page_table_builder.h"

namespace faultline::hw {
namespace {

using Status = Translation::Status;
using Seen = NotingTarget::Seen;

constexpr uint64_t kMemory = uint64_t{8} << 30;
constexpr uint64_t kGuestMemory = uint64_t{4} << 30;

MachineConfig machine(const std::string& guest, const std::string& host, NestedPage page = NestedPage::small) {
  MachineConfig config;
  config.paging_format = guest;
  config.tlb.enabled = false;
  config.nested.enabled = true;
  config.nested.format = host;
  config.nested.page = page;
  return config;
}

// The guest's tables lie from 16 MB on; guest-physical g lies at g + offset.
struct Bench : Resolution {
  explicit Bench(const MachineConfig& machine_config, uint64_t host_offset = 0)
      : config(machine_config), offset(host_offset) {
    walker.port().socket().bind(target.socket);
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
    walker.set_host(host.root(), 1);
    mmu.set_address_space(PhysAddr(tables.root().value - offset), 1);
  }
  // Maps all of the guest's memory that the test uses with leaves of the level.
  void map_host(unsigned level, uint64_t end = uint64_t{32} << 20, uint64_t begin = 0) {
    const uint64_t leaf = host_format.entry_span(level);
    for (uint64_t at = begin / leaf * leaf; at < end; at += leaf) map_host_page(at, level);
  }
  void map_host_page(uint64_t at, unsigned level) {
    host.map(VirtAddr(at), memory.page().pfn(PhysAddr(at + offset)), kUserRw, level);
  }
  WalkResult walk(uint64_t va, Access access = Access::load) {
    return walker.walk({PhysAddr(tables.root().value - offset), VirtAddr(va), access, Privilege::user, 1}, now);
  }

  MachineConfig config;
  uint64_t offset;
  const PageTableFormat& format = *find_page_table_format(config.paging_format);
  const PageTableFormat& host_format = *find_page_table_format(config.nested.format);
  Clock clock{1000};
  BackingStore memory{kMemory, PageSize{12}};
  NotingTarget target{"target", clock, 100};
  PageTableWalker walker{"walker", format, memory, clock, nullptr, config};
  Mmu mmu{"mmu", config, format, memory, walker};
  PageTableBuilder host{host_format, memory, Pfn(kGuestMemory >> 12)};
  PageTableBuilder tables{format, memory, Pfn(4096)};
  Cycles now{1000};
};

struct Stages {
  const char* guest;
  const char* host;
};

struct AllLeaves : testing::TestWithParam<Stages> {};

// A walker of its own for leaves of one level at each stage; guest-physical
// addresses are host-physical ones.
struct Leaves {
  Leaves(const std::string& name, const MachineConfig& config, unsigned guest_leaf, unsigned host_leaf_level)
      : leaf(guest_leaf),
        host_leaf(host_leaf_level),
        format(*find_page_table_format(config.paging_format)),
        host_format(*find_page_table_format(config.nested.format)),
        target((name + "_target").c_str(), clock, 100),
        walker((name + "_walker").c_str(), format, memory, clock, nullptr, config) {
    walker.port().socket().bind(target.socket);
  }
  // One page of the guest's at the address of its size, and whatever of the
  // host's a walk of it meets.
  WalkResult walk() {
    PageTableBuilder host(host_format, memory, Pfn(kGuestMemory >> 12));
    PageTableBuilder tables(format, memory, Pfn(4096));
    walker.set_host(host.root(), 1);
    tables.map(VirtAddr(page), memory.page().pfn(PhysAddr(page)), kUserRw, leaf);
    for (const uint64_t from : {uint64_t{16} << 20, page}) {
      for (uint64_t at = from / host_page * host_page; at < from + (8 << 20); at += host_page) {
        host.map(VirtAddr(at), memory.page().pfn(PhysAddr(at)), kUserRw, host_leaf);
      }
    }
    Cycles now(0);
    return walker.walk({tables.root(), VirtAddr(page + 0x123), Access::load}, now);
  }

  unsigned leaf;
  unsigned host_leaf;
  const PageTableFormat& format;
  const PageTableFormat& host_format;
  uint64_t page = format.entry_span(leaf);
  uint64_t host_page = host_format.entry_span(host_leaf);
  Clock clock{1000};
  BackingStore memory{kMemory, PageSize{12}};
  NotingTarget target;
  PageTableWalker walker;
};

// (g + 1)(h + 1) - 1 for the levels that are left: a large leaf takes one off
// for each level above the last.
TEST_P(AllLeaves, ReadsWhatTheLevelsSay) {
  const Resolution resolution;
  const MachineConfig config = machine(GetParam().guest, GetParam().host);
  std::vector<std::unique_ptr<Leaves>> all;
  for (unsigned leaf = 0; leaf < 3; ++leaf) {
    for (unsigned host_leaf = 0; host_leaf < 3; ++host_leaf) {
      if (!find_page_table_format(GetParam().guest)->leaf_allowed(leaf)) continue;
      if (!find_page_table_format(GetParam().host)->leaf_allowed(host_leaf)) continue;
      all.push_back(std::make_unique<Leaves>("n" + std::to_string(all.size()), config, leaf, host_leaf));
    }
  }
  ASSERT_FALSE(all.empty());
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  for (const auto& bench : all) {
    const WalkResult result = bench->walk();
    const unsigned g = bench->format.levels() - bench->leaf;
    const unsigned h = bench->host_format.levels() - bench->host_leaf;
    ASSERT_EQ(result.status, Status::ok) << bench->leaf << " over " << bench->host_leaf;
    EXPECT_EQ(result.reads, (g + 1) * (h + 1) - 1) << bench->leaf << " over " << bench->host_leaf;
    EXPECT_EQ(result.host.reads, (g + 1) * h);
    EXPECT_EQ(result.host.depths, (g + 1) * h);
    EXPECT_EQ(result.level, bench->leaf);
    EXPECT_EQ(uint64_t{1} << result.page_shift, std::min(bench->page, bench->host_page));
    EXPECT_EQ(result.pfn.value, bench->page >> 12);
    EXPECT_EQ(bench->target.seen.size(), result.reads + result.writes);
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, AllLeaves,
                         testing::Values(Stages{"x86-64", "x86-64"}, Stages{"la57", "la57"}, Stages{"x86-64", "la57"},
                                         Stages{"la57", "x86-64"}, Stages{"sv39", "sv39"}, Stages{"sv39", "sv48"},
                                         Stages{"sv57", "x86-64"}, Stages{"ia32", "x86-64"}, Stages{"x86-64", "sv39"},
                                         Stages{"linear32", "x86-64"}, Stages{"sv32", "sv32"}),
                         [](const auto& stages) {
                           std::string name = std::string(stages.param.guest) + "_over_" + stages.param.host;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// Sv39 over Sv39, guest-physical g at g + 64 MB. The root's entry: three host
// reads, then itself, and so on; at last the page, three more; and the guest's
// leaf is written where the host says that it lies.
TEST(NestedWalkTest, Golden) {
  const uint64_t offset = uint64_t{64} << 20;
  Bench bench(machine("sv39", "sv39"), offset);
  // The builder writes host-physically, 64 MB up; its frame numbers are the guest's.
  const uint64_t root = uint64_t{64} << 20;
  const auto entry = [&](uint64_t table, uint64_t raw) { bench.memory.store<uint64_t>(PhysAddr(table + offset), raw); };
  entry(root + 8 * 1, bench.format.encode_table(Pfn((root >> 12) + 1)));
  entry(root + 4096 + 8 * 2, bench.format.encode_table(Pfn((root >> 12) + 2)));
  entry(root + 8192 + 8 * 3, bench.format.encode_leaf(Pfn(100), kUserRw));
  bench.map_host(0, root + (uint64_t{1} << 20));
  const uint64_t va = uint64_t{1} << 30 | 2 << 21 | 3 << 12 | 0x45;
  bench.target.seen.clear();
  const WalkResult result =
      bench.walker.walk({PhysAddr(root), VirtAddr(va), Access::load, Privilege::user, 1}, bench.now);
  ASSERT_EQ(result.status, Status::ok);
  EXPECT_EQ(result.pfn, Pfn(100 + (offset >> 12)));
  EXPECT_EQ(result.reads, 15);  // (3 + 1)(3 + 1) - 1
  EXPECT_EQ(result.writes, 1);
  std::vector<Seen> expected;
  const auto see = [&](PhysAddr at, bool write) {
    expected.push_back({1000 + 100 * expected.size(), write, at.value, 8, Requester::walker});
  };
  for (const uint64_t guest : {root + 8, root + 4096 + 16, root + 8192 + 24, uint64_t{100} << 12}) {
    for (unsigned level = 3; level-- > 0;) see(bench.host.entry(VirtAddr(guest), level), false);
    if (guest != uint64_t{100} << 12) see(PhysAddr(guest + offset), false);
  }
  see(PhysAddr(root + 8192 + 24 + offset), true);
  EXPECT_EQ(bench.target.seen, expected);
  EXPECT_EQ(bench.now, Cycles(2600));
}

// Where the host has no page, or not for this access.
TEST(NestedWalkTest, TheHostsFaultsAreAccessFaults) {
  Bench bench(machine("x86-64", "x86-64"));
  bench.map_host(0);
  bench.tables.map(VirtAddr(0x1000), Pfn(77), kUserRw);
  bench.tables.map(VirtAddr(0x2000), Pfn(78), kUserRw);
  bench.tables.map(VirtAddr(0x3000), Pfn(40 << 8), kUserRw);  // 40 MB: not mapped
  bench.host.map(VirtAddr(77 << 12), Pfn(77), kUserRo);
  bench.host.map(VirtAddr(78 << 12), Pfn(78), kKernelRw);
  EXPECT_EQ(bench.walk(0x1000).status, Status::ok);
  EXPECT_EQ(bench.walk(0x1000, Access::store).status, Status::access_fault);
  EXPECT_EQ(bench.walk(0x1000, Access::fetch).status, Status::access_fault);
  EXPECT_EQ(bench.walk(0x2000).status, Status::access_fault);  // every access is user's there
  EXPECT_EQ(bench.walk(0x3000).status, Status::access_fault);
  EXPECT_EQ(bench.walk(0x4000).status, Status::page_fault);  // the guest's own
  const uint64_t writes = bench.walker.statistics().writes;
  // A table of the guest's that it may not write: the walker may have to.
  bench.host.map(VirtAddr(bench.tables.entry(VirtAddr(0), 0).value & ~uint64_t{4095}),
                 bench.memory.page().pfn(bench.tables.entry(VirtAddr(0), 0)), kUserRo);
  EXPECT_EQ(bench.walk(0x1000).status, Status::access_fault);
  EXPECT_EQ(bench.walker.statistics().writes, writes);
}

// The host's own bits are the hypervisor's: the walker writes the guest's alone.
TEST(NestedWalkTest, LeavesTheHostsBitsAlone) {
  Bench bench(machine("x86-64", "x86-64"));
  bench.map_host(0);
  bench.tables.map(VirtAddr(0x1000), Pfn(77), kUserRw);
  const uint64_t before = bench.host.read(bench.host.entry(VirtAddr(77 << 12), 0));
  EXPECT_EQ(bench.walk(0x1000, Access::store).writes, 4);
  EXPECT_EQ(bench.host.read(bench.host.entry(VirtAddr(77 << 12), 0)), before);
}

TEST(NestedWalkTest, CountsByStage) {
  Bench bench(machine("x86-64", "x86-64"));
  bench.map_host(0);
  bench.tables.map(VirtAddr(0x1000), Pfn(77), kUserRw);
  CycleLedger ledger;
  EXPECT_EQ(bench.mmu.translate(VirtAddr(0x1234), Access::load, bench.now, ledger).address, PhysAddr(0x4D234));
  EXPECT_EQ(bench.mmu.translate(VirtAddr(0x2000), Access::load, bench.now, ledger).status, Status::page_fault);
  EXPECT_EQ(bench.mmu.statistics().walk_reads, 24u);
  EXPECT_EQ(bench.mmu.statistics().walk_depth_sum, 24u);
  EXPECT_EQ(bench.mmu.statistics().fault_walk_reads, 20u);  // all but the page's
  EXPECT_EQ(bench.mmu.nested().host_reads, 20u);
  EXPECT_EQ(bench.mmu.nested().guest_reads, 4u);
}

// Walk caches name tables by host-physical addresses: the entry below is read
// at once, and the page is translated by the host.
TEST(NestedWalkTest, WalkCachesSkipBothStages) {
  MachineConfig config = machine("x86-64", "x86-64");
  config.walker.caches = true;
  Bench bench(config);
  bench.map_host(0);
  bench.tables.map(VirtAddr(0x1000), Pfn(77), kUserRw);
  bench.tables.map(VirtAddr(0x2000), Pfn(78), kUserRw);
  bench.tables.map(VirtAddr(0x40'0000), Pfn(79), kUserRw);
  EXPECT_EQ(bench.walk(0x1000).reads, 24);
  EXPECT_EQ(bench.walk(0x2000).reads, 5);      // 1 + 4
  EXPECT_EQ(bench.walk(0x40'0000).reads, 10);  // 1, then 4 + 1, then 4
  EXPECT_EQ(bench.walk(0x40'0000).reads, 5);
}

// A table of 2 MB lies on 512 pages of the host: it has no one address.
TEST(NestedWalkTest, LargeTablesAreNotKept) {
  PageTableFormat::Layout layout = find_page_table_format("x86-64")->layout();
  layout.name = "wide";
  layout.levels = 2;
  layout.index_bits = {18, 9};
  const PageTableFormat wide(layout);
  MachineConfig config = machine("x86-64", "x86-64");
  config.walker.caches = true;
  const Resolution resolution;
  const Clock clock(1000);
  BackingStore memory(uint64_t{64} << 20, PageSize{12});
  NotingTarget target("target", clock, 100);
  PageTableWalker walker("walker", wide, memory, clock, nullptr, config);
  walker.port().socket().bind(target.socket);
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  PageTableBuilder host(*find_page_table_format("x86-64"), memory, Pfn(8192));
  for (uint64_t at = 0; at < uint64_t{32} << 20; at += 4096) host.map(VirtAddr(at), Pfn(at >> 12), kUserRw);
  walker.set_host(host.root(), 1);
  PageTableBuilder tables(wide, memory, Pfn(4096));
  Cycles now(0);
  tables.map(VirtAddr(0x1000), Pfn(77), kUserRw);
  tables.map(VirtAddr(0x100'0000), Pfn(78), kUserRw);
  for (int turn = 0; turn < 2; ++turn) {
    for (const uint64_t va : {0x1000, 0x100'0000}) {
      const WalkResult result = walker.walk({tables.root(), VirtAddr(va), Access::load}, now);
      EXPECT_EQ(result.reads, 14);  // (2 + 1)(4 + 1) - 1
      EXPECT_EQ(result.pfn, Pfn(va == 0x1000 ? 77 : 78));
    }
  }
}

// The nested TLB, 4 KB pages: a walk looks up four tables and the page.
TEST(NestedWalkTest, TheNestedTlbSparesTheHostsTables) {
  MachineConfig config = machine("x86-64", "x86-64");
  config.tlb.enabled = true;
  config.nested.tlb = {.enabled = true, .sets = 1, .ways = 16};
  Bench bench(config);
  bench.map_host(0);
  bench.tables.map(VirtAddr(0x1000), Pfn(77), kUserRw);
  bench.tables.map(VirtAddr(0x2000), Pfn(78), kUserRo);
  const WalkResult cold = bench.walk(0x1000);
  EXPECT_EQ(cold.reads, 24);
  EXPECT_EQ(cold.host.lookups, 5u);
  EXPECT_EQ(cold.host.hits, 0u);
  const WalkResult warm = bench.walk(0x1000);
  EXPECT_EQ(warm.reads, 4);
  EXPECT_EQ(warm.host.hits, 5u);
  EXPECT_EQ(warm.pfn, Pfn(77));
  // A walk that faults leaves nothing: the page of the next one is not known.
  EXPECT_EQ(bench.walk(0x2000, Access::store).status, Status::page_fault);
  EXPECT_EQ(bench.walk(0x2000).reads, 8);
  EXPECT_EQ(bench.walk(0x2000).reads, 4);
  bench.walker.flush_page(1, VirtAddr(0x1000));
  EXPECT_EQ(bench.walk(0x1000).reads, 4);
  bench.walker.flush_all();
  EXPECT_EQ(bench.walk(0x1000).reads, 24);
}

// Host pages of 2 MB: the tables lie in one, and a walk knows it from its own
// first look-up on.
TEST(NestedWalkTest, TheNestedTlbHoldsTheHostsPages) {
  MachineConfig config = machine("x86-64", "x86-64", NestedPage::medium);
  config.tlb.enabled = true;
  config.nested.tlb = {.enabled = true, .sets = 1, .ways = 2};
  Bench bench(config);
  bench.map_host(1);
  bench.tables.map(VirtAddr(0x1000), Pfn(77), kUserRw);
  const WalkResult cold = bench.walk(0x1000);
  EXPECT_EQ(cold.reads, 3 + 4 + 3);  // the tables' page, four entries, the page
  EXPECT_EQ(cold.host.lookups, 5u);
  EXPECT_EQ(cold.host.hits, 3u);
  EXPECT_EQ(bench.walk(0x1000).reads, 4);
}

// Another virtual machine's tables: nothing of the first is known.
TEST(NestedWalkTest, AnotherHostTakesOver) {
  MachineConfig config = machine("x86-64", "x86-64");
  config.tlb.enabled = true;
  config.walker.caches = true;
  config.nested.tlb = {.enabled = true, .sets = 4, .ways = 8};
  Bench bench(config);
  bench.map_host(0);
  PageTableBuilder other(bench.host_format, bench.memory, Pfn((kGuestMemory >> 12) + 65536));
  for (uint64_t at = 0; at < uint64_t{32} << 20; at += 4096) {
    other.map(VirtAddr(at), Pfn(at >> 12 == 77 ? 78 : at >> 12), kUserRw);
  }
  bench.tables.map(VirtAddr(0x1000), Pfn(77), kUserRw);
  EXPECT_EQ(bench.walk(0x1000).pfn, Pfn(77));
  bench.walker.set_host(other.root(), 2);
  const WalkResult result = bench.walk(0x1000);
  EXPECT_EQ(result.pfn, Pfn(78));
  EXPECT_EQ(result.reads, 24);
}

}  // namespace
}  // namespace faultline::hw
