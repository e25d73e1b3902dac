// Regions of interest: the counters are those between the marks, whatever the
// guest does with them; and a mark costs what a no-operation costs.
#include <gtest/gtest.h>

#include "harness.h"

namespace faultline::system_test {
namespace {

RunResult regions(const std::string& mode, unsigned pages, unsigned rounds, std::vector<std::string> settings = {}) {
  return faultline_run({.settings = std::move(settings),
                        .program = "regions",
                        .arguments = {mode, std::to_string(pages), std::to_string(rounds)}});
}

// 8 pages of data, the stack and the code fit a TLB of 32 x 2; all were used.
TEST(Region, OfALoopThatFitsTheTlbHasAPenaltyOfExactlyOne) {
  for (const char* paging : {"x86-64", "sv39", "linear32"}) {
    SCOPED_TRACE(paging);
    const RunResult result = regions("loop", 8, 1000, {std::string("paging.format=") + paging});
    ASSERT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(number(result.stats, "translation.penalty"), 1.0);
    EXPECT_EQ(count(result.stats, "translation.walks"), 0u);
    EXPECT_EQ(count(result.stats, "tlb.l1d.misses"), 0u);
    EXPECT_EQ(count(result.stats, "tlb.l1i.misses"), 0u);
    EXPECT_EQ(count(result.stats, "tlb.l1d.lookups"),
              count(result.stats, "references.load") + count(result.stats, "references.store"));
    EXPECT_GE(count(result.stats, "references.load"), 8'000u);
    EXPECT_LT(count(result.stats, "references.load"), 8'100u);
    EXPECT_EQ(count(result.stats, "regions.count"), 1u);
    EXPECT_EQ(count(result.stats, "cycle_stack.walk"), 0u);
  }
}

// Without a TLB every reference of the region walks, and no other is counted.
TEST(Region, WithoutATlbWalksForEveryReference) {
  const RunResult result = regions("loop", 8, 500, {"tlb.enabled=false"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(number(result.stats, "translation.penalty"), 5.0);
  EXPECT_LT(count(result.stats, "references.load"), 4'100u);
}

TEST(Region, RepeatedIsTwiceTheRegion) {
  const RunResult once = regions("loop", 8, 1000);
  const RunResult twice = regions("twice", 8, 1000);
  ASSERT_EQ(twice.status, 0) << twice.err;
  EXPECT_EQ(count(twice.stats, "regions.count"), 2u);
  EXPECT_EQ(count(twice.stats, "instructions"), 2 * count(once.stats, "instructions"));
  // The first region of the two touches its pages first: a load that maps the
  // zero page and a store that copies it, and each instruction is fetched again.
  EXPECT_EQ(count(once.stats, "faults.minor"), 0u);
  EXPECT_EQ(count(twice.stats, "faults.minor"), 16u);
  EXPECT_EQ(count(twice.stats, "references.total"), 2 * count(once.stats, "references.total") + 16);
}

// Ends with the run where nobody ends it: exit is in it.
TEST(Region, AfterWarmUpLastsToTheEnd) {
  const RunResult result = regions("warmup", 8, 1000);
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(count(result.stats, "regions.count"), 1u);
  EXPECT_TRUE(result.stats.at("regions").at("open"));
  EXPECT_GE(count(result.stats, "syscalls.exit_group"), 1u);
  EXPECT_FALSE(has(result.stats, "syscalls.execve"));
  EXPECT_LT(count(result.stats, "instructions"), count(result.stats, "regions.whole.instructions"));
}

TEST(Region, NoMarkNoRegion) {
  const RunResult result = regions("none", 8, 1000);
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_FALSE(has(result.stats, "regions"));
}

// The whole run is what it is without marks, but for the marks themselves: one
// instruction, one fetch, one cycle and one latency each.
TEST(Region, AMarkCostsANoOperation) {
  const RunResult storm = regions("storm", 8, 1000);
  const RunResult longer = regions("storm", 8, 3000);
  ASSERT_EQ(longer.status, 0) << longer.err;
  EXPECT_EQ(count(longer.stats, "regions.count"), 3000u);
  // In each region there is only its end.
  EXPECT_EQ(count(longer.stats, "instructions"), 3000u);
  EXPECT_EQ(count(longer.stats, "references.fetch"), 3000u);
  EXPECT_EQ(count(longer.stats, "cycles"), 3000u * 101u);
  // begin, end, and two instructions of the loop.
  const uint64_t more =
      count(longer.stats, "regions.whole.instructions") - count(storm.stats, "regions.whole.instructions");
  EXPECT_GE(more, 2000u * 3u);
  EXPECT_LE(more, 2000u * 5u);
}

TEST(Region, UnpairedMarksAreCountedAndIgnored) {
  const RunResult result = regions("unpaired", 8, 1000);
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(count(result.stats, "regions.count"), 1u);
  EXPECT_EQ(count(result.stats, "regions.ignored"), 4u);
  EXPECT_FALSE(result.stats.at("regions").at("open"));
}

// Fast paths change nothing, marks in several processes break no sum (every
// run checks them), and the caches' counters follow.
TEST(Region, IsTheSameWithoutFastPaths) {
  for (const char* mode : {"loop", "twice", "warmup", "unpaired", "storm", "fork"}) {
    SCOPED_TRACE(mode);
    for (const char* machine : {"textbook", "core-i7"}) {
      RunRequest request{.machine = machine, .program = "regions", .arguments = {mode, "40", "100"}};
      request.settings = {"observe.tlb=true"};
      RunResult fast = faultline_run(request);
      request.settings.push_back("hart.fast_path=false");
      RunResult slow = faultline_run(request);
      for (RunResult* result : {&fast, &slow}) {
        ASSERT_EQ(result->status, 0) << result->err;
        for (const char* part : {"host", "config"}) result->stats.erase(part);
      }
      EXPECT_EQ(fast.stats, slow.stats);
    }
  }
}

// What is observed is observed in the region: the surface has the run's own TLB in it.
TEST(Region, HoldsForWhatIsObserved) {
  const RunResult result = regions("twice", 100, 20, {"observe.tlb=true"});
  ASSERT_EQ(result.status, 0) << result.err;
  for (const char* side : {"l1i", "l1d"}) {
    for (const Json& row : result.stats.at("observe").at("tlb").at(side)) {
      if (row.at("sets") != 32 || row.at("ways") != 2) continue;
      EXPECT_EQ(row.at("misses"), count(result.stats, std::string("tlb.") + side + ".misses")) << side;
    }
  }
  EXPECT_GT(count(result.stats, "tlb.l1d.misses"), 1000u);
}

}  // namespace
}  // namespace faultline::system_test
