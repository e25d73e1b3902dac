// Differences of counters between two moments of a run.
#include "cli/report/counters.h"

#include <gtest/gtest.h>

#include "cli/report/statistics_json.h"

namespace faultline::cli {
namespace {

RunStatistics moment(uint64_t n) {
  RunStatistics s;
  s.instructions = 10 * n;
  s.cycles = 100 * n;
  s.references = {n, 2 * n, 3 * n};
  s.translation.walks = 4 * n;
  s.l1d.misses = 5 * n;
  s.caches = {{"l1d", {.accesses = 6 * n}}, {"l2", {.misses = n}}};
  s.dram.reads[1] = 7 * n;
  s.cycle_stack.book(CycleAccount::walk, Cycles(100 * n));
  s.faults.cow = 8 * n;
  s.swap = {.ins = n, .outs = n, .slots_total = 1000, .slots_used_peak = 10 * n};
  s.frames.total = 50;
  s.disk.busy_seconds = 0.5 * static_cast<double>(n);
  s.syscalls = {{"read", n}};
  if (n > 2) s.syscalls.push_back({"write", n});
  return s;
}

TEST(Counters, ADifferenceIsWhatHappenedBetween) {
  RunStatistics interval = moment(5);
  subtract_counters(interval, moment(2));
  RunStatistics sum;
  add_counters(sum, interval);
  add_counters(sum, moment(1));
  EXPECT_EQ(sum.instructions, 40u);
  EXPECT_EQ(sum.cycles, 400u);
  EXPECT_EQ(sum.references.total(), 24u);
  EXPECT_EQ(sum.translation.walks, 16u);
  EXPECT_EQ(sum.l1d.misses, 20u);
  ASSERT_EQ(sum.caches.size(), 2u);
  EXPECT_EQ(sum.caches[0].name, "l1d");
  EXPECT_EQ(sum.caches[0].counts.accesses, 24u);
  EXPECT_EQ(sum.caches[1].counts.misses, 4u);
  EXPECT_EQ(sum.dram.reads[1], 28u);
  EXPECT_EQ(sum.cycle_stack.total(), 400u);
  EXPECT_EQ(sum.faults.cow, 32u);
  EXPECT_EQ(sum.swap.ins, 4u);
  EXPECT_EQ(sum.swap.slots_total, 0u);  // no counter
  EXPECT_DOUBLE_EQ(sum.disk.busy_seconds, 2.0);
}

TEST(Counters, CopyingLeavesGauges) {
  RunStatistics whole = moment(9);
  RunStatistics part = moment(5);
  subtract_counters(part, moment(4));
  copy_counters(whole, part);
  EXPECT_EQ(whole.instructions, 10u);
  EXPECT_EQ(whole.swap.slots_used_peak, 90u);
  EXPECT_EQ(whole.frames.total, 50u);
  ASSERT_EQ(whole.syscalls.size(), 2u);
  EXPECT_EQ(whole.syscalls[0].second, 1u);
  subtract_counters(part, moment(1));
  copy_counters(whole, part);
  // Calls that were not made in the region are none of its calls.
  EXPECT_EQ(whole.syscalls.size(), 1u);
}

}  // namespace
}  // namespace faultline::cli
