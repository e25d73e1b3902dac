// Many TLB geometries from one run: the surface that one observed run gives is,
// count by count, what separate runs with each of these TLBs count; and to
// observe changes nothing else.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <sstream>

#include "harness.h"

namespace faultline::system_test {
namespace {

// What is observed with the setting is the same without fast paths, and the run
// counts and takes what it would unobserved.
void expect_no_other_change(RunRequest request, const char* setting) {
  RunResult alone = faultline_run(request);
  request.settings.push_back(setting);
  RunResult observed = faultline_run(request);
  request.settings.push_back("hart.fast_path=false");
  RunResult slow = faultline_run(request);
  EXPECT_EQ(observed.stats.at("observe"), slow.stats.at("observe"));
  for (RunResult* result : {&alone, &observed, &slow}) {
    ASSERT_EQ(result->status, 0) << result->err;
    for (const char* part : {"host", "config", "observe"}) result->stats.erase(part);
  }
  EXPECT_EQ(alone.stats, observed.stats);
  EXPECT_EQ(alone.stats, slow.stats);
}

struct Shape {
  unsigned sets;
  unsigned ways;
};

uint64_t misses(const Json& surface, Shape shape, const char* which = "misses") {
  for (const Json& row : surface) {
    if (row.at("page") == 4096 && row.at("sets") == shape.sets && row.at("ways") == shape.ways) return row.at(which);
  }
  ADD_FAILURE() << "no row for " << shape.sets << " x " << shape.ways;
  return 0;
}

std::vector<std::string> shaped(Shape shape) {
  std::vector<std::string> settings;
  for (const char* side : {"tlb.l1i", "tlb.l1d"}) {
    settings.push_back(std::string(side) + ".sets=" + std::to_string(shape.sets));
    settings.push_back(std::string(side) + ".ways=" + std::to_string(shape.ways));
  }
  return settings;
}

struct Case {
  const char* program;
  std::vector<std::string> arguments;
  std::vector<std::string> settings;
  const char* name;
};

std::ostream& operator<<(std::ostream& out, const Case& item) { return out << item.name; }

class Surface : public testing::TestWithParam<Case> {};

constexpr Shape kShapes[] = {{1, 1},  {1, 5},  {1, 16}, {1, 64}, {2, 2},  {3, 2},
                             {12, 3}, {32, 2}, {16, 4}, {7, 7},  {256, 1}};

TEST_P(Surface, EqualsSeparateRuns) {
  const Case& item = GetParam();
  RunRequest request{.settings = item.settings, .program = item.program, .arguments = item.arguments};
  request.settings.insert(request.settings.end(), {"observe.tlb=true", "observe.sets=3,12,7"});
  const RunResult observed = faultline_run(request);
  ASSERT_EQ(observed.status, 0) << observed.err;
  const Json& surfaces = observed.stats.at("observe").at("tlb");
  for (const Shape shape : kShapes) {
    SCOPED_TRACE(std::to_string(shape.sets) + " x " + std::to_string(shape.ways));
    RunRequest separate{.settings = item.settings, .program = item.program, .arguments = item.arguments};
    for (const std::string& setting : shaped(shape)) separate.settings.push_back(setting);
    const RunResult alone = faultline_run(separate);
    ASSERT_EQ(alone.status, 0) << alone.err;
    EXPECT_EQ(misses(surfaces.at("l1i"), shape), count(alone.stats, "tlb.l1i.misses"));
    EXPECT_EQ(misses(surfaces.at("l1d"), shape), count(alone.stats, "tlb.l1d.misses"));
    if (has(observed.stats, "config.os.translated") && observed.stats.at("config").at("os").at("translated") == true) {
      EXPECT_EQ(misses(surfaces.at("l1d"), shape, "kernel_misses"),
                count(alone.stats, "kernel_accesses.tlb.l1d.misses"));
    }
  }
}

// The run that is observed counts and takes what it would unobserved.
TEST_P(Surface, ChangesNothingElse) {
  const Case& item = GetParam();
  const RunRequest request{.settings = item.settings, .program = item.program, .arguments = item.arguments};
  expect_no_other_change(request, "observe.tlb=true");
}

INSTANTIATE_TEST_SUITE_P(, Surface,
                         testing::Values(Case{"matrix_multiply", {"20"}, {}, "matrix_multiply"},
                                         Case{"pointer_chase", {"100", "5000"}, {}, "pointer_chase"},
                                         Case{"straddle", {"50"}, {"paging.format=sv39"}, "straddle"},
                                         Case{"random_write", {"2"}, {"os.translated=true"}, "translated"},
                                         Case{"eof_mapping", {}, {"tlb.asids=true"}, "identifiers"}),
                         [](const auto& each) { return each.param.name; });

// ---- What pages and instructions cost --------------------------------------------

uint64_t sum(const Json& rows, const char* what) {
  uint64_t all = 0;
  for (const Json& row : rows) all += row.at(what).get<uint64_t>();
  return all;
}

// Every cycle of translation is a page's and an instruction's.
TEST(Costs, AddUpToTheCycleStack) {
  for (const char* machine : {"textbook", "core-i7"}) {
    for (const std::vector<std::string>& settings :
         {std::vector<std::string>{}, {"tlb.enabled=false"}, {"tlb.l1d.sets=2", "tlb.l1i.ways=1"}}) {
      RunRequest request{.machine = machine, .settings = settings, .program = "eof_mapping"};
      request.settings.insert(request.settings.end(), {"observe.pages=true", "observe.top=100000"});
      const RunResult result = faultline_run(request);
      SCOPED_TRACE(result.line);
      ASSERT_EQ(result.status, 0) << result.err;
      const uint64_t cycles = count(result.stats, "cycle_stack.walk") + count(result.stats, "cycle_stack.tlb");
      const Json& observed = result.stats.at("observe");
      EXPECT_GT(cycles, 500u);
      EXPECT_EQ(observed.at("translation_cycles"), cycles);
      for (const char* list : {"pages", "pcs"}) {
        EXPECT_EQ(sum(observed.at(list), "cycles"), cycles) << list;
        EXPECT_EQ(sum(observed.at(list), "walks"), count(result.stats, "translation.walks")) << list;
      }
      EXPECT_EQ(observed.at("pages").size(), observed.at("pages_seen"));
      EXPECT_EQ(observed.at("pcs").size(), observed.at("pcs_seen"));
    }
  }
}

// The loop over the pages is what costs, and its pages are the costly ones.
TEST(Costs, NameTheFunctionThatPays) {
  const RunResult result = faultline_run(
      {.settings = {"observe.pages=true", "observe.top=3"}, .program = "regions", .arguments = {"loop", "200", "50"}});
  ASSERT_EQ(result.status, 0) << result.err;
  const Json& observed = result.stats.at("observe");
  ASSERT_EQ(observed.at("pages").size(), 3u);
  ASSERT_GE(observed.at("pcs").size(), 1u);
  const Json& first = observed.at("pcs")[0];
  EXPECT_EQ(first.at("symbol").get<std::string>().substr(0, 4), "walk");
  EXPECT_EQ(first.at("walks"), 200u * 50u);
  EXPECT_EQ(observed.at("pages")[0].at("walks"), 50u);
  // Equals by address.
  EXPECT_LT(observed.at("pages")[0].at("page"), observed.at("pages")[1].at("page"));
}

// Children that run one after the other have one address-space identifier, and are two processes.
TEST(Costs, AreToldApartByProcess) {
  const RunResult result =
      faultline_run({.settings = {"observe.pages=true", "observe.top=100000"}, .program = "fork_exec_wait"});
  ASSERT_EQ(result.status, 0) << result.err;
  std::set<uint64_t> pids;
  for (const Json& row : result.stats.at("observe").at("pages")) pids.insert(row.at("pid").get<uint64_t>());
  std::set<uint64_t> ran;
  for (const Json& process : result.stats.at("processes")) ran.insert(process.at("pid").get<uint64_t>());
  EXPECT_GE(ran.size(), 2u);
  EXPECT_EQ(pids, ran);
}

TEST(Costs, ChangeNothingAndAreTheSameWithoutFastPaths) {
  const RunRequest request{.machine = "core-i7", .program = "fork_write", .arguments = {"16"}};
  expect_no_other_change(request, "observe.pages=true");
}

// ---- The time series -----------------------------------------------------------------

struct Rows {
  std::vector<std::string> names;
  std::vector<std::vector<uint64_t>> rows;

  size_t column(const std::string& name) const {
    return static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin());
  }
  uint64_t sum(const std::string& name) const {
    uint64_t all = 0;
    for (const auto& row : rows) all += row.at(column(name));
    return all;
  }
};

Rows read_series(const fs::path& path) {
  Rows series;
  std::stringstream text(read_file(path));
  for (std::string line; std::getline(text, line);) {
    std::stringstream cells(line);
    std::vector<uint64_t> row;
    for (std::string cell; std::getline(cells, cell, ',');) {
      if (series.rows.empty() && !std::isdigit(cell[0])) {
        series.names.push_back(cell);
      } else {
        row.push_back(std::stoull(cell));
      }
    }
    if (!row.empty()) series.rows.push_back(row);
  }
  return series;
}

TEST(Series, AddsUpToTheRunAndChangesNothing) {
  FreshDirectory directory;
  const fs::path csv = directory.path() / "series.csv";
  for (const char* machine : {"textbook", "core-i7"}) {
    SCOPED_TRACE(machine);
    RunRequest request{.machine = machine, .program = "fork_write", .arguments = {"16"}};
    RunResult alone = faultline_run(request);
    request.settings = {"observe.interval=100000"};
    request.options = {"--series", csv.string()};
    RunResult watched = faultline_run(request);
    ASSERT_EQ(watched.status, 0) << watched.err;
    const std::string text = read_file(csv);
    const Rows series = read_series(csv);
    ASSERT_GT(series.rows.size(), 5u);
    EXPECT_EQ(series.rows.back()[0], count(watched.stats, "cycles"));
    const std::pair<const char*, const char*> sums[] = {
        {"instructions", "instructions"},         {"references", "references.total"},
        {"l1i_misses", "tlb.l1i.misses"},         {"l1d_misses", "tlb.l1d.misses"},
        {"l2_misses", "tlb.l2.misses"},           {"walks", "translation.walks"},
        {"walk_reads", "translation.walk_reads"}, {"walk_cycles", "cycle_stack.walk"},
        {"minor_faults", "faults.minor"},         {"major_faults", "faults.major"},
        {"front_hand", "pageout.front_hand"},     {"back_hand", "pageout.back_hand"}};
    for (const auto& [column, path] : sums) EXPECT_EQ(series.sum(column), count(watched.stats, path)) << column;
    request.settings.push_back("hart.fast_path=false");
    RunResult slow = faultline_run(request);
    EXPECT_EQ(read_file(csv), text);
    for (RunResult* result : {&alone, &watched, &slow}) {
      for (const char* part : {"host", "config"}) result->stats.erase(part);
    }
    EXPECT_EQ(alone.stats, watched.stats);
    EXPECT_EQ(alone.stats, slow.stats);
  }
}

// A loop over 100 pages of data: each interval that lies in it touches these, the stack's and the
// code's; the data TLB of 64 entries reaches 64 pages.
TEST(Series, TellsReachAndWorkingSet) {
  FreshDirectory directory;
  const fs::path csv = directory.path() / "series.csv";
  const RunResult result = faultline_run({.settings = {"observe.interval=1000000"},
                                          .options = {"--series", csv.string()},
                                          .program = "regions",
                                          .arguments = {"none", "100", "2000"}});
  ASSERT_EQ(result.status, 0) << result.err;
  const Rows series = read_series(csv);
  ASSERT_GT(series.rows.size(), 20u);
  const auto& row = series.rows[series.rows.size() / 2];
  EXPECT_GE(row[series.column("working_set_bytes")], 101u * 4096);
  EXPECT_LE(row[series.column("working_set_bytes")], 103u * 4096);
  EXPECT_EQ(row[series.column("l1d_reach_bytes")], 64u * 4096);
  EXPECT_EQ(row[series.column("l2_reach_bytes")], 0u);
  EXPECT_LE(row[series.column("l1i_reach_bytes")], 64u * 4096);
}

TEST(Series, NeedsAnIntervalAndAFile) {
  const RunResult none = faultline_run({.options = {"--series", "x.csv"}, .program = "page_size"});
  EXPECT_EQ(none.status, 2);
  EXPECT_NE(none.err.find("observe.interval"), std::string::npos) << none.err;
  const RunResult nowhere = faultline_run(
      {.settings = {"observe.interval=1000"}, .options = {"--series", "/no/such/place/x.csv"}, .program = "page_size"});
  EXPECT_EQ(nowhere.status, 2);
  EXPECT_NE(nowhere.err.find("/no/such/place/x.csv"), std::string::npos) << nowhere.err;
}

}  // namespace
}  // namespace faultline::system_test
