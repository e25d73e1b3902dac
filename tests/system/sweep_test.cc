// faultline sweep from end to end: results, mistakes, failures, and what a
// killed sweep keeps.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <random>
#include <sstream>
#include <thread>

#include "harness.h"

namespace faultline::system_test {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

std::vector<std::string> sweep(const std::vector<std::string>& arguments) {
  std::vector<std::string> command = {build_directory() / "faultline", "sweep"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

// 4 x 5 x 10 points of a guest that ends at once.
constexpr const char* kStudy = R"(title = "Two hundred points"
seeds = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
settings.dram.size = "8M"
settings.swap.size = "1M"
[[workload]]
program = "exit_status"
arguments = ["exit", 0]
[[axis]]
key = "tlb.l1d.ways"
name = "ways"
values = [1, 2, 3, 4]
[[axis]]
key = "tlb.l1d.sets"
name = "sets"
range = {from = 1, to = 16, times = 2}
[[metric]]
name = "misses"
value = "tlb.l1d.misses"
[[metric]]
name = "penalty"
value = "translation.penalty"
[[chart]]
kind = "heatmap"
title = "misses"
x = "sets"
y = "ways"
value = "misses"
)";

// Without the last column, which is the host's time.
std::string without_host(const std::string& csv) {
  std::istringstream lines(csv);
  std::string all;
  for (std::string line; std::getline(lines, line);) all += line.substr(0, line.rfind(',')) + '\n';
  return all;
}

Json without_host_json(const std::string& text) {
  Json json = Json::parse(text);
  for (Json& point : json["points"]) {
    point.erase("host_seconds");
    point["statistics"].erase("host");
  }
  return json;
}

class SweepTest : public ::testing::Test {
 protected:
  Outcome run_sweep(const std::string& text, const std::vector<std::string>& more) {
    write_file(directory_.path() / "study.toml", text);
    std::vector<std::string> arguments = {"study.toml"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(sweep(arguments), {.directory = directory_.path(), .limit = std::chrono::seconds(240)});
  }
  std::string file(const std::string& name) const { return read_file(directory_.path() / name); }

  FreshDirectory directory_;
};

TEST_F(SweepTest, KilledAtRandomMomentsItResumesAndLosesNothing) {
  const Outcome whole = run_sweep(kStudy, {"--out", "whole"});
  ASSERT_EQ(whole.status, 0) << whole.err;
  const std::string csv = without_host(file("whole/results.csv"));
  ASSERT_EQ(std::count(csv.begin(), csv.end(), '\n'), 201);

  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> moment(0.15 * whole.seconds, 0.45 * whole.seconds);
  const auto kill_one = [&](double after) {
    Process killed(sweep({"study.toml", "--out", "killed", "--resume"}), {.directory = directory_.path()});
    std::this_thread::sleep_for(std::chrono::duration<double>(after));
    killed.send_signal(SIGKILL);
    return killed.finish().status == 128 + SIGKILL;
  };
  // The host's speed changes: a sweep that was done before its end came proves nothing and starts anew.
  bool cut_short = false;
  for (double scale = 1; scale > 0.1 && !cut_short; scale *= 0.7) {
    fs::remove_all(directory_.path() / "killed");
    cut_short = kill_one(scale * moment(random)) && kill_one(scale * moment(random));
  }
  ASSERT_TRUE(cut_short);
  const Outcome resumed = run_sweep(kStudy, {"--out", "killed", "--resume"});
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_THAT(resumed.err, HasSubstr("points are there already"));
  EXPECT_EQ(without_host(file("killed/results.csv")), csv);
  EXPECT_EQ(without_host_json(file("killed/results.json")), without_host_json(file("whole/results.json")));
}

TEST_F(SweepTest, OnlyPointsWhoseInputsChangedRunAgain) {
  const std::string study = std::string(kStudy) + "# a comment\n";
  std::string small = study;
  small.replace(small.find("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"), 31, "[1]");
  ASSERT_EQ(run_sweep(small, {"--out", "o"}).status, 0);
  std::string changed = small;
  changed.replace(changed.find("values = [1, 2, 3, 4]"), 21, "values = [1, 2, 3, 5]");
  const Outcome again = run_sweep(changed, {"--out", "o", "--resume"});
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_THAT(again.err, HasSubstr("15 of 20 points are there already"));
}

TEST_F(SweepTest, AFolderInUseIsRefused) {
  fs::create_directories(directory_.path() / "o");
  write_file(directory_.path() / "o/mine.txt", "mine");
  const Outcome refused = run_sweep(kStudy, {"--out", "o"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, MatchesRegex("faultline: .*/o: not empty; --resume [^\n]*\n"));
  EXPECT_EQ(run_sweep(kStudy, {"--out", "o", "--resume"}).status, 2) << "no sweep there";
  EXPECT_EQ(file("o/mine.txt"), "mine");
}

TEST_F(SweepTest, AMistakeIsRefusedBeforeAnyPointRuns) {
  const Outcome refused =
      run_sweep(std::string(kStudy) + "[[axis]]\nkey = \"tlb.l2.sats\"\nvalues = [1]\n", {"--out", "o"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, MatchesRegex("faultline: study.toml:[0-9]+:[0-9]+: unknown setting tlb.l2.sats; did you "
                                        "mean tlb.l2.sets.\n"));
  EXPECT_FALSE(fs::exists(directory_.path() / "o"));
}

TEST_F(SweepTest, AFailedPointIsRecordedAndTheSweepGoesOn) {
  const std::string study = R"(title = "Some fail"
settings.dram.size = "8M"
settings.swap.size = "1M"
[[workload]]
program = "exit_status"
arguments = ["exit", "{status}"]
[[axis]]
argument = "status"
values = [0, 3, 2]
)";
  const Outcome failed = run_sweep(study, {"--out", "o"});
  EXPECT_EQ(failed.status, 1) << failed.err;
  EXPECT_THAT(failed.err, HasSubstr("point 2, status 3: exit status 3, expected 0"));
  EXPECT_THAT(file("o/results.csv"), HasSubstr(",2,\"exit status 2, expected 0\""));
  EXPECT_THAT(file("o/report.html"), HasSubstr("2 of 3 points failed"));

  // Too little memory for a kernel: faultline's own error.
  write_file(directory_.path() / "noelf", "no program");
  const Outcome own = run_sweep("title = 't'\n[[workload]]\nprogram = './noelf'\n", {"--out", "p"});
  EXPECT_EQ(own.status, 2) << own.err;
  EXPECT_THAT(own.err, HasSubstr("point 1: "));
}

TEST_F(SweepTest, APointThatMeasuredNothingFails) {
  const std::string study = R"(title = "Too short"
settings.dram.size = "8M"
settings.swap.size = "1M"
[[workload]]
program = "exit_status"
arguments = ["exit", 0]
[[axis]]
key = "run.fast_forward"
values = [0, 1000000000]
)";
  const Outcome failed = run_sweep(study, {"--out", "o"});
  EXPECT_EQ(failed.status, 1) << failed.err;
  EXPECT_THAT(failed.err, HasSubstr("point 2, run.fast_forward 1000000000: nothing was measured: the program ended"));
  EXPECT_THAT(file("o/report.html"), HasSubstr("1 of 2 points failed"));
}

TEST_F(SweepTest, AnInterruptStopsThePointsAndSaysHowToGoOn) {
  write_file(directory_.path() / "study.toml",
             "title = 't'\nsettings.dram.size = '8M'\nsettings.swap.size = '1M'\n[[workload]]\nprogram = 'spin'\n");
  Process process(sweep({"study.toml", "--out", "o"}), {.directory = directory_.path()});
  for (int i = 0; i < 600 && !fs::exists(directory_.path() / "o/running/1.json"); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  process.send_signal(SIGINT);
  const Outcome outcome = process.finish();
  EXPECT_EQ(outcome.status, 130) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("To go on: faultline sweep study.toml --out"));
  EXPECT_FALSE(fs::exists(directory_.path() / "o/running"));
}

TEST_F(SweepTest, APointThatTakesTooLongIsEnded) {
  const Outcome outcome = run_sweep(
      "title = 't'\ntimeout_seconds = 1\nsettings.dram.size = '8M'\nsettings.swap.size = '1M'\n"
      "[[workload]]\nprogram = 'spin'\n",
      {"--out", "o"});
  EXPECT_EQ(outcome.status, 1) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("took longer than 1 seconds"));
}

// What one run observes, and a time series, reach the results and the page.
TEST_F(SweepTest, ObservedTlbsAndTimeSeriesAreCharts) {
  const std::string study = R"(title = "Observed"
settings.dram.size = "8M"
settings.swap.size = "1M"
settings.observe.tlb = true
settings.observe.interval = 100_000
[[workload]]
program = "matrix_multiply"
arguments = [8]
[[axis]]
key = "tlb.l1d.ways"
name = "ways"
values = [1, 2]
[[metric]]
name = "rate"
title = "miss rate"
unit = "%"
rows = "observe.tlb.l1d"
value = "misses / tlb.l1d.lookups"
[[chart]]
kind = "heatmap"
title = "surface"
rows = "observe.tlb.l1d"
x = "sets"
y = "ways"
value = "rate"
only = 'tlb.l1d.ways == 1 and ways <= 4'
[[chart]]
kind = "series"
title = "reach"
rows = "series"
x = "cycle"
y = ["l1d_reach_bytes", "working_set_bytes"]
facets = "ways"
)";
  const Outcome done = run_sweep(study, {"--out", "o"});
  ASSERT_EQ(done.status, 0) << done.err;
  const Json point = Json::parse(file("o/results.json"))["points"][0];
  const Json& statistics = point["statistics"];
  ASSERT_GE(statistics["series"].size(), 3u);
  uint64_t references = 0;
  for (const Json& row : statistics["series"]) references += row["references"].get<uint64_t>();
  EXPECT_EQ(references, statistics["references"]["total"]) << "the rows add up to the run";
  const std::string page = file("o/report.html");
  EXPECT_THAT(page, HasSubstr("surface: pages of 4 KB"));
  EXPECT_THAT(page, HasSubstr("reach: ways 2"));
  EXPECT_THAT(page, HasSubstr("reach of the data TLB"));
  EXPECT_THAT(page, Not(HasSubstr("No point has what this chart shows")));
  EXPECT_FALSE(fs::exists(directory_.path() / "o/running"));
}

// Where a browser is installed: the page draws a chart for each figure, and its script runs without a complaint.
TEST_F(SweepTest, ABrowserDrawsThePage) {
  const fs::path browser = "/usr/bin/chromium";
  if (!fs::exists(browser)) GTEST_SKIP() << "no chromium here";
  std::string study = kStudy;
  study.replace(study.find("seeds = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"), 39, "seeds = [1]");
  study += "[[chart]]\nkind = \"bars\"\ntitle = \"bars\"\nx = \"sets\"\ny = \"penalty\"\nseries = \"ways\"\n";
  study += "[[chart]]\nkind = \"lines\"\ntitle = \"lines\"\nx = \"sets\"\ny = \"misses\"\nseries = \"ways\"\n";
  study += "[[chart]]\nkind = \"stack\"\ntitle = \"stack\"\nx = \"sets\"\nof = \"cycle_stack\"\nseries = \"ways\"\n";
  ASSERT_EQ(run_sweep(study, {"--out", "o"}).status, 0);
  const Outcome page = run({browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
                            "--user-data-dir=" + (directory_.path() / "browser").string(), "--dump-dom",
                            "file://" + (directory_.path() / "o/report.html").string()},
                           {.directory = directory_.path(), .limit = std::chrono::seconds(100)});
  ASSERT_EQ(page.status, 0) << page.err;
  EXPECT_THAT(page.err, Not(HasSubstr("CONSOLE")));
  size_t drawings = 0;
  for (size_t at = page.out.find("<svg"); at != std::string::npos; at = page.out.find("<svg", at + 1)) ++drawings;
  EXPECT_EQ(drawings, 4u);
  EXPECT_THAT(page.out, HasSubstr("aria-pressed=\"true\""));
}

// Every study that comes with faultline is sound: it is refused only because
// the folder is in use, which is looked at after everything else.
TEST_F(SweepTest, TheStudiesThatComeWithFaultlineAreSound) {
  fs::create_directories(directory_.path() / "used");
  write_file(directory_.path() / "used/x", "");
  size_t count = 0;
  for (const auto& entry : fs::directory_iterator(programs_manifest().parent_path() / "studies")) {
    if (entry.path().extension() != ".toml") continue;
    const Outcome outcome = run(sweep({entry.path(), "--out", directory_.path() / "used"}));
    EXPECT_THAT(outcome.err, HasSubstr("not empty")) << entry.path();
    ++count;
  }
  EXPECT_GE(count, 4u);
}

}  // namespace
}  // namespace faultline::system_test
