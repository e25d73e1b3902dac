// Which pages segments become, by hand for the cases that matter and against a
// byte model for any.
#include "loader/page_plan.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace faultline::loader {
namespace {

constexpr PageSize k4K{12};
constexpr PageSize k16K{14};
constexpr PageSize k64K{16};

// As ld lays out a small static program with 4 KB pages.
const std::vector<Segment> kSmall = {
    {VirtAddr(0x10000), 0x5a00, 0, 0x5a00, true, false, true},
    {VirtAddr(0x16f10), 0x2000, 0x5f10, 0x400, true, true, false},
};

TEST(PagePlan, MapsTheFileWherePagesAreAsLinked) {
  const auto plan = plan_pages(kSmall, k4K);
  ASSERT_EQ(plan.size(), 3u);
  EXPECT_EQ(plan[0].source, PageSource::file);
  EXPECT_EQ(plan[0].bytes, 0x6000u);
  EXPECT_EQ(plan[0].file_length, 0x5a00u);
  EXPECT_FALSE(plan[0].zero_tail);
  EXPECT_EQ(plan[1].source, PageSource::file);
  EXPECT_EQ(plan[1].begin, VirtAddr(0x16000));
  EXPECT_EQ(plan[1].bytes, 0x2000u);  // 0x16f10 to 0x17310
  EXPECT_EQ(plan[1].file_offset, 0x5000u);
  EXPECT_EQ(plan[1].file_length, 0x1310u);
  EXPECT_TRUE(plan[1].zero_tail);
  EXPECT_EQ(plan[2].source, PageSource::zero);
  EXPECT_EQ(plan[2].begin, VirtAddr(0x18000));
  EXPECT_EQ(plan[2].bytes, 0x1000u);
}

TEST(PagePlan, FillsAPageOfTwoSegmentsWithThePermissionsOfBoth) {
  const auto plan = plan_pages(kSmall, k64K);
  ASSERT_EQ(plan.size(), 1u);
  EXPECT_EQ(plan[0].source, PageSource::filled);
  EXPECT_EQ(plan[0].begin, VirtAddr(0x10000));
  EXPECT_EQ(plan[0].bytes, 0x10000u);
  EXPECT_TRUE(plan[0].read && plan[0].write && plan[0].execute);
  const auto pieces = pieces_of(plan[0], kSmall);
  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_EQ(pieces[1].address, VirtAddr(0x16f10));
  EXPECT_EQ(pieces[1].file.offset, 0x5f10u);
  EXPECT_EQ(pieces[1].file.bytes, 0x400u);
}

TEST(PagePlan, FillsWhatDoesNotLieInTheFileAsInMemory) {
  const auto plan = plan_pages(kSmall, k16K);
  ASSERT_EQ(plan.size(), 3u);
  EXPECT_EQ(plan[0].source, PageSource::file);
  EXPECT_EQ(plan[0].bytes, 0x4000u);
  EXPECT_EQ(plan[0].file_length, 0x4000u);
  EXPECT_EQ(plan[1].source, PageSource::filled);  // 0x14000 to 0x18000, in both
  EXPECT_EQ(plan[1].begin, VirtAddr(0x14000));
  EXPECT_EQ(plan[2].source, PageSource::zero);  // the rest of the bss
  EXPECT_FALSE(plan[2].execute);
}

TEST(PagePlan, MapsPlainlyWhatIsLinkedForThePage) {
  const std::vector<Segment> segments = {
      {VirtAddr(0x10000), 0x5a00, 0, 0x5a00, true, false, true},
      {VirtAddr(0x2ff10), 0x2000, 0xff10, 0xf0, true, true, false},
  };
  for (const PageRange& range : plan_pages(segments, k64K)) EXPECT_NE(range.source, PageSource::filled);
}

TEST(PagePlan, GivesAPageOfTheLinkedSizeToTheLaterSegment) {
  const std::vector<Segment> segments = {
      {VirtAddr(0x10000), 0x1200, 0, 0x1200, true, false, true},
      {VirtAddr(0x11200), 0x100, 0x1200, 0x100, true, true, false},
  };
  const auto plan = plan_pages(segments, k4K);
  ASSERT_EQ(plan.size(), 2u);
  EXPECT_EQ(plan[0].bytes, 0x1000u);
  EXPECT_EQ(plan[1].begin, VirtAddr(0x11000));
  EXPECT_FALSE(plan[1].execute);
}

// What memory holds once the plan is carried out; a file's byte is its offset
// plus one. Bytes beyond file_length in a mapped page come from the file too.
std::map<uint64_t, uint64_t> carry_out(const std::vector<PageRange>& plan, const std::vector<Segment>& segments) {
  std::map<uint64_t, uint64_t> bytes;
  for (const PageRange& range : plan) {
    for (uint64_t i = 0; i < range.bytes; ++i) {
      const bool mapped = range.source == PageSource::file && !(range.zero_tail && i >= range.file_length);
      EXPECT_TRUE(bytes.emplace(range.begin.value + i, mapped ? range.file_offset + i + 1 : 0).second);
    }
    if (range.source != PageSource::filled) continue;
    for (const Piece& piece : pieces_of(range, segments))
      for (uint64_t i = 0; i < piece.file.bytes; ++i) bytes[piece.address.value + i] = piece.file.offset + i + 1;
  }
  return bytes;
}

TEST(PagePlan, HoldsEveryByteOfAnySegments) {
  std::mt19937_64 random(7);
  const auto below = [&](uint64_t limit) { return random() % limit; };
  for (int round = 0; round < 300; ++round) {
    std::vector<Segment> segments;
    uint64_t address = 0x10000;
    for (uint64_t i = 0; i < 1 + below(4); ++i) {
      address += below(3) * 0x1000 + below(0x800);
      const uint64_t file = below(0x3000);
      const uint64_t offset = below(16) * 0x1000 + address % 0x1000;
      segments.push_back({VirtAddr(address), file + 1 + below(0x3000), offset, file, true, true, below(2) == 0});
      address = segments.back().end().value;
    }
    const PageSize page{static_cast<unsigned>(13 + below(4))};
    const auto plan = plan_pages(segments, page);
    const auto bytes = carry_out(plan, segments);
    for (const Segment& segment : segments) {
      for (uint64_t i = 0; i < segment.memory_bytes; ++i) {
        const auto found = bytes.find(segment.address.value + i);
        ASSERT_NE(found, bytes.end());
        ASSERT_EQ(found->second, i < segment.file_bytes ? segment.file_offset + i + 1 : 0) << "round " << round;
      }
    }
    for (const PageRange& range : plan) {
      ASSERT_EQ((range.begin.value | range.bytes | range.file_offset) & page.mask(), 0u);
      for (const Segment& segment : segments)
        if (segment.address < range.end() && range.begin < segment.end()) {
          ASSERT_TRUE(!segment.execute || range.execute);
        }
    }
  }
}

}  // namespace
}  // namespace faultline::loader
