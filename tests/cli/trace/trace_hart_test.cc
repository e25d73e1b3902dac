// References of a trace through a real Mmu, in tables that come about on the way.
#include "cli/trace/trace_hart.h"

#include <gtest/gtest.h>

#include "cli/trace/compact_writer.h"
#include "cli/trace/page_mapper.h"
#include "cli/trace/replay.h"
#include "cli/trace/trace_error.h"
#include "tests/hw/mmu/mmu_rig.h"

namespace faultline::cli {
namespace {

using Outcome = TraceHart::Outcome;

// Every access takes 3 cycles.
class CountingSide final : public hw::MemorySide {
 public:
  Cycles access(PhysAddr, unsigned bytes, bool, hw::Requester, Cycles now) override {
    ++accesses;
    total_bytes += bytes;
    return now + Cycles(3);
  }
  uint64_t accesses = 0;
  uint64_t total_bytes = 0;
};

struct TraceRig : hw::MmuRig {
  explicit TraceRig(const hw::MachineConfig& machine, uint64_t memory_bytes = 64 << 20)
      : MmuRig("rig", machine),
        mapper(format, memory, memory_bytes),
        hart({.mmu = mmu,
              .memory = memory,
              .fetch_side = fetch_side,
              .data_side = data_side,
              .fetch_line = 64,
              .data_line = format.page().bytes(),
              .base_cycles = Cycles(1)}) {
    mmu.set_address_space(mapper.root(), 1);
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
  }
  Outcome go(Access access, uint64_t va, uint64_t bytes) {
    return hart.refer(access, VirtAddr(va), bytes, [this](VirtAddr page) { return mapper.ensure(page); });
  }

  CountingSide fetch_side;
  CountingSide data_side;
  PageMapper mapper;
  TraceHart hart;
};

hw::MachineConfig machine_of(const std::string& paging, bool tlb) {
  hw::MachineConfig config;
  config.paging_format = paging;
  config.tlb.enabled = tlb;
  return config;
}

class EveryFormat : public testing::TestWithParam<std::string> {};

TEST_P(EveryFormat, WalksEveryLevelOnceForEachReference) {
  TraceRig rig(machine_of(GetParam(), false));
  const uint64_t page = rig.format.page().bytes();
  const uint64_t top = rig.format.user_end().value - page;
  for (unsigned round = 0; round < 3; ++round) {
    for (const uint64_t va : {uint64_t{0}, 5 * page, uint64_t{0x10000000}, top}) {
      EXPECT_EQ(rig.go(Access::fetch, va, 4), Outcome::ok);
      EXPECT_EQ(rig.go(Access::load, va + 8, 8), Outcome::ok);
      EXPECT_EQ(rig.go(Access::store, va + 16, 8), Outcome::ok);
    }
  }
  const hw::TranslationStatistics& counts = rig.mmu.statistics();
  EXPECT_EQ(counts.walks, 36u);
  EXPECT_EQ(counts.walk_reads, 36u * rig.format.levels());
  EXPECT_EQ(counts.walk_writes, 0u);
  EXPECT_EQ(counts.dirty_walks, 0u);
  EXPECT_EQ(counts.fault_walk_reads, 0u);
  EXPECT_EQ(rig.mapper.pages(), 4u);
  rig.hart.settle();
  EXPECT_EQ(rig.hart.ledger().total(), rig.hart.now().value);
}

INSTANTIATE_TEST_SUITE_P(Formats, EveryFormat,
                         testing::Values("x86-64", "la57", "ia32", "sv32", "sv39", "sv48", "sv57", "linear32"),
                         [](const auto& format) {
                           std::string name = format.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST(TraceHart, CountsAReferenceForEachPage) {
  TraceRig rig(machine_of("x86-64", true));
  EXPECT_EQ(rig.go(Access::load, 0x10ffc, 8), Outcome::ok);
  EXPECT_EQ(rig.go(Access::load, 0x20001, 3 * 4096), Outcome::ok);
  EXPECT_EQ(rig.go(Access::fetch, 0x1003e, 4), Outcome::ok);  // two lines of one page
  EXPECT_EQ(rig.go(Access::load, 0x10ff8, 4), Outcome::ok);
  EXPECT_EQ(rig.hart.references(), (std::array<uint64_t, 3>{1, 7, 0}));
  const hw::TlbStatistics data = rig.mmu.l1d(7);
  EXPECT_EQ(data.misses, 6u);
  EXPECT_EQ(data.hits, 1u);
  EXPECT_EQ(rig.fetch_side.accesses, 2u);
  EXPECT_EQ(rig.data_side.accesses, 7u);
  EXPECT_EQ(rig.data_side.total_bytes, 8u + 3 * 4096 + 4);
  rig.hart.settle();
  EXPECT_EQ(rig.hart.ledger().total(), rig.hart.now().value);
  EXPECT_EQ(rig.hart.ledger()[CycleAccount::compute], 1u);
}

TEST(TraceHart, StopsWhereMemoryIsUsedUp) {
  // Four tables, and two pages in one of them.
  TraceRig rig(machine_of("x86-64", true), 6 * 4096);
  EXPECT_EQ(rig.go(Access::load, 0x10000, 8), Outcome::ok);
  EXPECT_EQ(rig.go(Access::load, 0x11000, 8), Outcome::ok);
  EXPECT_EQ(rig.go(Access::load, 0x12000, 8), Outcome::refused);
  EXPECT_EQ(rig.go(Access::load, 0x12000, 8), Outcome::refused);
  EXPECT_EQ(rig.go(Access::load, 0x11ffc, 8), Outcome::refused);
  EXPECT_EQ(rig.go(Access::load, 0x10008, 8), Outcome::ok);
  EXPECT_EQ(rig.mapper.pages(), 2u);
  EXPECT_EQ(rig.mapper.table_bytes(), 4u * 4096);
}

TEST(TraceHart, FaultsOnInvalidAddresses) {
  TraceRig rig(machine_of("sv39", true));
  const auto no_mapping = [](VirtAddr) { return true; };
  EXPECT_EQ(rig.hart.refer(Access::load, VirtAddr(0x7fff00000000), 8, no_mapping), Outcome::faulted);
  EXPECT_EQ(rig.hart.references()[1], 0u);
}

// Replays what `tell` records; answers the error, or "".
std::string replay(TraceRig& rig, const std::function<void(hw::Recorder&)>& tell) {
  std::vector<uint8_t> file;
  CompactWriter writer({"x86-64", 4096, 1 << 20, 1000, "p"},
                       [&](std::span<const uint8_t> bytes) { file.insert(file.end(), bytes.begin(), bytes.end()); });
  tell(writer);
  writer.finish({});
  TraceInput input("t", decompress(read_memory(file)));
  CompactReader reader(input);
  Replay sink(reader, rig.hart, rig.mmu, rig.memory, reader.header().memory_bytes);
  try {
    while (reader.read(sink)) {
    }
  } catch (const TraceError& error) {
    return error.what();
  }
  return "";
}

constexpr hw::Permissions kUser{.read = true, .execute = true, .user = true};

// One page at 0x1000, whose tables begin at 0x10000.
void record_tables(const hw::PageTableFormat& format, hw::Recorder& to) {
  for (uint64_t table = 0x10; table < 0x14; ++table) to.table_zero(PhysAddr(table << 12), 4096);
  for (uint64_t table = 0x10; table < 0x13; ++table)
    to.table_write(PhysAddr(table << 12), format.encode_table(Pfn(table + 1)));
  to.table_write(PhysAddr(0x13008), format.encode_leaf(Pfn(0x20), kUser));
  to.address_space(PhysAddr(0x10000), 1);
}

TEST(Replay, MakesTheSameReferencesAndFaults) {
  TraceRig rig(machine_of("x86-64", true));
  EXPECT_EQ(replay(rig,
                   [&](hw::Recorder& to) {
                     record_tables(rig.format, to);
                     for (uint64_t at = 0x1000; at < 0x1040; at += 4) to.fetch(VirtAddr(at), 4, false);
                     to.data(Access::load, VirtAddr(0x1010), 8, false);
                     to.data(Access::load, VirtAddr(0x2010), 8, true);
                     to.fetch(VirtAddr(0x2000), 2, true);
                     to.flush_page(1, VirtAddr(0x1000));
                     to.fetch(VirtAddr(0x1040), 2, false);
                   }),
            "");
  EXPECT_EQ(rig.hart.references(), (std::array<uint64_t, 3>{17, 1, 0}));
  EXPECT_EQ(rig.hart.instructions(), 16u);  // one trapped
  EXPECT_EQ(rig.mmu.l1i(17).misses, 2u);
  EXPECT_EQ(rig.mmu.statistics().walks, 3u);
  EXPECT_EQ(rig.mmu.statistics().fault_walk_reads, 8u);
}

TEST(Replay, TrustsNothing) {
  TraceRig rig(machine_of("x86-64", true));
  const auto error = [&](const std::function<void(hw::Recorder&)>& more) {
    return replay(rig, [&](hw::Recorder& to) {
      record_tables(rig.format, to);
      more(to);
    });
  };
  EXPECT_NE(error([](hw::Recorder& to) { to.fetch(VirtAddr(0x2000), 4, false); }), "");
  EXPECT_NE(error([](hw::Recorder& to) { to.fetch(VirtAddr(0x1000), 4, true); }), "");
  EXPECT_NE(error([](hw::Recorder& to) { to.table_write(PhysAddr((1 << 20) - 4), 1); }), "");
  EXPECT_NE(error([](hw::Recorder& to) { to.table_zero(PhysAddr(4096), ~uint64_t{0}); }), "");
  EXPECT_NE(error([](hw::Recorder& to) { to.table_zero(PhysAddr(4096), 8192); }), "");
  EXPECT_NE(error([](hw::Recorder& to) { to.mark(7); }), "");
  EXPECT_EQ(error([](hw::Recorder& to) { to.mark(0x4f1); }), "");
  EXPECT_NE(error([](hw::Recorder& to) { to.address_space(PhysAddr(~uint64_t{0}), 1); }), "");
}

}  // namespace
}  // namespace faultline::cli
