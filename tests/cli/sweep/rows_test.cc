// Charts over lists in the statistics, and which statistics a study may name.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/config/user_error.h"
#include "cli/report/statistics_example.h"
#include "cli/sweep/figure.h"
#include "cli/sweep/metrics.h"
#include "cli/sweep/point_process.h"
#include "cli/sweep/series_rows.h"

namespace faultline::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;

Study study(const std::string& text) {
  return parse_study("s.toml", "title = 't'\nworkload = [{program = './prog'}]\n" + text);
}

std::string refusal(const std::string& text) {
  try {
    study(text);
    return "taken";
  } catch (const UserError& error) {
    return error.what();
  }
}

std::string metric_of(const std::string& path) { return "[[metric]]\nname = 'm'\nvalue = '" + path + "'\n"; }

TEST(StudyStatistics, WhatOnlySomeRunsGiveMayBeNamed) {
  for (const char* path :
       {"observe.pages_seen", "observe.pcs_seen", "observe.translation_cycles", "regions.count", "regions.whole.cycles",
        "walk_cache.l1.hits", "walk_cache.l5.misses", "cache.l3.misses", "exit.crash.pc", "trace.records",
        "nested.host_reads", "syscalls.read", "tlb.l1d.misses", "frames.fragmentation.unusable"})
    EXPECT_EQ(refusal(metric_of(path)), "taken") << path;
  for (const char* path : {"observe.nosuch", "regions.whole.nosuch", "walk_cache.l6.hits", "cache.l4.hits"})
    EXPECT_THAT(refusal(metric_of(path)), HasSubstr("is no statistic")) << path;
}

TEST(StudyStatistics, AMetricIsOneValueAndAStackAnObjectOfNumbers) {
  EXPECT_THAT(refusal(metric_of("tlb.l1d")), HasSubstr("metric.value: tlb.l1d is no single value"));
  EXPECT_THAT(refusal(metric_of("observe.tlb.l1d")), HasSubstr("is no single value"));
  const auto stack = [](const std::string& of) {
    return refusal(metric_of("cycles") + "[[chart]]\nkind = 'stack'\ntitle = 'c'\nx = 'm'\nof = '" + of + "'\n");
  };
  EXPECT_EQ(stack("cycle_stack"), "taken");
  EXPECT_EQ(stack("syscalls"), "taken");
  EXPECT_THAT(stack("cycles"), HasSubstr("chart.of: cycles is not an object of numbers"));
  EXPECT_THAT(stack("tlb"), HasSubstr("chart.of: tlb is not an object of numbers"));
}

constexpr const char* kHeat =
    "[[chart]]\nkind = 'heatmap'\ntitle = 'c'\nrows = 'observe.tlb.l1d'\nx = 'sets'\ny = 'ways'\nvalue = 'misses'\n";

TEST(StudyRows, FieldsAreChecked) {
  EXPECT_EQ(refusal(kHeat), "taken");
  const auto with = [](std::string text, const std::string& from, const std::string& to) {
    return refusal(text.replace(text.find(from), from.size(), to));
  };
  EXPECT_THAT(with(kHeat, "'sets'", "'setts'"),
              HasSubstr("chart.x: setts is not a field of observe.tlb.l1d (sets, ways, misses, page"));
  EXPECT_THAT(with(kHeat, "'misses'", "'mises'"), HasSubstr("chart.value: mises is not a field"));
  EXPECT_THAT(with(kHeat, "observe.tlb.l1d", "tlb.l1d"), HasSubstr("chart.rows: tlb.l1d is not a list of records"));
  EXPECT_THAT(with(kHeat, "observe.tlb.l1d", "series"), HasSubstr("chart.x: sets is not a field of series"));
  EXPECT_THAT(refusal(std::string(kHeat) + "facets = 'nosuch'\n"), HasSubstr("chart.facets: nosuch is not"));
  EXPECT_THAT(refusal(std::string(kHeat) + "only = 'nosuch > 1'\n"), HasSubstr("chart.only: nosuch is not"));
}

// What the condition says of points counts, beside what it says of records.
TEST(StudyRows, PointsAreToldApartByTheirPartOfTheCondition) {
  const std::string axis = "[[axis]]\nkey = 'tlb.l2.ways'\nvalues = [2, 4]\n";
  const auto refused = [&](const std::string& only) {
    const Study s = study(axis + kHeat + only);
    std::vector<Point> points(2);
    for (size_t i = 0; i < points.size(); ++i) {
      points[i].choices = {i};
      points[i].workload = &s.workloads.front();
    }
    try {
      check_charts_tell_points_apart(s, points);
    } catch (const UserError&) {
      return true;
    }
    return false;
  };
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused("only = 'ways < 3'\n"));
  EXPECT_FALSE(refused("only = 'tlb.l2.ways == 2 and ways < 3'\n"));
}

Json tlb_rows(uint64_t page, double scale) {
  Json rows = Json::array();
  for (const int sets : {1, 2}) {
    for (const int ways : {1, 3})
      rows.push_back({{"sets", sets}, {"ways", ways}, {"misses", scale * sets * ways}, {"page", page}});
  }
  return rows;
}

std::vector<Figure> figures(const Study& s, const std::vector<Json>& statistics) {
  FigureBuilder builder(s, s.charts.front());
  for (size_t i = 0; i < statistics.size(); ++i) {
    Point point;
    point.workload = &s.workloads.front();
    for (size_t axis = 0; axis < s.axes.size(); ++axis) point.choices.push_back(i);
    builder.add(point, statistics[i], metric_values(s, point, statistics[i]));
  }
  return builder.figures();
}

// Pages of each size have TLBs of their own: one heat map for each.
TEST(StudyRows, AHeatMapForEachSizeOfPage) {
  Json rows = tlb_rows(4096, 1);
  for (const Json& row : tlb_rows(2 << 20, 100)) rows.push_back(row);
  const Json statistics = {{"observe", {{"tlb", {{"l1d", rows}}}}}};
  const std::vector<Figure> all = figures(study(kHeat), {statistics});
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].title, "c: pages of 4 KB");
  EXPECT_EQ(all[1].title, "c: pages of 2 MB");
  ASSERT_EQ(all[1].series.size(), 2u);
  EXPECT_EQ(all[1].series[1].name, "3");
  EXPECT_EQ(all[1].series[1].cells.at(all[1].x[1]).mean(), 600);
  EXPECT_EQ(all[0].series[1].cells.at(all[0].x[1]).runs, 1u) << "sizes are not averaged";
}

TEST(StudyRows, RecordsAreFilteredByTheirFields) {
  const Json statistics = {{"observe", {{"tlb", {{"l1d", tlb_rows(4096, 1)}}}}}};
  const std::vector<Figure> all =
      figures(study(std::string(kHeat) + "only = 'ways < 3 and sets == 2'\n"), {statistics});
  ASSERT_EQ(all.size(), 1u);
  ASSERT_EQ(all[0].series.size(), 1u);
  EXPECT_EQ(all[0].x.size(), 1u);
}

TEST(StudyRows, MetricsOfRecordsHaveTitlesAndUnits) {
  const Study s = study(
      "[[metric]]\nname = 'rate'\ntitle = 'miss rate'\nunit = '%'\nrows = 'observe.tlb.l1d'\n"
      "value = 'misses / tlb.l1d.lookups'\n"
      "[[chart]]\nkind = 'lines'\ntitle = 'c'\nrows = 'observe.tlb.l1d'\nx = 'ways'\ny = 'rate'\nseries = 'sets'\n");
  EXPECT_TRUE(s.metrics.empty()) << "not one of the point's";
  const Json statistics = {{"observe", {{"tlb", {{"l1d", tlb_rows(4096, 1)}}}}}, {"tlb", {{"l1d", {{"lookups", 12}}}}}};
  const std::vector<Figure> all = figures(s, {statistics});
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].unit, "%");
  EXPECT_EQ(all[0].y_title, "miss rate (%)");
  ASSERT_EQ(all[0].series.size(), 2u);
  EXPECT_EQ(all[0].series[1].name, "sets 2");
  EXPECT_EQ(all[0].series[1].cells.at(all[0].x[1]).mean(), 0.5);
  EXPECT_THAT(refusal("[[metric]]\nname = 'rate'\nrows = 'observe.tlb.l1d'\nvalue = 'mises / cycles'\n"),
              HasSubstr("metric.value: mises is no field of observe.tlb.l1d, statistic"));
}

constexpr const char* kCsv =
    "cycle,instructions,references,l1i_misses,l1d_misses,l2_misses,walks,walk_reads,walk_cycles,"
    "l1i_reach_bytes,l1d_reach_bytes,l2_reach_bytes,working_set_bytes,minor_faults,major_faults,front_hand,back_hand\n"
    "100,10,12,1,2,0,3,12,40,4096,8192,0,65536,1,0,0,0\n"
    "250,20,24,0,1,0,1,4,10,8192,16384,0,32768,0,0,16,12\n";

TEST(StudySeries, ATimeSeriesBecomesRecords) {
  const Json rows = series_rows(kCsv);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1]["cycle"], 250);
  EXPECT_EQ(rows[1]["working_set_bytes"], 32768);
  std::vector<std::string> names;
  for (const auto& [name, value] : statistics_example()["series"][0].items()) names.push_back(name);
  std::string header;
  for (const std::string& name : names) header += (header.empty() ? "" : ",") + name;
  EXPECT_EQ(std::string(kCsv).substr(0, header.size() + 1), header + "\n")
      << "what a study may name is what is written";
}

TEST(StudySeries, ALineForEachFigureOfAnInterval) {
  const Study s = study(
      "settings.observe.interval = 100\n[[axis]]\nkey = 'tlb.l1d.ways'\nname = 'ways'\nvalues = [2, 4]\n"
      "[[chart]]\nkind = 'series'\ntitle = 'c'\nrows = 'series'\nx = 'cycle'\n"
      "y = ['l1d_reach_bytes', 'working_set_bytes']\nfacets = 'ways'\n");
  const Json statistics = {{"series", series_rows(kCsv)}};
  const std::vector<Figure> all = figures(s, {statistics, statistics});
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].title, "c: ways 2");
  EXPECT_EQ(all[0].x_title, "time (cycles)");
  EXPECT_EQ(all[0].unit, "bytes");
  ASSERT_EQ(all[0].series.size(), 2u);
  EXPECT_EQ(all[0].series[0].name, "reach of the data TLB");
  EXPECT_EQ(all[0].series[1].name, "working set");
  EXPECT_EQ(all[0].series[1].cells.at(all[0].x[0]).mean(), 65536);
}

TEST(StudySeries, APointWithAnIntervalWritesOne) {
  const Study s = study("");
  Point point;
  point.workload = &s.workloads.front();
  point.program = "./prog";
  EXPECT_THAT(point_command(point, {.statistics = "a.json", .series = ""}), Not(testing::Contains("--series")));
  EXPECT_THAT(point_command(point, {.statistics = "a.json", .series = "a.csv"}), IsSupersetOf({"--series", "a.csv"}));
}

TEST(StudySeries, OneThatIsTooLongIsAFailure) {
  std::string csv = std::string(kCsv).substr(0, std::string(kCsv).find('\n') + 1);
  for (int i = 0; i < 100'001; ++i) csv += "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1\n";
  EXPECT_THROW(series_rows(csv), UserError);
}

// An axis whose labels are sizes is a scale of bytes.
TEST(StudySeries, LabelsThatAreSizesAreBytes) {
  const auto unit = [](const std::string& values) {
    const Study s = study("[[axis]]\nkey = 'cache.l1d.size'\nname = 'size'\nvalues = " + values +
                          "\n[[metric]]\nname = 'm'\nvalue = 'cycles'\n"
                          "[[chart]]\nkind = 'lines'\ntitle = 'c'\nx = 'size'\ny = 'm'\n");
    return figures(s, {{{"cycles", 1}}, {{"cycles", 2}}}).front().x_unit;
  };
  EXPECT_EQ(unit("['32K', '64K']"), "bytes");
  EXPECT_EQ(unit("[32768, 65536]"), "");
}

TEST(DisplayNumber, BytesArePowersOf1024) {
  EXPECT_EQ(display_number(4096, "bytes"), "4 KB");
  EXPECT_EQ(display_number(1536, "bytes"), "1.5 KB");
  EXPECT_EQ(display_number(0, "bytes"), "0 bytes");
}

}  // namespace
}  // namespace faultline::cli
