#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <set>
#include <utility>

#include "os/memory/free_map.h"
#include "tests/os/support/fake_process.h"

namespace faultline::os::test {
namespace {

TEST(FreeMap, IsASetOfNumbers) {
  std::mt19937_64 random(1);
  for (const uint64_t size : {1u, 63u, 64u, 65u, 5000u, 300000u}) {
    FreeMap map(size);
    std::set<uint64_t> model;
    for (int i = 0; i < 3000; ++i) {
      const uint64_t number = random() % size;
      if (random() % 2) {
        map.insert(number);
        model.insert(number);
      } else {
        map.erase(number);
        model.erase(number);
      }
      const uint64_t from = random() % (size + 1);
      const auto expected = model.lower_bound(from);
      const std::optional<uint64_t> found = map.first(from);
      ASSERT_EQ(found.has_value(), expected != model.end());
      if (found) {
        ASSERT_EQ(*found, *expected);
      }
      ASSERT_EQ(map.count(), model.size());
    }
  }
}

TEST(FreeMap, TakesARangeAtOnce) {
  for (const auto& [begin, end] : {std::pair{1u, 65536u}, {0u, 1u}, {63u, 65u}, {64u, 128u}, {70u, 5000u}, {9u, 9u}}) {
    FreeMap at_once(65536);
    FreeMap one_by_one(65536);
    at_once.insert_all(begin, end);
    for (uint64_t number = begin; number < end; ++number) one_by_one.insert(number);
    ASSERT_EQ(at_once.count(), one_by_one.count());
    // To the end, and again while they go.
    for (uint64_t at = 0; at < 65536; at += 31) ASSERT_EQ(at_once.first(at), one_by_one.first(at)) << at;
    while (const std::optional<uint64_t> lowest = one_by_one.first()) {
      ASSERT_EQ(at_once.first(), lowest);
      at_once.erase(*lowest);
      one_by_one.erase(*lowest);
    }
    ASSERT_EQ(at_once.first(), std::nullopt);
  }
}

TEST(FrameTable, FramesAreThereWhenSomebodyWantsToWrite) {
  FrameTable table(5000, 700);
  const FrameTable& looked_at = table;
  const auto touched = [&] {
    uint64_t count = 0;
    looked_at.for_each_touched([&](uint64_t number, const Frame& frame) {
      EXPECT_EQ(&looked_at[number], &frame);
      ++count;
    });
    return count;
  };
  for (const uint64_t frame : {0u, 699u, 700u, 4999u}) {
    EXPECT_EQ(looked_at[frame].kind, frame < 700 ? FrameKind::kernel : FrameKind::free);
  }
  EXPECT_EQ(touched(), 0u);
  EXPECT_EQ(looked_at.untouched_free(0, 5000), 4300u);
  table[650].pins = 3;
  EXPECT_EQ(touched(), 512u);
  EXPECT_EQ(looked_at[699].kind, FrameKind::kernel);
  EXPECT_EQ(looked_at[700].kind, FrameKind::free);
  EXPECT_EQ(looked_at[650].pins, 3u);
  EXPECT_EQ(looked_at.untouched_free(0, 5000), 5000u - 1024);
  EXPECT_EQ(looked_at.untouched_free(600, 1030), 6u);
  table[4999].kind = FrameKind::file;  // the last piece is shorter
  EXPECT_EQ(touched(), 512u + 5000 % 512);
}

TEST(FrameTable, TheListKeepsItsOrder) {
  FrameTable table(3000, 0);
  FrameList list(table);
  EXPECT_EQ(list.front(), Frame::kNone);
  for (const uint64_t frame : {2999u, 0u, 1500u}) list.push_back(Pfn(frame));
  EXPECT_EQ(list.front(), 2999u);
  EXPECT_EQ(list.after(2999), 0u);
  EXPECT_EQ(list.after(1500), Frame::kNone);
  list.remove(Pfn(0));
  EXPECT_EQ(list.after(2999), 1500u);
  list.remove(Pfn(2999));
  EXPECT_EQ(list.front(), 1500u);
  list.remove(Pfn(1500));
  EXPECT_TRUE(list.empty());
}

// 256 GB of which a few frames are touched: what is checked is what was touched,
// and what is wrong there is found.
TEST(FramesOfAHugeMemory, AreCheckedWhereTheyWereTouched) {
  constexpr uint64_t kFrames = uint64_t{1} << 26;
  FakeMachine machine{4096 * 200};
  const OsCosts costs;
  FrameAllocator frames{machine, machine, costs, kFrames, 5000, {40, 20, 10, 4}, {9, 18}};
  EXPECT_EQ(frames.check_invariants().value_or(""), "");
  EXPECT_EQ(frames.free_frames(), kFrames - 5000);
  EXPECT_EQ(frames.allocate(FrameKind::anonymous, Urgency::user)->value, 5000u);
  const Pfn run = *frames.allocate_large(9, FrameKind::anonymous, Urgency::user);
  EXPECT_EQ(run.value % 512, 0u);
  EXPECT_EQ(frames.check_invariants().value_or(""), "");
  Frame& far = frames[Pfn(kFrames - 3)];
  far.kind = FrameKind::file;
  EXPECT_EQ(frames.check_invariants().value_or(""), "frame 67108861 is free and owned");
  far.kind = FrameKind::free;
  far.pins = 1;
  EXPECT_EQ(frames.check_invariants().value_or(""), "frame 67108861 is free and in use");
  far.pins = 0;
  EXPECT_EQ(frames.check_invariants().value_or(""), "");
}

class Frames : public testing::Test {
 protected:
  FakeMachine machine{4096 * 200};
  OsCosts costs;
  FrameAllocator frames{machine, machine, costs, 200, 10, {40, 20, 10, 4}};
  std::vector<uint64_t> lost;
  void SetUp() override {
    frames.on_identity_lost([this](Pfn pfn) { lost.push_back(pfn.value); });
  }
};

TEST_F(Frames, LowestFirstAndKernelFramesNever) {
  EXPECT_EQ(frames.count(FrameKind::kernel), 10u);
  EXPECT_EQ(frames.allocate(FrameKind::anonymous, Urgency::user)->value, 10u);
  EXPECT_EQ(frames.allocate(FrameKind::file, Urgency::user)->value, 11u);
  frames.free(Pfn(10));
  EXPECT_EQ(frames.allocate(FrameKind::file, Urgency::user)->value, 10u);
  EXPECT_EQ(frames.check_invariants().value_or(""), "");
}

TEST_F(Frames, ArePristineUntilTheyAreGivenBack) {
  const auto pristine = [this](Pfn pfn) { return std::as_const(frames)[pfn].pristine; };
  const Pfn first = *frames.allocate(FrameKind::anonymous, Urgency::user);
  EXPECT_TRUE(pristine(first));
  EXPECT_TRUE(pristine(*frames.next()));
  frames.free(first);
  EXPECT_FALSE(pristine(first));
  EXPECT_EQ(*frames.allocate(FrameKind::file, Urgency::user), first);
  EXPECT_FALSE(pristine(first));
  // A page that is lost on the free list has been in its frame.
  frames.free_with_page(first);
  while (frames.allocate(FrameKind::anonymous, Urgency::dying)) {
  }
  EXPECT_EQ(lost, std::vector<uint64_t>{first.value});
  EXPECT_FALSE(pristine(first));
}

TEST_F(Frames, TheNextOneIsKnown) {
  const auto expect_next = [this] {
    const std::optional<Pfn> next = frames.next();
    EXPECT_EQ(frames.allocate(FrameKind::anonymous, Urgency::dying), next);
  };
  for (int i = 0; i < 50; ++i) expect_next();
  for (const uint64_t freed : {12u, 15u, 11u}) {
    frames.free(Pfn(freed));
    expect_next();
  }
  while (frames.free_frames() > 0) expect_next();
  EXPECT_EQ(frames.next(), std::nullopt);
}

TEST_F(Frames, UsersStopAtMinfreeTablesAtTheReserve) {
  bool refused = false;
  frames.on_shortage([&](bool no) { refused |= no; });
  while (frames.allocate(FrameKind::anonymous, Urgency::user)) {
  }
  EXPECT_EQ(frames.free_frames(), 9u);
  EXPECT_TRUE(refused);
  while (frames.allocate(FrameKind::page_table, Urgency::table)) {
  }
  EXPECT_EQ(frames.free_frames(), 3u);
  while (frames.allocate(FrameKind::anonymous, Urgency::dying)) {
  }
  EXPECT_EQ(frames.free_frames(), 0u);
  EXPECT_EQ(frames.check_invariants().value_or(""), "");
}

TEST_F(Frames, PagesOnTheFreeListGoLastAndOldestFirst) {
  std::vector<Pfn> taken;
  for (int i = 0; i < 5; ++i) taken.push_back(*frames.allocate(FrameKind::anonymous, Urgency::user));
  frames.free_with_page(taken[3]);
  frames.free_with_page(taken[1]);
  frames.free_with_page(taken[2]);
  frames.take_back(taken[1]);
  uint64_t fresh = 0;
  while (lost.empty()) {
    ASSERT_TRUE(frames.allocate(FrameKind::file, Urgency::dying));
    ++fresh;
  }
  EXPECT_EQ(fresh, 186u);  // 190 without the kernel's, 5 taken, and this the first of the list
  ASSERT_TRUE(frames.allocate(FrameKind::file, Urgency::dying));
  EXPECT_EQ(lost, (std::vector<uint64_t>{taken[3].value, taken[2].value}));
  EXPECT_FALSE(frames.allocate(FrameKind::file, Urgency::dying));
}

TEST_F(Frames, RunsAreInOnePieceOrNotAtAll) {
  const std::optional<Pfn> run = frames.allocate_run(64, FrameKind::page_table);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->value, 136u);  // the highest
  std::vector<Pfn> all;
  while (const auto pfn = frames.allocate(FrameKind::anonymous, Urgency::dying)) all.push_back(*pfn);
  for (size_t i = 0; i < all.size(); i += 2) frames.free(all[i]);
  EXPECT_GT(frames.free_frames(), 50u);
  EXPECT_FALSE(frames.allocate_run(2, FrameKind::page_table));
  EXPECT_EQ(frames.check_invariants().value_or(""), "");
}

// 200 frames, of which 10 are the kernel's; a large page has 16.
class LargeRuns : public testing::Test {
 protected:
  FakeMachine machine{4096 * 200};
  OsCosts costs;
  FrameAllocator frames{machine, machine, costs, 200, 10, {40, 20, 10, 4}, {4}};
  std::vector<uint64_t> lost;
  void SetUp() override {
    frames.on_identity_lost([this](Pfn pfn) { lost.push_back(pfn.value); });
  }
};

TEST_F(LargeRuns, AreAlignedAndLeaveMinfree) {
  // Frames 16 to 191 in eleven runs; 192 to 199 are too few for another.
  std::set<uint64_t> firsts;
  while (const auto run = frames.allocate_large(4, FrameKind::anonymous, Urgency::user)) {
    EXPECT_EQ(run->value % 16, 0u);
    firsts.insert(run->value);
  }
  EXPECT_EQ(firsts.size(), 11u);
  EXPECT_EQ(frames.free_frames(), 190u - 11 * 16);
  EXPECT_EQ(frames.count(FrameKind::anonymous), 11u * 16);
  EXPECT_EQ(frames.check_invariants().value_or(""), "");
  for (uint64_t i = 64; i < 80; ++i) frames.free(Pfn(i));
  EXPECT_EQ(frames.allocate_large(4, FrameKind::anonymous, Urgency::user), Pfn(64));
}

TEST_F(LargeRuns, ComeBackFromAnyOrderOfFrees) {
  std::vector<Pfn> all;
  while (const auto pfn = frames.allocate(FrameKind::anonymous, Urgency::dying)) all.push_back(*pfn);
  EXPECT_FALSE(frames.allocate_large(4, FrameKind::anonymous, Urgency::dying));
  std::mt19937_64 random(5);
  std::shuffle(all.begin(), all.end(), random);
  for (const Pfn pfn : all) frames.free(pfn);
  const FragmentationStatistics lie = frames.fragmentation();
  EXPECT_EQ(lie.largest_free_run, 64u);  // 64 to 127
  // 10 to 11, 12 to 15, 192 to 199.
  EXPECT_EQ(lie.unusable, 2u + 4 + 8);
  EXPECT_EQ(frames.check_invariants().value_or(""), "");
}

// A run in which frames keep their pages is used when there is no other.
TEST_F(LargeRuns, TakeThePagesOfFreeFramesLast) {
  std::vector<Pfn> all;
  while (const auto pfn = frames.allocate(FrameKind::anonymous, Urgency::dying)) all.push_back(*pfn);
  for (uint64_t i = 32; i < 48; ++i) {
    if (i % 2) {
      frames.free_with_page(Pfn(i));
    } else {
      frames.free(Pfn(i));
    }
  }
  for (uint64_t i = 128; i < 144; ++i) frames.free(Pfn(i));
  for (uint64_t i = 160; i < 175; ++i) frames.free(Pfn(i));  // one short
  EXPECT_EQ(frames.allocate_large(4, FrameKind::anonymous, Urgency::user), Pfn(128));
  EXPECT_TRUE(lost.empty());
  EXPECT_EQ(frames.check_invariants().value_or(""), "");
  EXPECT_EQ(frames.allocate_large(4, FrameKind::anonymous, Urgency::user), Pfn(32));
  EXPECT_EQ(lost, (std::vector<uint64_t>{33, 35, 37, 39, 41, 43, 45, 47}));
  EXPECT_FALSE(frames.allocate_large(4, FrameKind::anonymous, Urgency::dying));
  frames.free(Pfn(175));
  EXPECT_EQ(frames.allocate_large(4, FrameKind::anonymous, Urgency::dying), Pfn(160));
  EXPECT_EQ(frames.check_invariants().value_or(""), "");
}

TEST_F(LargeRuns, FollowPagesTakenBack) {
  std::vector<Pfn> all;
  while (const auto pfn = frames.allocate(FrameKind::anonymous, Urgency::dying)) all.push_back(*pfn);
  for (uint64_t i = 32; i < 64; ++i) frames.free_with_page(Pfn(i));
  frames.take_back(Pfn(40));
  EXPECT_EQ(frames.allocate_large(4, FrameKind::anonymous, Urgency::user), Pfn(48));
  EXPECT_FALSE(frames.allocate_large(4, FrameKind::anonymous, Urgency::dying));
  EXPECT_EQ(frames.check_invariants().value_or(""), "");
}

}  // namespace
}  // namespace faultline::os::test
