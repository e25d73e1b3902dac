#include "os/memory/buddy_map.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <tuple>
#include <vector>

namespace faultline::os::test {
namespace {

// What the runs must be: the longest aligned ones, found by recursion.
void expect_runs(const std::set<uint64_t>& free, uint64_t first, unsigned order, std::vector<uint64_t>& runs) {
  const uint64_t end = first + (uint64_t{1} << order);
  const auto begin = free.lower_bound(first);
  if (begin == free.end() || *begin >= end) return;
  const auto count = std::distance(begin, free.lower_bound(end));
  if (static_cast<uint64_t>(count) == end - first) {
    ++runs[order];
    return;
  }
  expect_runs(free, first, order - 1, runs);
  expect_runs(free, first + (uint64_t{1} << (order - 1)), order - 1, runs);
}

TEST(BuddyMap, IsASetOfFramesInTheLongestRuns) {
  std::mt19937_64 random(3);
  for (const uint64_t frames : {1u, 2u, 7u, 64u, 100u, 1000u, 4096u}) {
    BuddyMap map(frames);
    std::set<uint64_t> model;
    for (int step = 0; step < 4000; ++step) {
      const uint64_t frame = random() % frames;
      // Towards full in the first half, towards empty in the second.
      const bool fill = random() % 8 < (step < 2000 ? 6 : 2);
      ASSERT_EQ(map.contains(frame), model.count(frame) == 1);
      if (fill && model.insert(frame).second) map.insert(frame);
      if (!fill) {
        map.erase(frame);
        model.erase(frame);
      }
      ASSERT_EQ(map.count(), model.size());
      if (step % 50) continue;
      std::vector<uint64_t> runs(20);
      expect_runs(model, 0, 13, runs);
      for (unsigned order = 0; order < map.orders(); ++order) ASSERT_EQ(map.runs(order), runs[order]) << frames;
    }
  }
}

TEST(BuddyMap, FindsTheLowestOfTheShortestRuns) {
  BuddyMap map(64);
  for (uint64_t frame = 3; frame < 64; ++frame) map.insert(frame);
  EXPECT_EQ(map.find(0), 3u);  // 3; 4 to 7; 8 to 15; 16 to 31; 32 to 63
  EXPECT_EQ(map.find(1), 4u);
  EXPECT_EQ(map.find(5), 32u);
  EXPECT_EQ(map.find(6), std::nullopt);
  map.take(3, 0);
  EXPECT_EQ(map.find(0), 4u);
  map.take(6, 0);  // leaves 4 to 5 and 7
  EXPECT_EQ(map.find(0), 7u);
  EXPECT_EQ(map.find(1), 4u);
  map.insert(6);
  EXPECT_EQ(map.runs(2), 1u);
  EXPECT_EQ(map.find(0), 4u);
}

TEST(BuddyMap, AllAtOnceIsAsOneByOne) {
  for (const auto& [frames, begin, end] : std::vector<std::tuple<uint64_t, uint64_t, uint64_t>>{
           {1, 0, 1}, {64, 0, 64}, {64, 3, 64}, {100, 0, 100}, {1000, 7, 993}, {4096, 1024, 4096}, {5, 5, 5}}) {
    BuddyMap at_once(frames);
    at_once.insert_all(begin, end);
    BuddyMap one_by_one(frames);
    for (uint64_t frame = begin; frame < end; ++frame) one_by_one.insert(frame);
    EXPECT_EQ(at_once.count(), one_by_one.count());
    for (unsigned order = 0; order < one_by_one.orders(); ++order) {
      EXPECT_EQ(at_once.runs(order), one_by_one.runs(order)) << frames << " " << begin << " " << end << " " << order;
    }
    for (uint64_t frame = 0; frame < frames; ++frame) {
      EXPECT_EQ(at_once.contains(frame), begin <= frame && frame < end);
    }
  }
}

TEST(BuddyMap, TheLowestIsTakenAsIfItWereFoundFirst) {
  std::mt19937_64 random(5);
  BuddyMap one(300), other(300);
  one.insert_all(0, 300);
  other.insert_all(0, 300);
  for (int step = 0; step < 3000; ++step) {
    const uint64_t frame = random() % 300;
    if (random() % 2 && !one.contains(frame)) {
      one.insert(frame);
      other.insert(frame);
    } else {
      const std::optional<uint64_t> lowest = other.find(0);
      ASSERT_EQ(one.take_lowest(), lowest);
      if (lowest) other.take(*lowest, 0);
    }
    ASSERT_EQ(one.count(), other.count());
  }
}

TEST(BuddyMap, TakesRunsOutOfLongerOnes) {
  BuddyMap map(1024);
  for (uint64_t frame = 0; frame < 1024; ++frame) map.insert(frame);
  EXPECT_EQ(map.runs(10), 1u);
  map.take(512, 8);
  EXPECT_EQ(map.count(), 768u);
  EXPECT_EQ(map.runs(9), 1u);  // 0 to 511
  EXPECT_EQ(map.runs(8), 1u);  // 768 to 1023
  EXPECT_FALSE(map.contains(600));
  EXPECT_EQ(map.find(8), 768u);
  for (uint64_t frame = 767; frame >= 512; --frame) map.insert(frame);
  EXPECT_EQ(map.runs(10), 1u);
}

}  // namespace
}  // namespace faultline::os::test
