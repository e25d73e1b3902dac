// A guest that issues system calls with random arguments never crashes, hangs
// or trips an invariant of faultline, and never reaches a file of the host that
// it was not given. FAULTLINE_STORM_CALLS changes how many (100 000).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "harness.h"

namespace faultline::system_test {
namespace {

TEST(SystemCallStorm, HarmsNothing) {
  const char* calls = std::getenv("FAULTLINE_STORM_CALLS");
  FreshDirectory directory, outside;
  fs::path work = directory.path() / "work";
  fs::create_directories(work / "dir");
  write_file(work / "a", "a file of the current directory\n");
  write_file(work / "dir" / "c", "and one below it\n");
  write_file(directory.path() / "above", "a file above the current directory\n");
  write_file(outside.path() / "forbidden", "nobody gave this to the guest\n");
  auto before = contents(directory.path()), forbidden_before = contents(outside.path());

  RunResult result = faultline_run(
      {.program = "syscall_storm",
       .arguments = {"in-a-model", calls ? calls : "100000", "1", (outside.path() / "forbidden").string()},
       .command = {.directory = work.string(), .limit = std::chrono::seconds(540)}});
  EXPECT_FALSE(result.timed_out);
  EXPECT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_EQ(result.err.find("internal error"), std::string::npos) << result.err;
  EXPECT_THAT(result.out, testing::HasSubstr("all calls were made: yes"));
  EXPECT_THAT(result.out, testing::HasSubstr("the forbidden file: ENOENT\n"));
  EXPECT_EQ(contents(directory.path()), before);
  EXPECT_EQ(contents(outside.path()), forbidden_before);
}

void run_barrage(const std::string& seed) {
  FreshDirectory directory;
  fs::path work = directory.path() / "work";
  fs::create_directories(work);
  write_file(work / "kept", "a file of the current directory\n");
  write_file(directory.path() / "above", "a file above it\n");
  auto before = contents(directory.path());
  RunResult result = faultline_run({.machine = "core-i7",
                                    .program = "syscall_barrage",
                                    .arguments = {"in-a-model", "100000", seed},
                                    .command = {.directory = work.string(), .limit = std::chrono::seconds(540)}});
  EXPECT_FALSE(result.timed_out) << "seed " << seed;
  EXPECT_EQ(result.status, 0) << "seed " << seed << "\n" << result.err;
  EXPECT_EQ(result.out, "100000 system calls; the parent is as it was\n") << "seed " << seed;
  EXPECT_EQ(result.err.find("internal error"), std::string::npos) << result.err;
  EXPECT_EQ(contents(directory.path()), before) << "seed " << seed;
}

// 100 000 calls by forked workers with arguments of every kind: the run goes on
// to its end, and the parent's memory is what it was. Two seeds, or 20 where
// FAULTLINE_SOAK is set.
TEST(SystemCallBarrage, LeavesTheParentAsItWas) {
  const int seeds = std::getenv("FAULTLINE_SOAK") ? 20 : 2;
  for (int seed = 1; seed <= seeds; ++seed) run_barrage(std::to_string(seed));
}

}  // namespace
}  // namespace faultline::system_test
