// A real program walks P pages in a circle: the misses of an LRU TLB of S sets
// and W ways are arithmetic. The pages lie side by side, so that P mod S sets
// have one page more than the P / S of the others. After a first round a set
// with no more pages than ways never misses; with more it always does, since
// the page that comes next is the one that left longest ago. FIFO is the same.
#include <gtest/gtest.h>

#include <algorithm>

#include "harness.h"

namespace faultline::system_test {
namespace {

constexpr uint64_t kRounds = 20;

struct Shape {
  uint64_t sets, ways;
};

std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  return out << shape.sets << " sets of " << shape.ways;
}

uint64_t misses_of(uint64_t pages, const Shape& shape) {
  uint64_t a_round = 0;
  for (uint64_t set = 0; set < shape.sets; ++set) {
    const uint64_t here = pages / shape.sets + (set < pages % shape.sets ? 1 : 0);
    if (here > shape.ways) a_round += here;
  }
  return a_round * kRounds;
}

RunResult circle(uint64_t pages, const std::vector<std::string>& settings) {
  return faultline_run(
      {.settings = settings, .program = "circle", .arguments = {std::to_string(pages), std::to_string(kRounds)}});
}

std::vector<std::string> tlb(const std::string& name, const Shape& shape, const std::string& replacement) {
  return {"tlb." + name + ".sets=" + std::to_string(shape.sets), "tlb." + name + ".ways=" + std::to_string(shape.ways),
          "tlb." + name + ".replacement=" + replacement};
}

// Below, at and above what fits, and where only some sets overflow.
std::vector<uint64_t> page_counts(const Shape& shape) {
  const uint64_t all = shape.sets * shape.ways;
  return {std::max<uint64_t>(all - 1, 1), all, all + 1, all + shape.sets / 2 + 1, all + shape.sets + 1, 2 * all + 3};
}

class Circle : public testing::TestWithParam<Shape> {};

TEST_P(Circle, OverTheFirstLevel) {
  for (const char* replacement : {"lru", "fifo"}) {
    for (const uint64_t pages : page_counts(GetParam())) {
      const RunResult result = circle(pages, tlb("l1d", GetParam(), replacement));
      ASSERT_EQ(result.status, 0) << result.err;
      ASSERT_EQ(result.out, "every page once a round\n");
      EXPECT_EQ(count(result.stats, "references.load"), pages * kRounds) << result.line;
      EXPECT_EQ(count(result.stats, "tlb.l1d.misses"), misses_of(pages, GetParam())) << result.line;
      EXPECT_EQ(count(result.stats, "translation.walks"), misses_of(pages, GetParam())) << result.line;
    }
  }
}

// Each load of the program reaches the second level, behind a first one of a
// single entry. The fetches stay in one page, and in its first level.
TEST_P(Circle, OverTheSecondLevel) {
  for (const uint64_t pages : page_counts(GetParam())) {
    std::vector<std::string> settings = tlb("l2", GetParam(), "lru");
    settings.insert(settings.end(), {"tlb.l2.enabled=true", "tlb.l1d.sets=1", "tlb.l1d.ways=1"});
    const RunResult result = circle(pages, settings);
    ASSERT_EQ(result.status, 0) << result.err;
    const bool one_page = pages == 1;
    EXPECT_EQ(count(result.stats, "tlb.l2.lookups"), one_page ? 0 : pages * kRounds) << result.line;
    EXPECT_EQ(count(result.stats, "tlb.l2.misses"), one_page ? 0 : misses_of(pages, GetParam())) << result.line;
  }
}

INSTANTIATE_TEST_SUITE_P(
    , Circle, testing::Values(Shape{1, 1}, Shape{1, 13}, Shape{7, 3}, Shape{12, 5}, Shape{32, 2}, Shape{100, 1}),
    [](const auto& item) { return std::to_string(item.param.sets) + "x" + std::to_string(item.param.ways); });

}  // namespace
}  // namespace faultline::system_test
