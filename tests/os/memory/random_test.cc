// Several processes map, unmap, protect, fork, write and read at random in too
// little memory, each beside a model that is nothing but byte arrays. Every
// byte read must be the model's, every fault the one that the model expects,
// and the invariants hold all the time.
#include <gtest/gtest.h>

#include <vector>

#include "random_world.h"

namespace faultline::os::test {
namespace {

class RandomMemory : public testing::TestWithParam<Scenario> {};

TEST_P(RandomMemory, IsTheModelToTheByte) {
  World world(GetParam());
  world.run(20'000);
  const MemoryManager& memory = world.kernel().memory;
  // Otherwise this test would test little.
  if (GetParam().huge == HugePages::never) {
    EXPECT_GT(memory.swap().outs, GetParam().frames < 1000 ? 100u : 0u);
    EXPECT_GT(memory.swap().ins, GetParam().frames < 1000 ? 100u : 0u);
  } else if (GetParam().frames < 10'000) {
    EXPECT_GT(memory.swap().outs, 100u);
    EXPECT_GT(memory.swap().ins, 20u);
    EXPECT_GT(memory.huge().leaves.split, 2u);
    EXPECT_GT(memory.huge().fallback, 1u);
  } else {
    EXPECT_GT(memory.huge().faults, 100u);
    EXPECT_GT(memory.huge().leaves.split, 100u);
    EXPECT_GT(memory.huge().collapsed, 5u);
    EXPECT_GT(memory.huge().copied, 100u);
  }
  EXPECT_EQ(memory.huge().leaves.pages, 0u);
  EXPECT_GT(memory.faults().cow, 10u);
  EXPECT_GT(memory.faults().cow_reuse, 0u);
}

// Where memory is plenty, runs are found again and again; otherwise large pages
// are what is there at first, and page-out takes them apart.
Scenario huge_in_plenty(const char* format, uint64_t seed, HugePages huge) {
  return {.format = format,
          .frames = 24'000,
          .seed = seed,
          .policy = "two-handed",
          .most_processes = 4,
          .check_every = 100,
          .arena_pages = 4096,
          .huge = huge,
          .large_maps = 10};
}

Scenario huge_in_need(const char* format, uint64_t seed, uint64_t frames, uint64_t large_maps) {
  return {.format = format,
          .frames = frames,
          .seed = seed,
          .policy = "two-handed",
          .most_processes = 3,
          .check_every = 100,
          .arena_pages = 8192,
          .huge = HugePages::always,
          .large_maps = large_maps};
}

std::vector<Scenario> scenarios() {
  std::vector<Scenario> all;
  for (uint64_t seed = 1; seed <= 6; ++seed) all.push_back({"x86-64", 130, seed, "two-handed"});
  for (uint64_t seed = 11; seed <= 14; ++seed) all.push_back({"ia32", 110, seed, "two-handed"});
  for (uint64_t seed = 21; seed <= 22; ++seed) all.push_back({"sv39", 120, seed, "one-handed"});
  all.push_back({"sv48", 130, 31, "fifo"});
  all.push_back({"sv48", 130, 32, "lru"});
  all.push_back({"linear32", 3 * 1024 + 180, 41, "two-handed", true, 3, 2000});
  // A set bit stays in the TLB when it is cleared in memory: worse choices, never wrong bytes.
  all.push_back({"x86-64", 130, 51, "two-handed", false});
  for (const char* format : {"x86-64", "sv39", "ia32"}) {
    all.push_back(huge_in_plenty(format, 61, HugePages::always));
  }
  for (const uint64_t seed : {62, 63}) {
    all.push_back(huge_in_need("x86-64", seed, 4'000, 1));
    all.push_back(huge_in_need("sv39", seed, 4'000, 1));
    all.push_back(huge_in_need("ia32", seed, 4'600, 0));
  }
  all.push_back(huge_in_plenty("sv39", 64, HugePages::madvise));
  return all;
}

INSTANTIATE_TEST_SUITE_P(, RandomMemory, testing::ValuesIn(scenarios()));

}  // namespace
}  // namespace faultline::os::test
