// Windows of read-ahead, worked out by hand; and who is told of a failed write.
#include "os/memory/read_ahead.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "os/memory/write_errors.h"

namespace faultline::os {
namespace {

class Reader {
 public:
  explicit Reader(uint64_t most, ReadAdvice advice = ReadAdvice::normal) : most_(most), advice_(advice) {}
  // "2..5", or "" where nothing is to be read.
  std::string use(uint64_t index) {
    const ReadAhead::Pages pages = ahead.use(index, most_, advice_);
    if (pages.count == 0) return "";
    return std::to_string(pages.first) + ".." + std::to_string(pages.first + pages.count - 1);
  }
  ReadAhead ahead;

 private:
  uint64_t most_;
  ReadAdvice advice_;
};

// Window 8 from page 2: half of it is left when page 5 is used (6..9). Then 16
// from page 6, to 21; half is left at page 13. Then 32, the most, from page 14 to
// 45; at page 29 16 are left, and so on.
TEST(ReadAhead, GrowsAsItIsUsed) {
  Reader reader(32);
  const std::map<uint64_t, std::string> expected = {
      {1, "2..9"}, {5, "10..21"}, {13, "22..45"}, {29, "46..61"}, {45, "62..77"}};
  for (uint64_t i = 0; i < 61; ++i) {
    const auto asked = expected.find(i);
    EXPECT_EQ(reader.use(i), asked == expected.end() ? "" : asked->second) << i;
    EXPECT_EQ(reader.use(i), "") << "again, after the sleep: " << i;
  }
}

TEST(ReadAhead, IsNoneWhereItIsOff) {
  Reader reader(0);
  for (uint64_t i = 0; i < 10; ++i) EXPECT_EQ(reader.use(i), "");
}

TEST(ReadAhead, IsNoneForOtherOrders) {
  Reader backwards(32), random(32), strided(32);
  for (uint64_t i = 10; i-- > 0;) EXPECT_EQ(backwards.use(i), "");
  for (const uint64_t i : {7, 3, 9, 1, 5}) EXPECT_EQ(random.use(i), "");
  for (uint64_t i = 0; i < 20; i += 2) EXPECT_EQ(strided.use(i), "");
}

TEST(ReadAhead, ALeapClosesTheWindow) {
  Reader reader(32);
  for (uint64_t i = 0; i < 14; ++i) reader.use(i);
  EXPECT_EQ(reader.use(100), "");
  EXPECT_EQ(reader.use(101), "102..109") << "from the beginning";
  EXPECT_EQ(reader.use(3), "") << "back: a leap too";
}

TEST(ReadAhead, WhatCouldNotBeReadIsAskedForAgain) {
  Reader reader(8);
  reader.use(0);
  EXPECT_EQ(reader.use(1), "2..9");
  reader.ahead.stopped_before(4);
  EXPECT_EQ(reader.use(2), "4..10");
}

TEST(ReadAhead, SmallWindowsStaySmall) {
  Reader reader(2);
  EXPECT_EQ(reader.use(0), "");
  EXPECT_EQ(reader.use(1), "2..3");
  EXPECT_EQ(reader.use(2), "4..4");
  EXPECT_EQ(reader.use(3), "5..5");
}

TEST(ReadAhead, FollowsAdvice) {
  Reader sequential(8, ReadAdvice::sequential);
  EXPECT_EQ(sequential.use(0), "1..16") << "at once, and twice as much";
  EXPECT_EQ(sequential.use(1), "");
  Reader random(8, ReadAdvice::random);
  for (uint64_t i = 0; i < 10; ++i) EXPECT_EQ(random.use(i), "");
}

TEST(WriteErrors, TellsEachListenerOnce) {
  WriteErrors errors;
  WriteErrors::Mark a = errors.mark(), b = errors.mark();
  EXPECT_FALSE(errors.tell(a));
  errors.record();
  EXPECT_TRUE(errors.tell(a));
  EXPECT_FALSE(errors.tell(a));
  EXPECT_TRUE(errors.tell(b));
  EXPECT_FALSE(errors.tell(b));
}

TEST(WriteErrors, TellsWhoComesLaterOnlyWhatNobodyWasTold) {
  WriteErrors errors;
  errors.record();
  WriteErrors::Mark first = errors.mark();
  EXPECT_TRUE(errors.tell(first)) << "nobody had been told of it";
  WriteErrors::Mark second = errors.mark();
  EXPECT_FALSE(errors.tell(second));
  errors.record();
  EXPECT_TRUE(errors.tell(second));
  EXPECT_TRUE(errors.tell(first));
}

TEST(WriteErrors, ManyFailuresAreOneAnswer) {
  WriteErrors errors;
  WriteErrors::Mark mark = errors.mark();
  for (int i = 0; i < 3; ++i) errors.record();
  EXPECT_TRUE(errors.tell(mark));
  EXPECT_FALSE(errors.tell(mark));
}

}  // namespace
}  // namespace faultline::os
