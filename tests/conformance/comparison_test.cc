#include "comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace faultline::conformance {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Comparison, EqualLinesConform) {
  const Report report = compare("p", "a: ok\nb: EINVAL\n", "a: ok\nb: EINVAL\n", {});
  EXPECT_THAT(report.failures, IsEmpty());
  EXPECT_EQ(report.same, 2u);
}

TEST(Comparison, ADifferenceFailsWithBothVerdicts) {
  const Report report = compare("p", "a: ok\n", "a: EINVAL\n", {});
  EXPECT_THAT(report.failures, ElementsAre("a\n  native:    ok\n  faultline: EINVAL"));
}

TEST(Comparison, ALostLineFails) {
  const Report report = compare("p", "a: ok\nb: ok\n", "a: ok\n", {});
  EXPECT_EQ(report.failures.size(), 2u);
  EXPECT_FALSE(compare("p", "a: ok\n", "a: ok\nb: ok\n", {}).failures.empty());
  EXPECT_FALSE(compare("p", "", "", {}).failures.empty());
}

TEST(Comparison, AListedDifferencePassesAndIsTold) {
  const Report report = compare("p", "a: ok\n", "a: EINVAL\n", {{"p.a", "no such device"}, {"q.z", "elsewhere"}});
  EXPECT_THAT(report.failures, IsEmpty());
  EXPECT_EQ(report.listed, 1u);
  EXPECT_THAT(report.notes, ElementsAre(HasSubstr("no such device")));
}

TEST(Comparison, AListedDifferenceThatIsNoneFails) {
  EXPECT_FALSE(compare("p", "a: ok\n", "a: ok\n", {{"p.a", "once"}}).failures.empty());
  EXPECT_FALSE(compare("p", "a: ok\n", "a: ok\n", {{"p.gone", "once"}}).failures.empty());
}

TEST(Comparison, WhatTheHostCannotJudgeIsSkipped) {
  const Report report = compare("p", "a: unsupported: no swap\n", "a: ok\n", {});
  EXPECT_THAT(report.failures, IsEmpty());
  EXPECT_EQ(report.skipped, 1u);
  EXPECT_EQ(report.same, 0u);
  EXPECT_FALSE(compare("p", "a: ok\n", "a: unsupported: no swap\n", {}).failures.empty());
}

TEST(Comparison, ACaseThatIsThereTwiceFails) {
  EXPECT_FALSE(compare("p", "a: ok\na: ok\n", "a: ok\na: ok\n", {}).failures.empty());
}

TEST(Comparison, TheListIsRead) {
  std::vector<std::string> mistakes;
  const Differences read = parse_differences("# why\n\np.a: the reason\nnonsense\np.a: again\n", mistakes);
  EXPECT_EQ(read.size(), 1u);
  EXPECT_EQ(read.at("p.a"), "the reason");
  EXPECT_THAT(mistakes, ElementsAre(HasSubstr("line 4"), HasSubstr("line 5")));
}

}  // namespace
}  // namespace faultline::conformance
