// What a sweep keeps, and what its page is made of.
#include "cli/sweep/results.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "cli/config/user_error.h"
#include "cli/sweep/html.h"
#include "cli/sweep/point_process.h"
#include "cli/sweep/progress.h"

namespace faultline::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class ResultsTest : public ::testing::Test {
 protected:
  ResultsTest() : folder_(fmt::format("{}/results-{}", testing::TempDir(), getpid())) {
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ + "/prog") << "bytes";
    study_ = parse_study("s.toml", fmt::format("title = 'A <b>title</b>'\n"
                                               "[[workload]]\nprogram = '{}/prog'\n"
                                               "[[axis]]\nkey = 'tlb.l1d.ways'\nname = 'ways'\nvalues = [1, 2, 4]\n"
                                               "labels = ['a,b', '</script>', 'c']\n"
                                               "[[metric]]\nname = 'm'\nvalue = 'cycles / instructions'\n"
                                               "[[chart]]\nkind = 'bars'\ntitle = 'c'\nx = 'ways'\ny = 'm'\n",
                                               folder_));
    points_ = expand(study_, {.guest_folder = "."});
    for (Point& point : points_) point.key = fmt::format("key{}", point.number);
  }
  ~ResultsTest() override { std::filesystem::remove_all(folder_); }

  void store_all(ResultStore& store) {
    store.set_points(study_, points_);
    for (const Point& point : points_) {
      StoredResult result;
      result.statistics = fmt::format(R"({{"instructions": 2, "cycles": {}}})", point.number);
      if (point.number == 3) {
        result.status = 1;
        result.failure = "exit status 1, expected 0";
      }
      store.add(study_, point, result);
    }
  }

  std::string folder_;
  Study study_;
  std::vector<Point> points_;
};

TEST_F(ResultsTest, TheStoreKeepsWhatItWasGiven) {
  const std::string path = folder_ + "/results.sqlite";
  {
    ResultStore store(path);
    store_all(store);
  }
  const ResultStore again(path);
  const std::optional<StoredResult> third = again.find("key3");
  ASSERT_TRUE(third);
  EXPECT_EQ(third->status, 1);
  EXPECT_TRUE(third->failed());
  EXPECT_EQ(again.find("key1")->statistics, R"({"instructions": 2, "cycles": 1})");
  EXPECT_FALSE(again.find("key4"));
}

TEST_F(ResultsTest, AFileThatIsNoStoreIsRefused) {
  std::ofstream(folder_ + "/broken") << std::string(4096, 'x');
  EXPECT_THROW(ResultStore(folder_ + "/broken"), UserError);
  EXPECT_THROW(ResultStore("/nowhere/x"), UserError);
}

TEST_F(ResultsTest, FilesSayWhatWasFound) {
  ResultStore store(folder_ + "/results.sqlite");
  store_all(store);
  write_results(study_, points_, store, folder_);
  EXPECT_EQ(read(folder_ + "/results.csv"),
            "point,ways,workload,machine,seed,repeat,exit_status,failure,m,host_seconds\r\n"
            "1,\"a,b\",prog,textbook,1,1,0,,0.5,0.000\r\n"
            "2,</script>,prog,textbook,1,1,0,,1.0,0.000\r\n"
            "3,c,prog,textbook,1,1,1,\"exit status 1, expected 0\",1.5,0.000\r\n");
  const Json json = Json::parse(read(folder_ + "/results.json"));
  EXPECT_EQ(json["schema"], "faultline.sweep/1");
  EXPECT_EQ(json["points"][1]["metrics"]["m"], 1.0);
  EXPECT_EQ(json["points"][2]["failure"], "exit status 1, expected 0");
}

TEST_F(ResultsTest, ThePageStandsAloneAndEscapesWhatItShows) {
  ResultStore store(folder_ + "/results.sqlite");
  store_all(store);
  write_results(study_, points_, store, folder_);
  const std::string page = read(folder_ + "/report.html");
  EXPECT_THAT(page, HasSubstr("<h1>A &lt;b&gt;title&lt;/b&gt;</h1>"));
  EXPECT_THAT(page, HasSubstr("1 of 3 points failed"));
  EXPECT_THAT(page, HasSubstr("tlb.l1d.ways"));
  EXPECT_THAT(page, HasSubstr("Licensed to the Apache Software Foundation"));
  EXPECT_THAT(page, Not(HasSubstr("<script src")));
  EXPECT_THAT(page, Not(HasSubstr("<link rel=stylesheet")));
  // The label that looks like an end of script is data, in the script and outside.
  EXPECT_THAT(page, HasSubstr("\\u003c/script>"));
  EXPECT_THAT(page, HasSubstr("&lt;/script&gt;"));
}

TEST_F(ResultsTest, AFailureIsWhoseItWas) {
  const auto exited = [](int status) { return status << 8; };
  const std::string guest2 = R"({"exit": {"status": 2, "signal": 0, "reason": "exited"}})";
  EXPECT_FALSE(judge(points_[0], exited(0), "", "{}").failed());
  const StoredResult guest = judge(points_[0], exited(2), "", guest2);
  EXPECT_TRUE(guest.failed());
  EXPECT_FALSE(guest.own_error);
  const StoredResult own = judge(points_[0], exited(2), "noise\nfaultline: dram.size: too small\n", "");
  EXPECT_TRUE(own.own_error);
  EXPECT_EQ(own.failure, "dram.size: too small");
  EXPECT_TRUE(judge(points_[0], exited(2), "faultline: internal error: x\n", guest2).own_error);
  EXPECT_TRUE(judge(points_[0], exited(0), "", "").own_error) << "no statistics";
  EXPECT_THAT(judge(points_[0], SIGSEGV, "", "").failure, StartsWith("faultline was killed by signal 11"));
}

TEST(Clock, MinutesAndHours) {
  EXPECT_EQ(clock_text(65), "1:05");
  EXPECT_EQ(clock_text(7205), "2:00:05");
  EXPECT_EQ(clock_text(-1), "0:00");
}

}  // namespace
}  // namespace faultline::cli
