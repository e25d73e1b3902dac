// Memory as programs meet it: the zero page, swap, a machine that is full,
// fork and copy on write.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.h"

namespace faultline::system_test {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ZeroPage, OneFrameStandsForAGigabyte) {
  RunResult result = faultline_run({.settings = {"dram.size=64M"},
                                    .program = "zero_read",
                                    .arguments = {"1024"},
                                    .command = {.limit = std::chrono::seconds(100)}});
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  const uint64_t pages = 262144;
  EXPECT_EQ(result.out, "1048576 reads, all zero: yes\n");
  EXPECT_GE(count(result.stats, "faults.zero_page"), pages);
  EXPECT_LT(count(result.stats, "faults.zero_page"), pages + 100);
  EXPECT_EQ(count(result.stats, "swap.outs"), 0u);
  EXPECT_EQ(count(result.stats, "swap.ins"), 0u);
  EXPECT_LT(count(result.stats, "frames.anonymous"), 200u);
  EXPECT_LT(count(result.stats, "zeroed.pages"), 2000u);  // page tables: one frame for 512 pages
}

// One last-level table for 2 MB, whatever it maps.
TEST(PageTables, AreCountedByLevel) {
  RunResult result = faultline_run({.program = "zero_read", .arguments = {"64"}});
  ASSERT_EQ(result.status, 0) << result.err;
  const Json& levels = result.stats.at("page_tables").at("by_level");
  ASSERT_EQ(levels.size(), 4u);
  uint64_t now = 0;
  uint64_t peaks = 0;
  for (const Json& level : levels) {
    now += level.at("bytes").get<uint64_t>();
    peaks += level.at("peak_bytes").get<uint64_t>();
  }
  EXPECT_EQ(now, count(result.stats, "frames.page_tables") * 4096);
  EXPECT_GE(peaks, count(result.stats, "frames.peak_page_table_bytes"));
  EXPECT_EQ(levels[0].at("level"), 3u);
  EXPECT_EQ(levels[0].at("peak_bytes"), 4096u);  // one root
  EXPECT_EQ(levels[3].at("level"), 0u);
  EXPECT_GE(levels[3].at("peak_bytes"), 32u * 4096);
  EXPECT_LE(levels[3].at("peak_bytes"), 40u * 4096);
}

// What a process has on swap counts as much as what it has in memory.
TEST(OutOfMemory, KillsWhoeverHoldsMost) {
  RunResult result =
      faultline_run({.settings = {"dram.size=2M", "swap.size=16M", "vm.overcommit=1"}, .program = "oom_victim"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "the first to end: the large one, by signal 9\n") << result.err;
  EXPECT_THAT(result.err, HasSubstr("KB in memory, ")) << result.err;
  EXPECT_THAT(result.err, HasSubstr(" KB on swap and ")) << result.err;
}

TEST(OutOfMemory, ExecSaysThatTheCommitLimitForbidsIt) {
  RunResult result =
      faultline_run({.settings = {"dram.size=2M", "swap.size=0", "vm.overcommit=2", "vm.overcommit_ratio=1"},
                     .program = "page_size"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("more memory than may be promised")) << result.err;
}

TEST(Swap, CarriesWhatDoesNotFit) {
  RunResult result = faultline_run({.settings = {"dram.size=64M", "swap.size=128M", "vm.replacement=two-handed"},
                                    .program = "random_write",
                                    .arguments = {"96"},
                                    .command = {.limit = std::chrono::seconds(110)}});
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_EQ(result.out, "pass 1: 24576 pages, 0 words wrong\npass 2: 24576 pages, 0 words wrong\n");
  EXPECT_GT(count(result.stats, "swap.outs"), 8192u);
  EXPECT_GT(count(result.stats, "swap.ins"), 8192u);
  EXPECT_GT(count(result.stats, "faults.swap_in"), 8192u);
  EXPECT_GT(count(result.stats, "pageout.front_hand"), 0u);
  EXPECT_GT(count(result.stats, "pageout.back_hand"), 0u);
  EXPECT_LE(count(result.stats, "swap.slots_used_peak"), count(result.stats, "swap.slots_total"));
}

TEST(Swap, IsNotUsedWhileMemoryLasts) {
  RunResult result = faultline_run({.program = "random_write", .arguments = {"8"}});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(count(result.stats, "swap.outs"), 0u);
  EXPECT_EQ(count(result.stats, "pageout.wakeups"), 0u);
}

TEST(FullMachine, StrictOvercommitRefuses) {
  RunResult result =
      faultline_run({.settings = {"dram.size=32M", "swap.size=16M", "vm.overcommit=2", "vm.overcommit_ratio=50"},
                     .program = "swap_full",
                     .arguments = {"128"}});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("eater: refused: ENOMEM\n"));
  EXPECT_THAT(result.out, HasSubstr("; 0 words wrong\nwitness: the eater ended with 0; 0 words of mine wrong\n"));
  EXPECT_EQ(count(result.stats, "pageout.out_of_memory"), 0u);
  EXPECT_GT(count(result.stats, "commit.refused"), 0u);
  // CommitLimit = half of 32 MiB and all of swap: the eater cannot have more.
  EXPECT_LE(count(result.stats, "commit.peak"), count(result.stats, "commit.limit"));
}

TEST(FullMachine, FreeOvercommitKillsAndSaysSo) {
  RunResult result = faultline_run({.settings = {"dram.size=32M", "swap.size=16M", "vm.overcommit=1"},
                                    .program = "swap_full",
                                    .arguments = {"128"}});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("out of memory"));
  EXPECT_EQ(result.out, "witness: the eater ended with 137; 0 words of mine wrong\n");
  EXPECT_EQ(count(result.stats, "pageout.out_of_memory"), 1u);
}

// Memory in which the program does not fit, or hardly: it ends, one way or the
// other, and says how. A mark of one frame leaves page-out nothing to spare.
TEST(TightMemory, GetsOnOrSaysThatMemoryIsOut) {
  int killed = 0, done = 0, refused = 0;
  for (const char* dram : {"2M", "4M", "8M"}) {
    for (const char* swap : {"0", "2M", "8M"}) {
      for (const char* overcommit : {"0", "1", "2"}) {
        for (const bool marks : {false, true}) {
          RunRequest run{.settings = {std::string("dram.size=") + dram, std::string("swap.size=") + swap,
                                      std::string("vm.overcommit=") + overcommit},
                         .options = {"--bind", ".:rw"},
                         .program = "tight_memory",
                         .command = {.limit = std::chrono::seconds(20)}};
          if (marks) {
            for (const char* mark : {"vm.minfree=1", "vm.desfree=2", "vm.lotsfree=4"}) run.settings.push_back(mark);
          }
          const RunResult result = faultline_run(run);
          if (result.status == 0) {
            EXPECT_EQ(result.out, "done, 0 pages wrong\n") << result.line;
            ++done;
          } else if (result.status == 3) {
            EXPECT_EQ(result.out, "refused: ENOMEM\n") << result.line;
            ++refused;
          } else {
            EXPECT_EQ(result.status, 137) << result.line << result.err;
            EXPECT_THAT(result.err, HasSubstr("out of memory")) << result.line;
            EXPECT_GE(count(result.stats, "pageout.out_of_memory"), 1u);
            ++killed;
          }
        }
      }
    }
  }
  EXPECT_GT(killed, 0);
  EXPECT_GT(done, 0);
  EXPECT_GT(refused, 0);
}

// Also those that the kernel takes for a process, in system calls and in exec.
TEST(Faults, OfTheProcessesAddUpToAll) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> programs = {
      {"fork_exec_large", {"4"}}, {"fork_write", {"16"}}, {"random_write", {"1"}}, {"pipes_procs", {}}};
  for (const auto& [program, arguments] : programs) {
    RunResult result = faultline_run({.settings = {"dram.size=16M"}, .program = program, .arguments = arguments});
    ASSERT_EQ(result.status, 0) << program << result.err;
    uint64_t minor = 0, major = 0;
    for (const Json& process : result.stats.at("processes")) {
      minor += process.at("minor_faults").get<uint64_t>();
      major += process.at("major_faults").get<uint64_t>();
    }
    EXPECT_EQ(minor, count(result.stats, "faults.minor")) << program;
    EXPECT_EQ(major, count(result.stats, "faults.major")) << program;
  }
}

TEST(Fork, ThenExecCopiesAlmostNothing) {
  RunResult result = faultline_run({.settings = {"dram.size=64M"}, .program = "fork_exec_large", .arguments = {"48"}});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "child: running\nparent: the child left with 7\nparent: the memory is as it was: yes\n");
  EXPECT_LT(count(result.stats, "copies.pages"), 20u);
  EXPECT_GE(count(result.stats, "faults.demand_zero"), 12288u);  // 48 MiB
}

TEST(Fork, OfMoreThanHalfOfMemoryIsRightToTheByte) {
  RunResult result = faultline_run({.settings = {"dram.size=32M", "swap.size=64M"},
                                    .program = "fork_half",
                                    .arguments = {"20"},
                                    .command = {.limit = std::chrono::seconds(110)}});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "parent: 0 words wrong; child: all right\n");
  EXPECT_GT(count(result.stats, "swap.outs"), 0u);
  EXPECT_GE(count(result.stats, "copies.pages") + count(result.stats, "faults.cow_reuse"),
            5120u);  // one side of 20 MiB
}

TEST(Fork, WritesOfBothSidesAreRightToTheByte) {
  RunResult result = faultline_run({.program = "fork_write", .arguments = {"96"}});
  EXPECT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_THAT(result.out, Not(HasSubstr("wrong, descendants wrong")));
  EXPECT_GT(count(result.stats, "faults.cow"), 48u);
}

TEST(Fork, TheLastOwnerWritesWithoutACopy) {
  RunResult few = faultline_run({.program = "fork_last_owner", .arguments = {"1"}});
  RunResult many = faultline_run({.program = "fork_last_owner", .arguments = {"1001"}});
  ASSERT_EQ(few.status, 0) << few.err;
  ASSERT_EQ(many.status, 0) << many.err;
  EXPECT_EQ(count(many.stats, "copies.pages"), count(few.stats, "copies.pages"));
  EXPECT_EQ(count(many.stats, "faults.cow"), count(few.stats, "faults.cow"));
  EXPECT_EQ(count(many.stats, "faults.cow_reuse"), count(few.stats, "faults.cow_reuse") + 1000);
}

TEST(DemandZero, EveryPageIsZeroedOnceAndNothingIsRead) {
  RunResult few = faultline_run({.program = "random_write", .arguments = {"1"}});
  RunResult many = faultline_run({.program = "random_write", .arguments = {"5"}});
  ASSERT_EQ(few.status, 0) << few.err;
  ASSERT_EQ(many.status, 0) << many.err;
  // 4 MiB more, and the array that orders the pages is 4 KiB more.
  const uint64_t more = count(many.stats, "faults.demand_zero") - count(few.stats, "faults.demand_zero");
  EXPECT_GE(more, 1024u);
  EXPECT_LE(more, 1026u);
  EXPECT_EQ(count(many.stats, "disk.bytes_read"), count(few.stats, "disk.bytes_read"));
}

}  // namespace
}  // namespace faultline::system_test
