// The part of a run that is measured: what lies before it is run and not counted, programs do not notice, and what is
// counted behind it is what a whole run counts there.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "guest_program.h"

namespace faultline::system_test {
namespace {

using Settings = std::vector<std::string>;

Json without(Json stats, std::initializer_list<const char*> parts) {
  for (const char* part : parts) stats.erase(part);
  return stats;
}

// What two runs may differ in that count the same.
Json counts(const RunResult& run) { return without(run.stats, {"host", "config", "part", "regions"}); }

RunResult run_regions(const std::string& mode, const std::string& machine, Settings settings,
                      std::vector<std::string> options = {}) {
  return faultline_run({.machine = machine,
                        .settings = std::move(settings),
                        .options = std::move(options),
                        .program = "regions",
                        .arguments = {mode, "100", "200"}});
}

TEST(FastForward, ByNothingIsAPlainRun) {
  const RunResult plain = run_regions("none", "core-i7", {});
  const RunResult zero = run_regions("none", "core-i7", {}, {"--fast-forward", "0", "--warm-up", "0"});
  ASSERT_TRUE(plain.stats.is_object()) << plain.err;
  EXPECT_EQ(without(plain.stats, {"host"}).dump(), without(zero.stats, {"host"}).dump());
  EXPECT_FALSE(has(zero.stats, "part"));
}

TEST(FastForward, LeavesTheRestOfTheInstructions) {
  const uint64_t whole = count(run_regions("none", "core-i7", {}).stats, "instructions");
  for (const uint64_t n : {uint64_t{1}, uint64_t{2}, uint64_t{4'999}, uint64_t{77'777}, whole - 1, whole}) {
    SCOPED_TRACE(n);
    const RunResult run = run_regions("none", "core-i7", {}, {"--fast-forward", std::to_string(n)});
    ASSERT_EQ(run.status, 0) << run.err;
    EXPECT_EQ(count(run.stats, "part.fast_forwarded"), n);
    EXPECT_EQ(count(run.stats, "part.warm_up"), 0u);
    EXPECT_TRUE(run.stats.at("part").at("measured"));
    EXPECT_EQ(count(run.stats, "part.whole.instructions"), whole);
    EXPECT_EQ(count(run.stats, "instructions"), whole - n);
    EXPECT_LT(count(run.stats, "cycles"), count(run.stats, "part.whole.cycles"));
  }
}

// The settings are the options.
TEST(FastForward, IsASetting) {
  const RunResult option = run_regions("none", "textbook", {}, {"--fast-forward", "50000", "--warm-up", "3000"});
  const RunResult setting = run_regions("none", "textbook", {"run.fast_forward=50000", "run.warm_up=3000"});
  ASSERT_EQ(option.status, 0) << option.err;
  EXPECT_EQ(without(option.stats, {"host"}), without(setting.stats, {"host"}));
  EXPECT_EQ(count(option.stats, "part.warm_up"), 3'000u);
}

// faultline_warmup_end() is at an instruction of its own, and a run from there on is known: that region's.
TEST(WarmUp, IsTheWholeRunWithoutItsBeginning) {
  for (const char* machine : {"textbook", "core-i7", "sv39"}) {
    for (const char* timing : {"timing=full", "timing=tlb"}) {
      SCOPED_TRACE(std::string(machine) + " " + timing);
      const RunResult region = run_regions("warmup", machine, {timing, "observe.tlb=true", "observe.pages=true"});
      ASSERT_EQ(region.status, 0) << region.err;
      const uint64_t before = count(region.stats, "regions.whole.instructions") - count(region.stats, "instructions");
      const RunResult warm = run_regions("warmup", machine, {timing, "observe.tlb=true", "observe.pages=true"},
                                         {"--warm-up", std::to_string(before)});
      ASSERT_EQ(warm.status, 0) << warm.err;
      EXPECT_EQ(counts(warm), counts(region));
      // One instruction later one is less, and the region's mark is not in the part.
      const RunResult later = run_regions("warmup", machine, {timing}, {"--warm-up", std::to_string(before + 1)});
      EXPECT_EQ(count(later.stats, "instructions") + 1, count(region.stats, "instructions"));
      EXPECT_FALSE(has(later.stats, "regions"));
    }
  }
}

// Parts that lie one behind the other add up: all counters, cycles too.
TEST(WarmUp, PartsAddUp) {
  const RunResult whole = run_regions("none", "core-i7", {});
  for (const uint64_t n : {1'000, 54'321, 150'000}) {
    const RunResult rest = run_regions("none", "core-i7", {}, {"--warm-up", std::to_string(n)});
    ASSERT_EQ(rest.status, 0) << rest.err;
    EXPECT_EQ(count(rest.stats, "instructions") + n, count(whole.stats, "instructions"));
    EXPECT_EQ(count(rest.stats, "part.whole.cycles"), count(whole.stats, "cycles"));
    for (const char* name : {"cycles", "tlb.l1d.misses", "tlb.l2.misses", "cache.l2.misses", "faults.minor"})
      EXPECT_LT(count(rest.stats, name), count(whole.stats, name)) << name;
  }
}

// What LRU holds is what was used last: behind a warm-up that touched more than the TLBs hold, it does not matter what
// came before that.
TEST(WarmUp, FillsTheTlbs) {
  const Settings small = {"timing=tlb", "tlb.l1i.sets=1", "tlb.l1i.ways=1"};
  const auto of = [&](uint64_t fast_forward, uint64_t warm_up, const Settings& settings) {
    return run_regions("none", "textbook", settings,
                       {"--fast-forward", std::to_string(fast_forward), "--warm-up", std::to_string(warm_up)});
  };
  const uint64_t begin = 60'000, warm_up = 20'000;
  const RunResult warm = of(begin, warm_up, small);
  const RunResult exact = of(0, begin + warm_up, small);
  ASSERT_EQ(warm.status, 0) << warm.err;
  for (const char* part : {"instructions", "references", "tlb", "faults", "syscalls"})
    EXPECT_EQ(warm.stats.at(part), exact.stats.at(part)) << part;
  EXPECT_EQ(count(warm.stats, "translation.walks"), count(exact.stats, "translation.walks"));
  // Without it the TLBs are empty: the 100 pages, and whatever else is used, miss once.
  const Settings large = {"timing=tlb", "tlb.l1d.sets=128"};
  const uint64_t cold = count(of(begin + warm_up, 0, large).stats, "tlb.l1d.misses");
  EXPECT_GE(cold, 100u);
  EXPECT_LT(count(of(begin, warm_up, large).stats, "tlb.l1d.misses"), cold - 90);
}

TEST(FastForward, IsTheSameWithoutFastPaths) {
  for (const char* machine : {"textbook", "core-i7"}) {
    for (const char* program : {"regions", "straddle", "self_modify"}) {
      SCOPED_TRACE(std::string(machine) + " " + program);
      const auto run = [&](const char* setting) {
        RunRequest request{.machine = machine,
                           .settings = {setting},
                           .options = {"--fast-forward", "31415", "--warm-up", "9265"},
                           .program = program};
        if (request.program == "regions") request.arguments = {"none", "40", "100"};
        const RunResult result = faultline_run(request);
        EXPECT_EQ(result.status, 0) << result.err;
        return counts(result);
      };
      const Json fast = run("hart.fast_path=true");
      EXPECT_EQ(run("hart.fast_path=false"), fast);
      EXPECT_EQ(run("hart.translate=false"), fast);
      EXPECT_EQ(run("hart.quantum=777"), fast);
    }
  }
}

// Signals, timers, threads, fork and exec, pipes, the disk and swap, wherever the switches fall.
constexpr const char* kPrograms[] = {"threads",        "signals",          "timers",     "pipes_procs",
                                     "fork_exec_wait", "shared_libraries", "fork_write", "file_ops",
                                     "private_shared", "tight_memory",     "swap_full",  "robust_locks",
                                     "io_overlap",     "huge_pages",       "table_reuse"};

RunRequest with_options(RunRequest request, const std::vector<std::string>& options) {
  request.options.insert(request.options.end(), options.begin(), options.end());
  return request;
}

class AcrossTheSwitch : public testing::TestWithParam<GuestProgram> {};

TEST_P(AcrossTheSwitch, ProgramsPrintTheSame) {
  const GuestProgram& program = GetParam();
  FreshDirectory directory;
  make_files(program, directory.path());
  for (const auto& arguments : program.runs) {
    RunRequest request = faultline_request(program, arguments, directory.path());
    request.machine = "core-i7";
    const RunResult plain = faultline_run(request);
    const uint64_t whole = count(plain.stats, "instructions");
    for (const char* harts : {"hart.count=1", "hart.count=2"}) {
      for (const uint64_t n : {whole / 7, whole / 2}) {
        request.settings = {harts, "os.translated=true"};
        const RunRequest part =
            with_options(request, {"--fast-forward", std::to_string(n), "--warm-up", std::to_string(n / 3)});
        const RunResult run = faultline_run(part);
        SCOPED_TRACE(run.line);
        EXPECT_EQ(run.err.find("internal error"), std::string::npos) << run.err;
        EXPECT_EQ(run.out, plain.out);
        EXPECT_EQ(run.status, plain.status);
        if (!run.stats.at("part").at("measured")) continue;
        EXPECT_EQ(count(run.stats, "part.fast_forwarded"), n);
        EXPECT_EQ(count(run.stats, "part.warm_up"), n / 3);
        EXPECT_EQ(count(run.stats, "part.whole.instructions"), n + n / 3 + count(run.stats, "instructions"));
        EXPECT_EQ(without(run.stats, {"host"}), without(faultline_run(part).stats, {"host"}));
      }
    }
  }
}

// To stop at an instruction and go on changes nothing, in whichever process and on whichever hart it is.
TEST_P(AcrossTheSwitch, AWarmUpChangesNothingButWhatIsCounted) {
  const GuestProgram& program = GetParam();
  FreshDirectory directory;
  make_files(program, directory.path());
  for (const auto& arguments : program.runs) {
    for (const char* harts : {"hart.count=1", "hart.count=3"}) {
      RunRequest request = faultline_request(program, arguments, directory.path());
      request.settings = {harts};
      const RunResult plain = faultline_run(request);
      for (const uint64_t parts : {3, 50}) {
        const uint64_t warm_up = count(plain.stats, "instructions") / parts + 1;
        const RunResult warm = faultline_run(with_options(request, {"--warm-up", std::to_string(warm_up)}));
        SCOPED_TRACE(warm.line);
        EXPECT_EQ(warm.out, plain.out);
        EXPECT_EQ(warm.err, plain.err);
        EXPECT_EQ(count(warm.stats, "part.whole.instructions"), count(plain.stats, "instructions"));
        EXPECT_EQ(count(warm.stats, "part.whole.cycles"), count(plain.stats, "cycles"));
        for (const char* same : {"exit", "frames", "processes", "page_tables", "after_exit"})
          EXPECT_EQ(warm.stats.at(same), plain.stats.at(same)) << same;
      }
    }
  }
}

std::vector<GuestProgram> chosen() {
  std::vector<GuestProgram> all = guest_programs();
  std::erase_if(all, [](const GuestProgram& program) {
    return std::ranges::find(kPrograms, program.name) == std::end(kPrograms);
  });
  return all;
}

INSTANTIATE_TEST_SUITE_P(Guest, AcrossTheSwitch, testing::ValuesIn(chosen()),
                         [](const auto& each) { return each.param.name; });

TEST(FastForward, BeyondTheEndMeasuresNothingAndSaysSo) {
  for (const std::vector<std::string>& options :
       {std::vector<std::string>{"--fast-forward", "1000000000"}, {"--warm-up", "1000000000"}}) {
    const RunResult run = faultline_run(
        {.settings = {"observe.tlb=true"}, .options = options, .program = "exit_status", .arguments = {"exit", "7"}});
    EXPECT_EQ(run.status, 7);
    EXPECT_NE(run.err.find("nothing was measured: the program ended after "), std::string::npos) << run.err;
    EXPECT_FALSE(run.stats.at("part").at("measured"));
    for (const char* name : {"instructions", "cycles", "references.total", "tlb.l1d.lookups", "faults.minor",
                             "faults.major", "dram.reads", "cycle_stack.compute", "disk.reads"})
      EXPECT_EQ(count(run.stats, name), 0u) << name;
    EXPECT_TRUE(run.stats.at("syscalls").empty());
    EXPECT_EQ(number(run.stats, "seconds"), 0.0);
    for (const Json& row : run.stats.at("observe").at("tlb").at("l1d")) EXPECT_EQ(row.at("misses"), 0);
    EXPECT_EQ(count(run.stats, "part.fast_forwarded") + count(run.stats, "part.warm_up"),
              count(run.stats, "part.whole.instructions"));
  }
}

TEST(FastForward, ToTheMarkMeasuresTheRegions) {
  for (const char* mode : {"loop", "twice", "warmup", "fork"}) {
    SCOPED_TRACE(mode);
    const RunResult plain = run_regions(mode, "core-i7", {});
    const RunResult run = run_regions(mode, "core-i7", {}, {"--fast-forward", "mark"});
    ASSERT_EQ(run.status, 0) << run.err;
    EXPECT_EQ(run.out, plain.out);
    EXPECT_EQ(run.stats.at("regions").at("count"), plain.stats.at("regions").at("count"));
    if (mode == std::string("fork")) continue;  // whose turn it is hangs on time
    for (const char* part : {"instructions", "references", "syscalls"})
      EXPECT_EQ(run.stats.at(part), plain.stats.at(part)) << part;
    EXPECT_EQ(run.stats.at("faults").at("minor"), plain.stats.at("faults").at("minor"));
    // Every region begins with empty TLBs.
    EXPECT_GT(count(run.stats, "tlb.l1i.misses"), count(plain.stats, "tlb.l1i.misses"));
    if (mode != std::string("warmup")) {
      EXPECT_EQ(count(run.stats, "part.fast_forwarded") + count(run.stats, "instructions"),
                count(run.stats, "part.whole.instructions"));
    }
  }
}

TEST(FastForward, ToAMarkThatNeverComesSaysSo) {
  const RunResult run = run_regions("none", "textbook", {}, {"--fast-forward", "mark"});
  EXPECT_EQ(run.status, 0);
  EXPECT_NE(run.err.find("marked no region of interest"), std::string::npos) << run.err;
  EXPECT_EQ(count(run.stats, "instructions"), 0u);
  EXPECT_EQ(count(run.stats, "part.fast_forwarded"), count(run.stats, "part.whole.instructions"));
}

// The columns of a series add up to what was measured.
TEST(FastForward, ASeriesIsOfThePart) {
  FreshDirectory directory;
  for (const std::vector<std::string>& options :
       {std::vector<std::string>{"--fast-forward", "70000", "--warm-up", "30000"}, {"--fast-forward", "mark"}}) {
    const std::string file = directory.path() / "series.csv";
    std::vector<std::string> all = options;
    all.insert(all.end(), {"--series", file});
    const RunResult run =
        run_regions(options[1] == "mark" ? "twice" : "none", "core-i7", {"observe.interval=20000"}, all);
    ASSERT_EQ(run.status, 0) << run.err;
    std::istringstream rows(read_file(file));
    std::string row;
    std::getline(rows, row);
    uint64_t instructions = 0, number_of_rows = 0, in_time = 0;
    while (std::getline(rows, row)) {
      const size_t comma = row.find(',');
      instructions += std::stoull(row.substr(comma + 1));
      ++number_of_rows;
      // A row is longer where the OS works, and ends right behind a multiple of the interval where it does not.
      in_time += std::stoull(row) % 20'000 < 2'000 ? 1 : 0;
    }
    EXPECT_EQ(instructions, count(run.stats, "instructions"));
    EXPECT_GT(number_of_rows, 2u);
    // Intervals are those of the part.
    if (options[1] != "mark") {
      EXPECT_GT(in_time * 3, number_of_rows);
    }
  }
}

TEST(FastForward, SaysWhatItCannotDo) {
  const auto refused = [](Settings settings, std::vector<std::string> options, const std::string& why) {
    const RunResult run = faultline_run({.settings = std::move(settings),
                                         .options = std::move(options),
                                         .program = "exit_status",
                                         .arguments = {"exit", "0"}});
    EXPECT_EQ(run.status, 2) << run.line;
    EXPECT_NE(run.err.find(why), std::string::npos) << run.err;
    EXPECT_EQ(std::ranges::count(run.err, '\n'), 1) << run.err;
  };
  refused({}, {"--fast-forward", "ten"}, "--fast-forward ten: expected a whole number");
  refused({}, {"--warm-up", "-1"}, "--warm-up");
  refused({"run.detail=marks"}, {}, "run.detail");
  refused({}, {"--fast-forward", "mark", "--warm-up", "5"}, "run.warm_up");
  refused({"run.fast_forward=3"}, {"--fast-forward", "mark"}, "run.fast_forward");
  refused({}, {"--fast-forward", "5", "--record", "x.trace"}, "--record x.trace: a recording is of a whole run");
  refused({"memory.model=base-bounds"}, {"--fast-forward", "5"}, "run.fast_forward is of paging alone");
}

}  // namespace
}  // namespace faultline::system_test
