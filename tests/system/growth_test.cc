// Much of everything: each must work, and in time that is of no other order
// than the work. The curves stand in docs/performance.md.
#include <gtest/gtest.h>

#include "harness.h"

namespace faultline::system_test {
namespace {

RunResult many(const std::vector<std::string>& arguments, std::vector<std::string> settings) {
  settings.push_back("timing=tlb");
  return faultline_run({.settings = std::move(settings), .program = "many", .arguments = arguments});
}

TEST(Growth, TenThousandProcessesAtOnce) {
  const RunResult result = many({"processes", "10000"}, {"dram.size=1G"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "10000 processes, 10000 ended well\n");
  EXPECT_EQ(result.stats["processes"].size(), 10001u);
  EXPECT_EQ(count(result.stats, "after_exit.anonymous_frames"), 0u);
}

TEST(Growth, AHundredThousandAreasInOneProcess) {
  const RunResult result = many({"areas", "100000"}, {"dram.size=1G", "vm.max_map_count=200000"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "100000 areas, 50000 written\n");
}

TEST(Growth, NoMoreAreasThanTheSettingSays) {
  EXPECT_NE(many({"areas", "100000"}, {"dram.size=1G"}).err.find("Cannot allocate memory"), std::string::npos);
  EXPECT_EQ(many({"areas", "1000"}, {"vm.max_map_count=1100"}).status, 0);
  EXPECT_NE(many({"areas", "1000"}, {"vm.max_map_count=900"}).status, 0);
}

// Memory that nobody touches costs the host what the kernel's own tables take of it,
// 8 bytes a frame, and little else.
TEST(Growth, SixtyFourGigabytesOfMemory) {
  const RunResult result =
      faultline_run({.settings = {"dram.size=64G", "timing=tlb"}, .program = "storms", .arguments = {"hello"}});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(count(result.stats, "frames.total"), (uint64_t{64} << 30) / 4096);
  EXPECT_LT(result.peak_bytes, uint64_t{512} << 20);
}

}  // namespace
}  // namespace faultline::system_test
