// The victims that cells of moments name are those of the structures that
// caches keep: an order of age, or a tree.
#include "hw/mmu/use_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "hw/memory/replacement_state.h"
#include "hw/mmu/use_clock.h"

namespace faultline::hw {
namespace {

struct Shape {
  Replacement policy;
  uint32_t sets, ways;
};

std::string name_of(const testing::TestParamInfo<Shape>& shape) {
  constexpr const char* kNames[] = {"lru", "plru", "fifo", "random"};
  return std::to_string(shape.param.sets) + "x" + std::to_string(shape.param.ways) + "_" +
         kNames[static_cast<size_t>(shape.param.policy)];
}

struct AgainstReplacementState : testing::TestWithParam<Shape> {
  // Hits, fills and flushes of a TLB whose pages are picked at random; `hits` in a hundred.
  void play(unsigned hits, uint64_t seed) {
    const auto [policy, sets, ways] = GetParam();
    UseOrder order(policy, sets, ways, 9);
    ReplacementState state(policy, sets, ways, 9);
    std::vector<bool> held(size_t{sets} * ways);
    std::mt19937_64 random(seed);
    uint64_t moment = 0;
    for (int n = 0; n < 40'000; ++n) {
      const auto set = static_cast<uint32_t>(random() % sets);
      auto way = static_cast<uint32_t>(std::min(random() % ways, random() % ways));
      moment += 1 + random() % 5;
      if (random() % 1000 == 0) held.assign(held.size(), false);
      if (random() % 100 == 0) held[set * ways + way] = false;
      if (random() % 100 < hits) {
        if (!held[set * ways + way]) continue;
        *order.cell(set * ways + way) = moment;
        state.touch(set, way);
        continue;
      }
      way = 0;
      while (way < ways && held[set * ways + way]) ++way;
      if (way == ways) {
        way = state.victim(set);
        ASSERT_EQ(order.victim(set), way) << n;
      }
      held[set * ways + way] = true;
      order.fill(set, set * ways + way, moment);
      state.fill(set, way);
    }
  }
};

TEST_P(AgainstReplacementState, MostlyHits) { play(90, 1); }
TEST_P(AgainstReplacementState, MostlyMisses) { play(10, 2); }

constexpr auto kLru = Replacement::lru, kFifo = Replacement::fifo, kPlru = Replacement::plru,
               kRandom = Replacement::random;
INSTANTIATE_TEST_SUITE_P(Shapes, AgainstReplacementState,
                         testing::Values(Shape{kLru, 32, 2}, Shape{kLru, 3, 5}, Shape{kLru, 1, 8}, Shape{kLru, 1, 9},
                                         Shape{kLru, 1, 16}, Shape{kLru, 1, 17}, Shape{kLru, 3, 12},
                                         Shape{kFifo, 1, 12}, Shape{kLru, 2, 64}, Shape{kLru, 1, 512},
                                         Shape{kFifo, 4, 2}, Shape{kFifo, 2, 7}, Shape{kFifo, 1, 100},
                                         Shape{kPlru, 5, 2}, Shape{kPlru, 4, 4}, Shape{kPlru, 2, 8},
                                         Shape{kPlru, 3, 16}, Shape{kPlru, 1, 32}, Shape{kPlru, 1, 64},
                                         Shape{kPlru, 3, 1}, Shape{kLru, 2, 1}, Shape{kRandom, 3, 6}),
                         name_of);

TEST(UseOrderTest, FlushesWithoutVictimsLeaveNoMoreThanTheSet) {
  UseOrder order(kLru, 1, 20, 1);
  uint64_t moment = 0;
  for (int round = 0; round < 1000; ++round) {
    for (uint32_t way = 0; way < 20; ++way) order.fill(0, (way * 7) % 20, ++moment);
  }
  *order.cell(0) = ++moment;
  EXPECT_EQ(order.victim(0), 7u);
}

TEST(UseClockTest, EveryUseHasALaterMoment) {
  UseClock clock;
  uint64_t before = 0;
  for (const uint64_t now : {0, 0, 0, 1, 5, 5, 5, 6, 7, 100, 100}) {
    const uint64_t moment = clock.at(Cycles(now));
    EXPECT_GT(moment, before);
    before = moment;
    // An instruction fetched in the same cycle, whose page a filter knows.
    EXPECT_GT(now + clock.base(), before);
  }
}

}  // namespace
}  // namespace faultline::hw
