#include "os/early/hole_map.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace faultline::os::early {
namespace {

// Holes of 3, 6 and 4 units at 10, 20 and 40.
HoleMap three_holes() {
  HoleMap map(10, 44);
  map.take(13, 7);
  map.take(26, 14);
  return map;
}

TEST(HoleMap, FindsByPlacement) {
  const HoleMap map = three_holes();
  EXPECT_EQ(map.holes(), 3u);
  EXPECT_EQ(map.free_units(), 13u);
  EXPECT_EQ(map.largest(), 6u);
  EXPECT_EQ(map.find(2, Placement::first_fit), 10u);
  EXPECT_EQ(map.find(4, Placement::first_fit), 20u);
  EXPECT_EQ(map.find(4, Placement::best_fit), 40u);
  EXPECT_EQ(map.find(2, Placement::worst_fit), 20u);
  EXPECT_EQ(map.find(7, Placement::first_fit), std::nullopt) << "all holes together would hold it";
}

TEST(HoleMap, JoinsWhatIsGivenBack) {
  HoleMap map = three_holes();
  map.give(13, 7);
  EXPECT_EQ(map.holes(), 2u);
  EXPECT_TRUE(map.is_free(10, 16));
  EXPECT_FALSE(map.is_free(10, 17));
  map.give(26, 14);
  EXPECT_EQ(map.holes(), 1u);
  EXPECT_EQ(map.largest(), 34u);
  EXPECT_FALSE(map.is_free(9, 2));
  EXPECT_FALSE(map.is_free(43, 2));
}

TEST(HoleMap, AgreesWithAList) {
  constexpr uint64_t kUnits = 64;
  HoleMap map(0, kUnits);
  std::vector<bool> taken(kUnits, false);
  std::mt19937_64 random(7);
  for (int step = 0; step < 20'000; ++step) {
    const uint64_t begin = random() % kUnits;
    const uint64_t units = 1 + random() % std::min<uint64_t>(8, kUnits - begin);
    uint64_t busy = 0;
    for (uint64_t i = begin; i < begin + units; ++i) busy += taken[i];
    ASSERT_EQ(map.is_free(begin, units), busy == 0);
    if (busy != 0 && busy != units) continue;
    if (busy == 0) {
      map.take(begin, units);
    } else {
      map.give(begin, units);
    }
    for (uint64_t i = begin; i < begin + units; ++i) taken[i] = busy == 0;
    uint64_t free = 0, run = 0, longest = 0, holes = 0;
    for (const bool one : taken) {
      free += !one;
      run = one ? 0 : run + 1;
      holes += run == 1;
      longest = std::max(longest, run);
    }
    ASSERT_EQ(map.free_units(), free);
    ASSERT_EQ(map.largest(), longest);
    ASSERT_EQ(map.holes(), holes);
  }
}

}  // namespace
}  // namespace faultline::os::early
