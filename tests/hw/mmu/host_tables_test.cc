// The tables that stand for a hypervisor's: what they map, how many bytes they
// take, and what cannot be built.
#include "hw/mmu/host_tables.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "hw/mmu/page_table_walker.h"
#include "tests/hw/memory/bench.h"

namespace faultline::hw {
namespace {

using Status = Translation::Status;

struct HypervisorCase {
  const char* format;
  NestedPage page;
  uint64_t bytes;  // of tables for 1 GB
};
struct Hypervisor : testing::TestWithParam<HypervisorCase> {};

// Every page of the guest's memory leads to itself, the first byte above to
// nothing; tables for 1 GB, counted by hand.
TEST_P(Hypervisor, MapsTheGuestsMemoryToItself) {
  const Resolution resolution;
  constexpr uint64_t kGuest = uint64_t{1} << 30;
  const NestedConfig config{.enabled = true, .format = GetParam().format, .page = GetParam().page};
  const HostTables tables(*find_page_table_format(config.format), config, kGuest, PageSize{12});
  EXPECT_EQ(tables.bytes(), GetParam().bytes);
  EXPECT_EQ(tables.root(), PhysAddr(kGuest));
  BackingStore memory(tables.end(), PageSize{12});
  tables.build(memory);
  const PageTableFormat& format = *find_page_table_format(config.format);
  const Clock clock(1000);
  NotingTarget target("target", clock, 1);
  PageTableWalker walker("walker", format, memory, clock);
  walker.port().socket().bind(target.socket);
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  Cycles now(0);
  for (uint64_t at = 0x123; at < kGuest; at += 977 * 4096) {
    const WalkResult result = walker.walk({tables.root(), VirtAddr(at), Access::store}, now);
    ASSERT_EQ(result.status, Status::ok) << at;
    ASSERT_EQ(result.pfn, Pfn(at >> 12));
    ASSERT_EQ(result.writes, 0);
  }
  EXPECT_NE(walker.walk({tables.root(), VirtAddr(kGuest), Access::load}, now).status, Status::ok);
}

INSTANTIATE_TEST_SUITE_P(Formats, Hypervisor,
                         testing::Values(HypervisorCase{"x86-64", NestedPage::small, (1 + 1 + 1 + 512) * 4096},
                                         HypervisorCase{"x86-64", NestedPage::medium, (1 + 1 + 1) * 4096},
                                         HypervisorCase{"x86-64", NestedPage::large, (1 + 1) * 4096},
                                         HypervisorCase{"la57", NestedPage::small, (1 + 1 + 1 + 1 + 512) * 4096},
                                         HypervisorCase{"sv39", NestedPage::medium, (1 + 1) * 4096},
                                         HypervisorCase{"ia32", NestedPage::small, (1 + 256) * 4096},
                                         HypervisorCase{"linear32", NestedPage::small, 4 << 20}));

TEST(HypervisorTest, WhatCannotBeIsSaidInOneLine) {
  const auto message = [](const NestedConfig& config, uint64_t bytes, unsigned shift = 12) -> std::string {
    try {
      HostTables tables(*find_page_table_format(config.format), config, bytes, PageSize{shift});
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "";
  };
  constexpr uint64_t kMb = uint64_t{1} << 20;
  MachineConfig unknown;
  unknown.nested.format = "sv40";
  EXPECT_THROW(make_host_page_table_format(unknown), std::invalid_argument);
  EXPECT_NE(message({.format = "ia32", .page = NestedPage::medium}, kMb).find("nested.page"), std::string::npos);
  EXPECT_NE(message({.page = NestedPage::medium}, 3 * kMb).find("dram.size"), std::string::npos);
  EXPECT_NE(message({}, 4 * kMb, 16).find("nested.page"), std::string::npos);
  EXPECT_EQ(message({.page = NestedPage::medium}, 4 * kMb, 16), "");
  EXPECT_EQ(message({.page = NestedPage::base}, 4 * kMb), "") << "the format's own, 4 KB";
  EXPECT_NE(message({.format = "ia32"}, 4096 * kMb).find("dram.size"), std::string::npos);
  EXPECT_NE(message({.format = "sv39"}, (uint64_t{1} << 38) + kMb).find("dram.size"), std::string::npos);
}

}  // namespace
}  // namespace faultline::hw
