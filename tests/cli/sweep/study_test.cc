// Studies: axes, filters, and mistakes that are told with file, line and key.
#include "cli/sweep/study.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cli/config/user_error.h"
#include "cli/sweep/figure.h"
#include "cli/sweep/fingerprint.h"
#include "cli/sweep/points.h"

namespace faultline::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A folder with a program in it, which is the current directory meanwhile.
class StudyTest : public ::testing::Test {
 protected:
  StudyTest() : folder_(fmt::format("{}/study-{}", testing::TempDir(), getpid())) {
    std::filesystem::create_directories(folder_);
    std::filesystem::current_path(folder_);
    write("prog", "bytes");
  }
  ~StudyTest() override {
    std::filesystem::current_path("/");
    std::filesystem::remove_all(folder_);
  }

  static void write(const std::string& name, const std::string& text) { std::ofstream(name) << text; }

  static std::vector<Point> points(const Study& study) {
    std::vector<Point> all = expand(study, {.guest_folder = "."});
    check_charts_tell_points_apart(study, all);
    return all;
  }

  // A study with a title and a workload before `text`, which begins in line 4.
  static Study study(const std::string& text) {
    return parse_study("s.toml", "title = 't'\n" + std::string("workload = [{program = './prog'}]\n\n") + text);
  }

  static std::string refusal(const std::string& text) {
    try {
      points(study(text));
      return "taken";
    } catch (const UserError& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      return error.what();
    }
  }

  std::string folder_;
};

std::vector<std::string> overrides(const std::vector<Point>& points) {
  std::vector<std::string> all;
  for (const Point& point : points) {
    std::string text;
    for (const std::string& each : point.overrides) text += (text.empty() ? "" : " ") + each;
    all.push_back(text);
  }
  return all;
}

TEST_F(StudyTest, AxesCrossAndTheLastTurnsFastest) {
  const Study s = study(
      "settings.dram.size = '64M'\n"
      "[[axis]]\nkey = 'tlb.l1d.ways'\nvalues = [1, 2]\n"
      "[[axis]]\nkey = 'tlb.enabled'\nvalues = [true, false]\n");
  EXPECT_THAT(
      overrides(points(s)),
      ElementsAre("dram.size=64M tlb.l1d.ways=1 tlb.enabled=true", "dram.size=64M tlb.l1d.ways=1 tlb.enabled=false",
                  "dram.size=64M tlb.l1d.ways=2 tlb.enabled=true", "dram.size=64M tlb.l1d.ways=2 tlb.enabled=false"));
}

TEST_F(StudyTest, PairedKeysGoTogether) {
  EXPECT_THAT(overrides(points(study("[[axis]]\nkeys = ['tlb.l1i.ways', 'tlb.l1d.ways']\nvalues = [4, [1, 2]]\n"))),
              ElementsAre("tlb.l1i.ways=4 tlb.l1d.ways=4", "tlb.l1i.ways=1 tlb.l1d.ways=2"));
}

TEST_F(StudyTest, RangesAreLinearOrGeometric) {
  EXPECT_THAT(overrides(points(study("[[axis]]\nkey = 'tlb.l1d.ways'\nrange = {from = 1, to = 8, step = 3}\n"))),
              ElementsAre("tlb.l1d.ways=1", "tlb.l1d.ways=4", "tlb.l1d.ways=7"));
  EXPECT_THAT(overrides(points(study("[[axis]]\nkey = 'dram.size'\nrange = {from = '64M', to = '300M', times = 2}\n"))),
              ElementsAre("dram.size=67108864", "dram.size=134217728", "dram.size=268435456"));
}

TEST_F(StudyTest, MachinesWorkloadsAndArgumentsAreAxes) {
  const Study s = parse_study("s.toml",
                              "title = 't'\n"
                              "[[workload]]\nname = 'a'\nprogram = './prog'\narguments = ['{n}']\n"
                              "[[workload]]\nname = 'b'\nprogram = './prog'\narguments = ['x{n}y', 1]\n"
                              "[[axis]]\nmachine = ['textbook', 'sv39']\n"
                              "[[axis]]\nargument = 'n'\nvalues = [1, 'two']\n");
  const std::vector<Point> all = points(s);
  ASSERT_EQ(all.size(), 8u);
  EXPECT_EQ(all[0].workload->name, "a");
  EXPECT_EQ(all[2].machine, "sv39");
  EXPECT_THAT(all[0].arguments, ElementsAre("1"));
  EXPECT_THAT(all[5].arguments, ElementsAre("xtwoy", "1"));
  EXPECT_EQ(parameter(s, all[2], "paging.format"), "sv39");
  EXPECT_EQ(parameter(s, all[0], "n"), 1);
}

TEST_F(StudyTest, FiltersKeepAndDrop) {
  const std::string axes =
      "[[axis]]\nkey = 'tlb.l1d.sets'\nvalues = [1, 2, 4]\n[[axis]]\nkey = 'tlb.l1d.ways'\nvalues = [1, 2, 4]\n";
  EXPECT_EQ(points(study("only = 'tlb.l1d.sets * tlb.l1d.ways == 4'\n" + axes)).size(), 3u);
  EXPECT_EQ(points(study("only = 'tlb.l1d.sets < 4'\nexclude = ['tlb.l1d.ways == 1']\n" + axes)).size(), 4u);
  EXPECT_THAT(refusal("only = 'tlb.l1d.sets > 4'\n" + axes), HasSubstr("s.toml: no point is left"));
}

// A filter may drop what would contradict itself.
TEST_F(StudyTest, AFilterDropsAContradiction) {
  const std::string axes =
      "[[axis]]\nkey = 'tlb.l1d.replacement'\nvalues = ['lru', 'plru']\n"
      "[[axis]]\nkey = 'tlb.l1d.ways'\nvalues = [3, 4]\n";
  EXPECT_THAT(refusal(axes), StartsWith("s.toml:9:11: with tlb.l1d.replacement plru, tlb.l1d.ways 3: "));
  EXPECT_EQ(points(study("exclude = 'tlb.l1d.replacement == \"plru\" and tlb.l1d.ways == 3'\n" + axes)).size(), 3u);
}

TEST_F(StudyTest, RepeatsHaveSeedsOfTheirOwn) {
  const std::vector<Point> all = points(study("repeats = 3\n"));
  EXPECT_THAT(overrides(all), ElementsAre("seed=1", "seed=2", "seed=3"));
  EXPECT_EQ(all[2].repeat, 3u);
  EXPECT_THAT(overrides(points(study("seeds = [7, 5]\n"))), ElementsAre("seed=7", "seed=5"));
}

TEST_F(StudyTest, MistakesNameFileLineAndKey) {
  EXPECT_THAT(refusal("titel = 'x'\n"), StartsWith("s.toml:4:1: unknown key titel; did you mean title?"));
  EXPECT_THAT(refusal("[[axis]]\nkey = 'tlb.l1d.way'\nvalues = [1]\n"),
              StartsWith("s.toml:6:11: unknown setting tlb.l1d.way; did you mean tlb.l1d.ways?"));
  EXPECT_THAT(refusal("[[axis]]\nkey = 'tlb.l1d.ways'\nvalues = [1,\n 0]\n"),
              StartsWith("s.toml:7:2: tlb.l1d.ways: expected a whole number from 1"));
  EXPECT_THAT(refusal("[settings]\ntlb.enabled = 5\n"), StartsWith("s.toml:5:15: tlb.enabled: expected true or false"));
  EXPECT_THAT(refusal("[[axis]]\nkey = 'tlb.l1d.ways'\nvalues = [1]\nvalue = 3\n"),
              StartsWith("s.toml:7:1: unknown key axis.value; did you mean axis.values?"));
  EXPECT_THAT(refusal("only = 'tlb.l1d.sats == 1'\n"), StartsWith("s.toml:4:8: only: tlb.l1d.sats is neither"));
  EXPECT_THAT(refusal("only = '1 +'\n"), StartsWith("s.toml:4:8: only: \"1 +\" ends too early"));
  EXPECT_THAT(refusal("machine = 'nosuch'\n"), StartsWith("s.toml:4:11: machine: no machine \"nosuch\""));
  EXPECT_THAT(refusal("[[metric]]\nname = 'm'\nvalue = 'tlb.l1d.mises'\n"),
              StartsWith("s.toml:6:9: metric.value: tlb.l1d.mises is no statistic"));
  EXPECT_THAT(refusal("repeats = 0\n"), StartsWith("s.toml:4:11: repeats: expected a whole number from 1"));
  EXPECT_THAT(refusal("x = [\n"), StartsWith("s.toml:"));
  EXPECT_THAT(refusal("[[axis]]\nmachine = ['sv39', 'sv39']\n"), HasSubstr("axis.machine: has \"sv39\" twice"));
  EXPECT_THAT(refusal("[[axis]]\nargument = 'n'\nvalues = [1]\n"), HasSubstr("no workload has {n}"));
  EXPECT_THAT(refusal("[[axis]]\nkey = 'tlb.l1d.ways'\nrange = {from = 4, to = 1}\n"),
              StartsWith("s.toml:6:25: axis.range.to: is below from"));
}

TEST_F(StudyTest, NamesOfTheResultsOwnColumnsAreRefused) {
  const auto axis = [](const std::string& name) {
    return "[[axis]]\nname = '" + name + "'\nkey = 'tlb.l1d.ways'\nvalues = [1, 2]\n";
  };
  for (const char* name :
       {"point", "seed", "repeat", "exit_status", "failure", "host_seconds", "workload", "machine"}) {
    EXPECT_THAT(refusal(axis(name)), HasSubstr("choose another")) << name;
  }
  EXPECT_EQ(refusal(axis("ways")), "taken");
  EXPECT_THAT(refusal("[[metric]]\nname = 'failure'\nvalue = 'translation.penalty'\n"), HasSubstr("choose another"));
}

TEST_F(StudyTest, MistakesInWorkloadsAndCharts) {
  const auto say = [](const std::string& text) -> std::string {
    try {
      points(parse_study("s.toml", "title = 't'\n" + text));
      return "taken";
    } catch (const UserError& error) {
      return error.what();
    }
  };
  EXPECT_THAT(say(""), HasSubstr("workload: there is none"));
  EXPECT_THAT(say("[[workload]]\nprogram = './nosuch'\n"), StartsWith("s.toml:2:1: workload.program: ./nosuch"));
  EXPECT_THAT(say("[[workload]]\nprogram = './prog'\nbinds = ['./prog:/x:rw']\n"), HasSubstr("none may change a file"));
  const std::string axis = "[[axis]]\nkey = 'tlb.l1d.ways'\nname = 'ways'\nvalues = [1, 2]\n";
  const std::string metric = "[[metric]]\nname = 'm'\nvalue = 'cycles'\n";
  const std::string workload = "[[workload]]\nprogram = './prog'\n";
  EXPECT_THAT(say(workload + axis + metric + "[[chart]]\nkind = 'bars'\ntitle = 'c'\nx = 'seeds'\ny = 'm'\n"),
              HasSubstr("chart.x: seeds is not an axis or a metric"));
  const std::string second = "[[axis]]\nkey = 'tlb.l1d.sets'\nvalues = [1, 2]\n";
  EXPECT_THAT(say(workload + axis + second + metric + "[[chart]]\nkind = 'bars'\ntitle = 'c'\nx = 'ways'\ny = 'm'\n"),
              HasSubstr("chart: says nothing of the axis tlb.l1d.sets"));
  EXPECT_THAT(say(workload + axis + "[[axis]]\nkey = 'tlb.l1d.ways'\nname = 'again'\nvalues = [4]\n"),
              HasSubstr("tlb.l1d.ways is varied by the axis ways already"));
}

TEST_F(StudyTest, AFingerprintStandsForAllInputs) {
  const auto key = [](const std::string& text) {
    const Study s = study(text);
    return Fingerprints("/proc/self/exe", ".", "./sysroot").of(points(s).front());
  };
  const std::string first = key("");
  EXPECT_EQ(key("question = 'another'\n"), first) << "no input of a run";
  EXPECT_NE(key("settings.tlb.l1d.ways = 4\n"), first);
  EXPECT_NE(key("repeats = 2\n"), "");
  EXPECT_NE(key("seeds = [99]\n"), first);
  write("s.toml", "a study's own file");
  EXPECT_EQ(key(""), first) << "says nothing that the configuration does not";
  write("data", "what a guest may read");
  const std::string with_data = key("");
  EXPECT_NE(with_data, first);
  write("data", "what a guest mat read");
  EXPECT_NE(key(""), with_data);
  std::filesystem::remove("data");
  EXPECT_EQ(key(""), first);
  std::filesystem::create_directories("sysroot/lib");
  write("sysroot/lib/libc.so.6", "a library");
  EXPECT_NE(key(""), first);
  std::filesystem::remove_all("sysroot");
  write("prog", "other bytes");
  EXPECT_NE(key(""), first);
}

TEST_F(StudyTest, FiguresGroupAndAverage) {
  const Study s = study(
      "repeats = 2\n"
      "[[axis]]\nkey = 'tlb.l1d.ways'\nname = 'ways'\nvalues = [8, 1]\n"
      "[[axis]]\nkey = 'tlb.enabled'\nname = 'tlb'\nvalues = [true, false]\nlabels = ['with', 'without']\n"
      "[[metric]]\nname = 'm'\ntitle = 'time'\nunit = 'cycles'\nvalue = 'cycles'\n"
      "[[chart]]\nkind = 'lines'\ntitle = 'c'\nx = 'ways'\ny = 'm'\nseries = 'tlb'\n");
  FigureBuilder builder(s, s.charts.front());
  for (const Point& point : points(s)) {
    const Json value = point.number * 10;
    builder.add(point, Json::object(), {value});
  }
  const std::vector<Figure> figures = builder.figures();
  ASSERT_EQ(figures.size(), 1u);
  const Figure& figure = figures.front();
  EXPECT_EQ(figure.y_title, "time (cycles)");
  ASSERT_EQ(figure.x.size(), 2u);
  EXPECT_EQ(figure.x[0].label, "1") << "numbers stand in their order";
  ASSERT_EQ(figure.series.size(), 2u);
  EXPECT_EQ(figure.series[0].name, "with");
  // Points 1 and 2: 8 ways, with, two seeds.
  const Cell& cell = figure.series[0].cells.at(figure.x[1]);
  EXPECT_EQ(cell.runs, 2u);
  EXPECT_EQ(cell.mean(), 15);
  EXPECT_EQ(cell.low, 10);
  EXPECT_EQ(cell.high, 20);
}

TEST(DisplayNumber, AsPeopleReadThem) {
  EXPECT_EQ(display_number(1234567, ""), "1,234,567");
  EXPECT_EQ(display_number(0.34152, ""), "0.34152");
  EXPECT_EQ(display_number(0.5, "%"), "50 %");
  EXPECT_EQ(display_number(-1000, ""), "-1,000");
  EXPECT_EQ(display_number(2065.6, ""), "2,066");
}

}  // namespace
}  // namespace faultline::cli
