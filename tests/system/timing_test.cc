// What a cycle is on the textbook machine: every figure of the stack follows
// from counts, one latency and one cycle an instruction.
#include <gtest/gtest.h>

#include <utility>

#include "harness.h"

namespace faultline::system_test {
namespace {

constexpr uint64_t kLatency = 100;  // of the textbook machine's memory

void expect_walk_arithmetic(const RunResult& result, uint64_t latency) {
  ASSERT_TRUE(result.stats.is_object()) << result.err;
  EXPECT_EQ(count(result.stats, "cycle_stack.walk"),
            (count(result.stats, "translation.walk_reads") + count(result.stats, "translation.walk_writes") +
             count(result.stats, "translation.fault_walk_reads")) *
                latency)
      << result.line;
}

TEST(CycleStack, TheWalkersShareIsItsAccessesTimesTheLatency) {
  for (const char* program : {"matrix_multiply", "fork_write", "straddle", "pipes_procs", "eof_mapping"})
    for (const char* tlb : {"tlb.enabled=true", "tlb.enabled=false"}) {
      RunRequest request{.machine = "textbook", .settings = {tlb}, .program = program};
      if (request.program == "matrix_multiply") request.arguments = {"24"};
      expect_walk_arithmetic(faultline_run(request), kLatency);
    }
}

TEST(CycleStack, FollowsTheLatency) {
  // One process: with several, the moment of a switch would move with the time.
  RunRequest request{.machine = "textbook", .program = "stream", .arguments = {"4096", "1"}};
  RunResult once = faultline_run(request);
  request.settings = {"dram.flat_cycles=200"};
  RunResult twice = faultline_run(request);
  expect_walk_arithmetic(once, kLatency);
  expect_walk_arithmetic(twice, 2 * kLatency);
  // User-mode memory time doubles, and no count changes.
  for (const char* account : {"cycle_stack.fetch", "cycle_stack.data", "cycle_stack.walk"})
    EXPECT_EQ(count(twice.stats, account), 2 * count(once.stats, account)) << account;
  EXPECT_EQ(count(twice.stats, "cycle_stack.compute"), count(once.stats, "cycle_stack.compute"));
  for (const char* part : {"references", "translation", "tlb", "faults"})
    EXPECT_EQ(twice.stats.at(part), once.stats.at(part)) << part;
}

// docs/worked-example.md, figure by figure.
TEST(WorkedExample, ComesOutAsByHand) {
  RunResult result = faultline_run({.machine = "textbook", .program = "worked_example"});
  ASSERT_EQ(result.status, 0) << result.err;
  const std::pair<const char*, uint64_t> by_hand[] = {
      {"instructions", 12},
      {"references.fetch", 13},
      {"references.load", 2},
      {"references.store", 2},
      {"references.total", 17},
      {"translation.walks", 2},
      {"translation.walk_reads", 8},
      {"translation.walk_writes", 3},
      {"translation.dirty_walks", 0},
      {"translation.fault_walk_reads", 5},
      {"tlb.l1i.lookups", 13},
      {"tlb.l1i.misses", 1},
      {"tlb.l1d.lookups", 4},
      {"tlb.l1d.misses", 1},
      {"cycle_stack.compute", 12},
      {"cycle_stack.fetch", 1300},
      {"cycle_stack.data", 400},
      {"cycle_stack.walk", 1600},
      {"cycle_stack.tlb", 0},
      {"faults.demand_zero", 2},  // the data page, and the stack that exec wrote
      {"faults.file", 1}};
  for (const auto& [name, value] : by_hand) EXPECT_EQ(count(result.stats, name), value) << name;
  EXPECT_DOUBLE_EQ(number(result.stats, "translation.penalty"), 25.0 / 17.0);
}

TEST(WorkedExample, WithoutTlbEveryReferenceWalks) {
  RunResult result =
      faultline_run({.machine = "textbook", .settings = {"tlb.enabled=false"}, .program = "worked_example"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(count(result.stats, "translation.walk_reads"), 68u);
  EXPECT_EQ(number(result.stats, "translation.penalty"), 5.0);
}

}  // namespace
}  // namespace faultline::system_test
