// Windows of read-ahead, worked out by hand; and who is told of a failed write.
#include "os/memory/read_ahead.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "os/memory/write_errors.h"

namespace faultline::os {
namespace {

class Reader {
 public:
  explicit Reader(uint64_t most, ReadAdvice advice = ReadAdvice::normal) : most_(most), advice_(advice) {}
  // "2..5", or "" where nothing is to be read.
  std::string use(uint64_t index, bool present = true) {
    const ReadAhead::Pages pages = ahead_.use(index, present, most_, advice_);
    if (pages.count == 0) return "";
    return std::to_string(pages.first) + ".." + std::to_string(pages.first + pages.count - 1);
  }

 private:
  ReadAhead ahead_;
  uint64_t most_;
  ReadAdvice advice_;
};

TEST(ReadAhead, GrowsAsItIsUsed) {
  Reader reader(32);
  EXPECT_EQ(reader.use(0, false), "");
  EXPECT_EQ(reader.use(1, false), "2..5");
  EXPECT_EQ(reader.use(1), "") << "again, after the sleep";
  EXPECT_EQ(reader.use(2), "6..13") << "the first of its window: the next one is begun, twice as long";
  for (uint64_t i = 3; i < 6; ++i) EXPECT_EQ(reader.use(i), "") << i;
  EXPECT_EQ(reader.use(6), "14..29");
  for (uint64_t i = 7; i < 14; ++i) EXPECT_EQ(reader.use(i), "") << i;
  EXPECT_EQ(reader.use(14), "30..61") << "the most";
  for (uint64_t i = 15; i < 30; ++i) EXPECT_EQ(reader.use(i), "") << i;
  EXPECT_EQ(reader.use(30), "62..93") << "and no more";
}

TEST(ReadAhead, IsNoneWhereItIsOff) {
  Reader reader(0);
  for (uint64_t i = 0; i < 10; ++i) EXPECT_EQ(reader.use(i, false), "");
}

TEST(ReadAhead, IsNoneForOtherOrders) {
  Reader backwards(32), random(32), strided(32);
  for (uint64_t i = 10; i-- > 0;) EXPECT_EQ(backwards.use(i, false), "");
  for (const uint64_t i : {7, 3, 9, 1, 5}) EXPECT_EQ(random.use(i, false), "");
  for (uint64_t i = 0; i < 20; i += 2) EXPECT_EQ(strided.use(i, false), "");
}

TEST(ReadAhead, ALeapClosesTheWindow) {
  Reader reader(32);
  reader.use(0, false);
  reader.use(1, false);
  EXPECT_EQ(reader.use(2), "6..13");
  EXPECT_EQ(reader.use(100, false), "");
  EXPECT_EQ(reader.use(101, false), "102..105") << "from the beginning";
  EXPECT_EQ(reader.use(3), "") << "back: a leap too";
}

TEST(ReadAhead, APageThatIsGoneBeginsAnew) {
  Reader reader(32);
  reader.use(0, false);
  reader.use(1, false);
  reader.use(2);
  EXPECT_EQ(reader.use(3, false), "4..7");
}

TEST(ReadAhead, SmallWindowsStaySmall) {
  Reader reader(2);
  EXPECT_EQ(reader.use(0, false), "");
  EXPECT_EQ(reader.use(1, false), "2..3");
  EXPECT_EQ(reader.use(2), "4..5");
  EXPECT_EQ(reader.use(3), "");
  EXPECT_EQ(reader.use(4), "6..7");
}

TEST(ReadAhead, FollowsAdvice) {
  Reader sequential(8, ReadAdvice::sequential);
  EXPECT_EQ(sequential.use(0, false), "1..16") << "at once, and twice as much";
  EXPECT_EQ(sequential.use(1), "17..32");
  Reader random(8, ReadAdvice::random);
  for (uint64_t i = 0; i < 10; ++i) EXPECT_EQ(random.use(i, false), "");
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
