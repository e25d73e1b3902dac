// docs/worked-example.md, line by line, against the real command.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace {

nlohmann::json run_example(const std::string& settings) {
  const std::string stats =
      std::filesystem::temp_directory_path() / ("worked_example_" + std::to_string(getpid()) + ".json");
  const std::string command = std::string(FAULTLINE) + " run --quiet " + settings + " --stats " + stats + " " + PROGRAM;
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  std::ifstream file(stats);
  nlohmann::json json = nlohmann::json::parse(file, nullptr, false);
  std::filesystem::remove(stats);
  return json;
}

TEST(WorkedExample, EveryNumberOfThePage) {
  const nlohmann::json json = run_example("-m textbook");
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["instructions"], 12);
  EXPECT_EQ(json["references"]["fetch"], 13);
  EXPECT_EQ(json["references"]["load"], 2);
  EXPECT_EQ(json["references"]["store"], 2);
  EXPECT_EQ(json["translation"]["walks"], 2);
  EXPECT_EQ(json["translation"]["walk_reads"], 8);
  EXPECT_EQ(json["translation"]["walk_writes"], 3);
  EXPECT_EQ(json["translation"]["fault_walk_reads"], 5);
  EXPECT_EQ(json["translation"]["dirty_walks"], 0);
  EXPECT_EQ(json["translation"]["penalty"], 25.0 / 17.0);
  EXPECT_EQ(json["tlb"]["l1i"]["lookups"], 13);
  EXPECT_EQ(json["tlb"]["l1i"]["misses"], 1);
  EXPECT_EQ(json["tlb"]["l1d"]["lookups"], 4);
  EXPECT_EQ(json["tlb"]["l1d"]["misses"], 1);
  EXPECT_EQ(json["cycle_stack"]["compute"], 12);
  EXPECT_EQ(json["cycle_stack"]["fetch"], 1300);
  EXPECT_EQ(json["cycle_stack"]["data"], 400);
  EXPECT_EQ(json["cycle_stack"]["walk"], 1600);
  EXPECT_EQ(json["cycle_stack"]["tlb"], 0);
}

TEST(WorkedExample, WithoutTheTlbEveryReferenceWalks) {
  const nlohmann::json json = run_example("-m textbook -s tlb.enabled=false");
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["references"]["total"], 17);
  EXPECT_EQ(json["translation"]["walk_reads"], 68);
  EXPECT_EQ(json["translation"]["penalty"], 5.0);
}

}  // namespace
