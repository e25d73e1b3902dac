// Several harts: programs print what they print on one, nothing out of date is
// ever used, what runs at once takes less time, and equal runs are equal.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

#include "guest_program.h"

namespace faultline::system_test {
namespace {

using Settings = std::vector<std::string>;

// Threads, processes, signals, timers, pipes, sockets, and what they share.
constexpr const char* kPrograms[] = {
    "threads",        "thread_ends",     "robust_locks",   "signals",      "timers",     "job_control",
    "pipes_procs",    "ping_pong",       "shared_counter", "sockets",      "huge_pages", "fork_before_after",
    "fork_exec_wait", "fork_exec_large", "fork_half",      "fork_write",   "child_pid",  "fork_last_owner",
    "syscall_errors", "private_shared",  "swap_full",      "io_overlap",   "file_ops",   "sparse_file",
    "table_reuse",    "memory_lock",     "memory_advice",  "tight_memory", "harts",      "self_modify"};

struct Printed {
  std::vector<std::string> out;
  std::vector<int> status;
  bool operator==(const Printed&) const = default;
};

Printed run_program(const GuestProgram& program, const Settings& settings) {
  FreshDirectory directory;
  make_files(program, directory.path());
  Printed printed;
  for (const auto& arguments : program.runs) {
    RunRequest request = faultline_request(program, arguments, directory.path());
    request.settings = settings;
    const RunResult got = faultline_run(request);
    EXPECT_FALSE(got.timed_out) << got.line;
    // Invariants that do not hold make the status 2 and say so.
    EXPECT_EQ(got.err.find("internal error"), std::string::npos) << got.line << "\n" << got.err;
    printed.out.push_back(got.out);
    printed.status.push_back(got.status);
  }
  return printed;
}

class OnSeveralHarts : public testing::TestWithParam<GuestProgram> {};

TEST_P(OnSeveralHarts, PrintsWhatItPrintsOnOne) {
  const Printed one = run_program(GetParam(), {});
  for (const char* harts : {"hart.count=2", "hart.count=4"}) {
    for (const char* quantum : {"hart.quantum=1000", "hart.quantum=100000"}) {
      const Printed several = run_program(GetParam(), {harts, quantum});
      EXPECT_EQ(several.out, one.out) << harts << " " << quantum;
      EXPECT_EQ(several.status, one.status) << harts << " " << quantum;
    }
  }
}

TEST_P(OnSeveralHarts, PrintsTheSameInLittleMemory) {
  const Printed one = run_program(GetParam(), {});
  EXPECT_EQ(run_program(GetParam(),
                        {"hart.count=4", "hart.quantum=5000", "dram.size=2M", "swap.size=64M", "os.timer_hz=5000"}),
            one);
}

std::vector<GuestProgram> chosen() {
  std::vector<GuestProgram> programs;
  for (const GuestProgram& program : guest_programs()) {
    if (std::find(std::begin(kPrograms), std::end(kPrograms), program.name) != std::end(kPrograms))
      programs.push_back(program);
  }
  return programs;
}

INSTANTIATE_TEST_SUITE_P(, OnSeveralHarts, testing::ValuesIn(chosen()),
                         [](const auto& item) { return item.param.name; });

RunResult run_harts(const std::vector<std::string>& arguments, Settings settings, const std::string& machine = "") {
  RunRequest request{.machine = machine, .settings = std::move(settings), .program = "harts", .arguments = arguments};
  RunResult result = faultline_run(request);
  EXPECT_EQ(result.status, 0) << result.line << "\n" << result.err;
  return result;
}

// --- nothing out of date ---------------------------------------------------------

// Every thread's access after a change faults or reads as the change says, exactly.
void expect_nothing_stale(const Settings& settings, const std::string& machine) {
  const RunResult result = run_harts({"stale", "3", "6"}, settings, machine);
  EXPECT_EQ(result.out,
            "read-only: 18 faults, 0 wrong\n"
            "no access: 18 faults, 0 wrong\n"
            "unmapped: 18 faults, 0 wrong\n"
            "fresh: 0 faults, 0 wrong\n"
            "dropped: 0 faults, 0 wrong\n"
            "another file: 0 faults, 0 wrong\n"
            "back: 0 faults, 0 wrong\n")
      << result.line;
  EXPECT_GT(count(result.stats, "shootdowns.sent"), 0u);
  EXPECT_GE(count(result.stats, "shootdowns.received"), count(result.stats, "shootdowns.sent"));
  EXPECT_GE(count(result.stats, "shootdowns.pages") + count(result.stats, "shootdowns.spaces"),
            count(result.stats, "shootdowns.received"));
}

TEST(Shootdown, LeavesNothingStale) {
  for (const char* quantum : {"hart.quantum=1000", "hart.quantum=100000"})
    expect_nothing_stale({"hart.count=4", quantum}, "");
}
TEST(Shootdown, LeavesNothingStaleWithCachesAndTwoLevels) { expect_nothing_stale({"hart.count=4"}, "core-i7"); }
TEST(Shootdown, LeavesNothingStaleWithoutShortcuts) {
  expect_nothing_stale({"hart.count=3", "hart.fast_path=false", "hart.quantum=2000"}, "");
}
TEST(Shootdown, LeavesNothingStaleWithAddressSpacesApart) {
  expect_nothing_stale({"hart.count=4", "tlb.asids=true", "walker.caches=true"}, "sv39");
}
TEST(Shootdown, LeavesNothingStaleWhereTheKernelIsTranslated) {
  expect_nothing_stale({"hart.count=4", "os.translated=true"}, "");
}
TEST(Shootdown, LeavesNothingStaleUnderNestedTranslation) {
  expect_nothing_stale({"hart.count=2", "nested.enabled=true"}, "");
}

// The initiator pays its price, each target the interrupt and its pages.
TEST(Shootdown, HasItsPrice) {
  const Settings base = {"hart.count=4", "os.costs.interrupt=0", "os.costs.tlb_flush_page=0"};
  const auto interrupt_cycles = [&](const char* setting) {
    Settings settings = base;
    settings.push_back(setting);
    return run_harts({"stale", "3", "4"}, settings).stats;
  };
  const Json dear = interrupt_cycles("os.costs.shootdown=50000");
  const Json cheap = interrupt_cycles("os.costs.shootdown=0");
  const auto calls = [](const Json& stats) {
    return count(stats, "cycle_stack.syscall") + count(stats, "cycle_stack.minor_fault");
  };
  EXPECT_GE(calls(dear), calls(cheap) + count(dear, "shootdowns.sent") * 50'000 / 2);
}

TEST(Shootdown, OneHartSendsNone) {
  const RunResult result = run_harts({"stale", "2", "2"}, {});
  EXPECT_FALSE(has(result.stats, "shootdowns"));
  EXPECT_FALSE(has(result.stats, "harts"));
}

// --- code, atomics, children -------------------------------------------------------

TEST(Harts, RunTheFunctionThatWasWrittenLast) {
  for (const char* quantum : {"hart.quantum=500", "hart.quantum=100000"}) {
    for (const char* fast : {"hart.fast_path=true", "hart.fast_path=false"}) {
      const RunResult result = run_harts({"code", "3", "25"}, {"hart.count=4", quantum, fast});
      EXPECT_EQ(result.out, "225 of 225 calls were of the function written last\n") << result.line;
    }
  }
}

// With the shortest quantum and slow memory every LR and its SC would lie in different quanta.
TEST(Harts, CountExactlyAndGetOn) {
  for (const char* quantum : {"hart.quantum=100", "hart.quantum=1777", "hart.quantum=100000"}) {
    const RunResult result = run_harts({"counters", "4", "300"}, {"hart.count=4", quantum});
    EXPECT_EQ(result.out, "1200 swapped, 1200 added, 152 in the lock\n") << result.line;
  }
}

TEST(Harts, AChildDoesNotSeeWhatItsParentsThreadsWrite) {
  for (const char* quantum : {"hart.quantum=700", "hart.quantum=100000"}) {
    const RunResult result = run_harts({"snapshot", "3", "8"}, {"hart.count=4", quantum});
    EXPECT_EQ(result.out, "8 of 8 children saw nothing change\n") << result.line;
  }
}

TEST(Harts, AreSeenByThePrograms) {
  const RunResult result = run_harts({"where"}, {"hart.count=3"});
  EXPECT_EQ(result.out,
            "3 harts, 3 online\n"
            "on 0 of node 0, may run on 1\nits child ran on 0\n"
            "on 1 of node 0, may run on 1\nits child ran on 1\n"
            "on 2 of node 0, may run on 1\nits child ran on 2\n"
            "on one that is not there: Invalid argument\n");
}

// --- time ------------------------------------------------------------------------------

TEST(Harts, ShareTheWork) {
  const auto cycles = [](const char* harts, const char* processes) {
    return static_cast<double>(count(run_harts({"spread", processes, "400000"}, {harts}).stats, "cycles"));
  };
  const double alone = cycles("hart.count=1", "4");
  EXPECT_NEAR(cycles("hart.count=2", "4") / alone, 0.5, 0.06);
  EXPECT_NEAR(cycles("hart.count=4", "4") / alone, 0.25, 0.06);
  EXPECT_NEAR(cycles("hart.count=4", "1") / cycles("hart.count=1", "1"), 1.0, 0.02) << "nothing to share";
}

TEST(Harts, BookEveryCycle) {
  const RunResult result = run_harts({"spread", "3", "50000"}, {"hart.count=4"}, "core-i7");
  uint64_t sum = 0, instructions = 0, idle = 0;
  for (const auto& [account, cycles] : result.stats.at("cycle_stack").items()) sum += cycles.get<uint64_t>();
  EXPECT_EQ(sum, 4 * count(result.stats, "cycles"));
  ASSERT_EQ(result.stats.at("harts").size(), 4u);
  for (const Json& hart : result.stats.at("harts")) {
    instructions += count(hart, "instructions");
    idle += count(hart, "idle");
    EXPECT_EQ(count(hart, "tlb.l1d.hits") + count(hart, "tlb.l1d.misses"), count(hart, "tlb.l1d.lookups"));
  }
  EXPECT_EQ(instructions, count(result.stats, "instructions"));
  EXPECT_EQ(idle, count(result.stats, "cycle_stack.idle"));
}

TEST(Harts, EqualRunsAreEqual) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"stale", "3", "3"}, {"snapshot", "3", "4"}, {"counters", "3", "200"}}) {
    RunResult first = run_harts(arguments, {"hart.count=4"}, "core-i7");
    RunResult second = run_harts(arguments, {"hart.count=4"}, "core-i7");
    first.stats.erase("host");
    second.stats.erase("host");
    EXPECT_EQ(first.stats, second.stats) << Json::diff(first.stats, second.stats).dump(2);
  }
}

TEST(Harts, RegionsAreCountedOfAllOfThem) {
  RunRequest request{.settings = {"hart.count=2"}, .program = "regions", .arguments = {"fork", "8", "50"}};
  const RunResult result = faultline_run(request);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_GT(count(result.stats, "regions.count"), 0u);
}

// --- what is of one hart ------------------------------------------------------------------

TEST(Harts, WhatWatchesOneHartIsRefused) {
  FreshDirectory directory;
  const auto refused = [&](Settings settings, std::vector<std::string> options) {
    RunRequest request{.settings = std::move(settings), .options = std::move(options), .program = "harts"};
    request.settings.insert(request.settings.begin(), "hart.count=2");
    const RunResult result = faultline_run(request);
    EXPECT_EQ(result.status, 2) << result.line;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    return result.err;
  };
  EXPECT_NE(refused({"observe.tlb=true"}, {}).find("hart.count = 2"), std::string::npos);
  EXPECT_NE(refused({"observe.pages=true"}, {}).find("hart.count = 2"), std::string::npos);
  EXPECT_NE(refused({"observe.interval=1000"}, {}).find("hart.count = 2"), std::string::npos);
  const std::string file = (directory.path() / "recording").string();
  EXPECT_NE(refused({}, {"--record", file}).find("--record"), std::string::npos);
  EXPECT_FALSE(fs::exists(file));
}

// The run ends when the last transfer has, on whichever hart that is heard of.
TEST(Harts, EndWithATransferOfAnother) {
  RunRequest request{.settings = {"hart.count=4", "tlb.asids=true", "walker.caches=true", "os.translated=true",
                                  "cache.enabled=true", "hart.quantum=3000"},
                     .program = "shared_libraries",
                     .arguments = {"5"}};
  const RunResult result = faultline_run(request);
  EXPECT_FALSE(result.timed_out);
  EXPECT_EQ(result.status, 0) << result.err;
}

TEST(Harts, SixtyFourOfThem) {
  const RunResult result = run_harts({"spread", "16", "3000"}, {"hart.count=64"});
  EXPECT_EQ(result.stats.at("harts").size(), 64u);
  EXPECT_EQ(result.out, run_harts({"spread", "16", "3000"}, {}).out);
}

}  // namespace
}  // namespace faultline::system_test
