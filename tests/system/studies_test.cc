// The studies that come with faultline, run whole: every point, every chart.
// Only where FAULTLINE_SOAK is set (`./dev soak`): each takes a minute or two.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <sstream>

#include "harness.h"

namespace faultline::system_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::chrono::seconds kLimit(3000);

class Studies : public testing::TestWithParam<const char*> {
 protected:
  // The sweep's folder, after it ran.
  fs::path run_study() {
    const fs::path out = directory_.path() / "out";
    const fs::path study = programs_manifest().parent_path() / "studies" / (std::string(GetParam()) + ".toml");
    const Outcome swept = run({build_directory() / "faultline", "sweep", study, "--out", out}, {.limit = kLimit});
    EXPECT_EQ(swept.status, 0) << swept.err;
    return out;
  }
  FreshDirectory directory_;
};

size_t occurrences(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// Labels of a point, and what its metrics came to.
using Found = std::map<std::string, double>;

double metric(const Json& results, const Found& settings, const std::string& tables, const std::string& name) {
  for (const Json& point : results["points"]) {
    const Json& config = point["statistics"]["config"];
    if (config["paging"]["format"] != tables) continue;
    const bool same = std::all_of(settings.begin(), settings.end(), [&](const auto& wanted) {
      const Json& value = config.at(Json::json_pointer("/" + wanted.first));
      return value.is_boolean() ? value.get<bool>() == (wanted.second != 0) : value == wanted.second;
    });
    if (same) return point["metrics"][name];
  }
  return -1;
}

TEST_P(Studies, RunsWholeAndShowsAllOfItsCharts) {
  if (!std::getenv("FAULTLINE_SOAK")) GTEST_SKIP() << "a long test: FAULTLINE_SOAK is not set";
  const fs::path out = run_study();
  const Json results = Json::parse(read_file(out / "results.json"));
  ASSERT_FALSE(results["points"].empty());
  for (const Json& point : results["points"]) {
    for (const auto& [name, value] : point["metrics"].items())
      EXPECT_TRUE(value.is_number()) << "point " << point["point"] << " " << name;
  }
  const std::string page = read_file(out / "report.html");
  EXPECT_THAT(page, Not(HasSubstr("No point has what this chart shows")));
  const size_t figures = occurrences(page, "<section class=figure");
  EXPECT_GE(figures, 2u);
  if (std::string(GetParam()) == "nested") {
    // (g + 1)(h + 1) - 1 reads for each reference.
    EXPECT_EQ(metric(results, {{"tlb/enabled", 0}, {"nested/enabled", 0}}, "x86-64", "penalty"), 5);
    EXPECT_EQ(metric(results, {{"tlb/enabled", 0}, {"nested/enabled", 1}}, "x86-64", "penalty"), 25);
    EXPECT_EQ(metric(results, {{"tlb/enabled", 0}, {"nested/enabled", 1}}, "la57", "penalty"), 36);
  }
  const fs::path browser = "/usr/bin/chromium";
  if (!fs::exists(browser)) return;
  const Outcome drawn = run({browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
                             "--user-data-dir=" + (directory_.path() / "browser").string(), "--dump-dom",
                             "file://" + (out / "report.html").string()},
                            {.directory = directory_.path(), .limit = kLimit});
  ASSERT_EQ(drawn.status, 0) << drawn.err;
  EXPECT_THAT(drawn.err, Not(HasSubstr("CONSOLE")));
  EXPECT_EQ(occurrences(drawn.out, "<svg"), figures);
}

INSTANTIATE_TEST_SUITE_P(, Studies,
                         testing::Values("walk-penalty", "tlb-geometry", "tlb-surface", "page-size", "large-entries",
                                         "nested", "context-switch", "instruction-data", "allocator", "clock-hands",
                                         "mapped-io", "read-ahead", "write-behind", "disk-queue", "process-creation"),
                         [](const auto& item) {
                           std::string name = item.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace faultline::system_test
