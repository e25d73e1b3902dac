// Caches, driven through their sockets and as the hart drives its first level.
#include "hw/memory/cache.h"

#include <gtest/gtest.h>

#include <list>
#include <random>
#include <string>
#include <utility>

#include "tests/hw/memory/bench.h"

namespace faultline::hw {
namespace {

struct CacheBench : testing::Test, Resolution {
  Clock clock{1000};
  TestInitiator initiator{"initiator", clock};
  NotingTarget target{"target", clock, 100};

  void bind(Cache& cache) {
    initiator.port.socket().bind(cache.upper());
    cache.lower().socket().bind(target.socket);
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
  }
};

// 2 sets of 2 ways of 64 bytes, 2 cycles a look-up, 100 below. Line = address /
// 64, set = line mod 2.
constexpr CacheLevelConfig kTiny{.size = 256, .ways = 2, .line = 64, .hit_cycles = 2};

TEST_F(CacheBench, GoldenTimes) {
  Cache cache("cache", kTiny, clock, 1);
  bind(cache);
  expect_times(initiator.port, {
                                   {0, kRead, 0x000, 8, 102},     // miss: 2 + 100
                                   {102, kRead, 0x038, 8, 104},   // same line: hit
                                   {104, kWrite, 0x080, 8, 206},  // set 0, other way: miss, now dirty
                                   {206, kRead, 0x100, 8, 308},   // set 0 full: evicts line 0, clean
                                   {308, kRead, 0x180, 8, 410},   // evicts line 2, dirty; nobody waits for that
                                   {410, kRead, 0x040, 8, 512},   // set 1 is empty
                                   {512, kRead, 0x03C, 8, 616},   // lines 0 (gone: 102) and 1 (a hit: 2)
                               });
}

TEST_F(CacheBench, TrafficBelow) {
  Cache cache("cache", kTiny, clock, 1);
  bind(cache);
  expect_times(initiator.port, {{0, kRead, 0x000, 8, 102},
                                {104, kWrite, 0x080, 8, 206},
                                {206, kRead, 0x100, 8, 308},
                                {308, kRead, 0x180, 8, 410}});
  const std::vector<NotingTarget::Seen> expected = {{2, false, 0x000, 64, Requester::data},
                                                    {106, false, 0x080, 64, Requester::data},
                                                    {208, false, 0x100, 64, Requester::data},
                                                    {310, false, 0x180, 64, Requester::data},
                                                    // line 2 was dirty: written back once the fill has come
                                                    {410, true, 0x080, 64, Requester::writeback}};
  EXPECT_EQ(target.seen, expected);
  const CacheStatistics statistics = cache.statistics();
  EXPECT_EQ(statistics.accesses, 4u);
  EXPECT_EQ(statistics.misses, 4u);
  EXPECT_EQ(statistics.writebacks, 1u);
}

TEST_F(CacheBench, AWriteBackFromAboveNeedsNoFill) {
  Cache cache("cache", kTiny, clock, 1);
  bind(cache);
  EXPECT_EQ(initiator.port.access(PhysAddr(0), 64, true, Requester::writeback, Cycles(0)).value, 2u);
  EXPECT_TRUE(target.seen.empty());
  EXPECT_TRUE(cache.is_mru(PhysAddr(0), true));
}

TEST_F(CacheBench, NextLinePrefetchStaysInItsBlock) {
  CacheLevelConfig config{.size = 8192, .ways = 2, .line = 64, .hit_cycles = 2, .prefetch = true};
  Cache cache("cache", config, clock, 1);
  bind(cache);
  expect_times(initiator.port, {{0, kRead, 0x0000, 8, 102},      // fetches line 1 as well
                                {200, kRead, 0x0040, 8, 202},    // hit
                                {300, kRead, 0x0FC0, 8, 402}});  // last line of its 4 KB: nothing after it
  EXPECT_EQ(cache.statistics().prefetches, 1u);
  EXPECT_EQ(target.seen.size(), 3u);
}

TEST_F(CacheBench, InvalidateDropsTags) {
  Cache cache("cache", kTiny, clock, 1);
  bind(cache);
  Cycles now = cache.access(PhysAddr(0), true, Requester::data, Cycles(0));
  now = cache.access(PhysAddr(0x40), false, Requester::data, now);
  cache.invalidate(PhysAddr(0), 64);
  EXPECT_FALSE(cache.is_mru(PhysAddr(0), false));
  EXPECT_TRUE(cache.is_mru(PhysAddr(0x40), false));
  EXPECT_EQ(cache.access(PhysAddr(0), false, Requester::data, now), now + Cycles(102));
  EXPECT_FALSE(cache.is_mru(PhysAddr(0), true));
  EXPECT_EQ(cache.statistics().writebacks, 0u);
}

// What a cache of any geometry must do, written as lists.
class ReferenceCache {
 public:
  ReferenceCache(const CacheLevelConfig& config)
      : line_(config.line),
        ways_(config.ways),
        lru_(config.replacement == Replacement::lru),
        sets_(config.size / config.line / config.ways) {}
  bool access(uint64_t address, bool write) {
    const uint64_t line = address / line_;
    auto& set = sets_[line % sets_.size()];  // front: goes last
    for (auto it = set.begin(); it != set.end(); ++it) {
      if (it->line != line) continue;
      it->dirty |= write;
      if (lru_) set.splice(set.begin(), set, it);
      return true;
    }
    if (set.size() == ways_) {
      writebacks += set.back().dirty;
      set.pop_back();
    }
    set.push_front({line, write});
    return false;
  }
  uint64_t writebacks = 0;

 private:
  struct Line {
    uint64_t line;
    bool dirty;
  };
  uint64_t line_;
  size_t ways_;
  bool lru_;
  std::vector<std::list<Line>> sets_;
};

struct CacheGeometry : testing::TestWithParam<CacheLevelConfig>, Resolution {};

TEST_P(CacheGeometry, AgreesWithListsOnRandomStrings) {
  const Clock clock(1000);
  NotingTarget target("target", clock, 100);
  Cache cache("cache", GetParam(), clock, 1);
  cache.lower().socket().bind(target.socket);
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  ReferenceCache reference(GetParam());
  std::mt19937_64 random(7);
  uint64_t hits = 0;
  const uint64_t span = GetParam().size * 3 / 2;
  for (int n = 0; n < 50'000; ++n) {
    const uint64_t address = random() % span;
    const bool write = random() % 4 == 0;
    const bool hit = reference.access(address, write);
    hits += hit;
    ASSERT_EQ(cache.access(PhysAddr(address), write, Requester::data, Cycles(0)).value, hit ? 3u : 103u) << n;
  }
  EXPECT_EQ(cache.statistics().hits, hits);
  EXPECT_EQ(cache.statistics().writebacks, reference.writebacks);
}

INSTANTIATE_TEST_SUITE_P(
    Geometries, CacheGeometry,
    testing::Values(
        CacheLevelConfig{.size = 4096, .ways = 1, .line = 64, .hit_cycles = 3},
        CacheLevelConfig{.size = 4096, .ways = 8, .line = 64, .hit_cycles = 3},
        CacheLevelConfig{.size = 4096, .ways = 64, .line = 64, .hit_cycles = 3},
        CacheLevelConfig{.size = 3 * 5 * 32, .ways = 3, .line = 32, .hit_cycles = 3},
        CacheLevelConfig{.size = 7 * 2 * 64, .ways = 2, .line = 64, .replacement = Replacement::fifo, .hit_cycles = 3},
        CacheLevelConfig{.size = 64 * 16, .ways = 16, .line = 64, .replacement = Replacement::fifo, .hit_cycles = 3}));

struct CachePolicy : testing::TestWithParam<Replacement>, Resolution {};

// A hit on what is_mru() names may be counted in bulk: one cache sees every
// access, the other only those that are not of that kind.
TEST_P(CachePolicy, CountingRecentHitsInBulkChangesNothing) {
  const Clock clock(1000);
  NotingTarget below_every("below_every", clock, 100);
  NotingTarget below_few("below_few", clock, 100);
  const CacheLevelConfig config{.size = 2048, .ways = 4, .line = 64, .replacement = GetParam(), .hit_cycles = 3};
  Cache every("every", config, clock, 5);
  Cache few("few", config, clock, 5);
  every.lower().socket().bind(below_every.socket);
  few.lower().socket().bind(below_few.socket);
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  std::mt19937_64 random(11);
  Cycles time_every(0);
  Cycles time_few(0);
  uint64_t bulk = 0;
  uint64_t address = 0;
  for (int n = 0; n < 50'000; ++n) {
    if (random() % 3 == 0) address = random() % 4096;
    const bool write = random() % 4 == 0;
    if (random() % 1000 == 0) {
      every.invalidate(PhysAddr(address & ~uint64_t{511}), 512);
      few.invalidate(PhysAddr(address & ~uint64_t{511}), 512);
    }
    time_every = every.access(PhysAddr(address), write, Requester::data, time_every);
    if (few.is_mru(PhysAddr(address), write)) {
      ++bulk;
      time_few += few.hit_cycles();
    } else {
      time_few = few.access(PhysAddr(address), write, Requester::data, time_few);
    }
    ASSERT_EQ(time_every, time_few) << n;
  }
  few.count_bulk_hits(bulk);
  EXPECT_GT(bulk, 10'000u);
  EXPECT_EQ(every.statistics().hits, few.statistics().hits);
  EXPECT_EQ(every.statistics().misses, few.statistics().misses);
  EXPECT_EQ(below_every.seen, below_few.seen);
}

struct TwoLevels {
  TwoLevels(const std::string& name, const CacheLevelConfig& first, const CacheLevelConfig& second, const Clock& clock)
      : l1((name + "_l1").c_str(), first, clock, 5),
        l2((name + "_l2").c_str(), second, clock, 6),
        target((name + "_target").c_str(), clock, 100) {
    l1.lower().socket().bind(l2.upper());
    l2.lower().socket().bind(target.socket);
  }
  Cache l1;
  Cache l2;
  NotingTarget target;
};

// One hierarchy sees every word through its sockets; the other whole sweeps, by
// function calls that fetch a line and write another one back together.
TEST_P(CachePolicy, SweepsAndDirectCallsAreTheSameAccesses) {
  const Clock clock(1000);
  const CacheLevelConfig first{.size = 1024, .ways = 4, .line = 64, .replacement = GetParam(), .hit_cycles = 3};
  const CacheLevelConfig second{
      .size = 4096, .ways = 16, .line = 64, .replacement = GetParam(), .hit_cycles = 7, .prefetch = true};
  TwoLevels plain("plain", first, second, clock);
  TwoLevels quick("quick", first, second, clock);
  quick.l1.lower().call_directly(quick.l2);
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  std::mt19937_64 random(13);
  Cycles time_plain(0);
  Cycles time_quick(0);
  for (int n = 0; n < 3000; ++n) {
    const uint64_t begin = random() % 16384;
    const uint64_t bytes = 1 + random() % (random() % 4 == 0 ? 1024 : 32);
    const bool write = random() % 2 == 0;
    for (uint64_t word = begin / 8 * 8; word < begin + bytes; word += 8) {
      time_plain = plain.l1.access(PhysAddr(word), write, Requester::kernel, time_plain);
    }
    time_quick = quick.l1.sweep(PhysAddr(begin), bytes, write, Requester::kernel, time_quick);
    ASSERT_EQ(time_quick, time_plain) << n;
  }
  EXPECT_GT(quick.l2.statistics().writebacks, 1000u);
  for (const auto& [a, b] : {std::pair(&plain.l1, &quick.l1), std::pair(&plain.l2, &quick.l2)}) {
    EXPECT_EQ(a->statistics().hits, b->statistics().hits);
    EXPECT_EQ(a->statistics().misses, b->statistics().misses);
    EXPECT_EQ(a->statistics().writebacks, b->statistics().writebacks);
    EXPECT_EQ(a->statistics().prefetches, b->statistics().prefetches);
  }
  EXPECT_EQ(quick.target.seen, plain.target.seen);
}

INSTANTIATE_TEST_SUITE_P(Policies, CachePolicy,
                         testing::Values(Replacement::lru, Replacement::plru, Replacement::fifo, Replacement::random));

TEST(ReplacementStateTest, TreePlruByHand) {
  ReplacementState state(Replacement::plru, 1, 4, 1);
  for (uint32_t way = 0; way < 4; ++way) state.fill(0, way);
  // Filled 0 1 2 3: the root points left, the left node at 0.
  EXPECT_EQ(state.victim(0), 0u);
  state.touch(0, 0);  // root right, left node at 1; the right node still at 2
  EXPECT_EQ(state.victim(0), 2u);
  state.touch(0, 2);  // root left, right node at 3; left node at 1
  EXPECT_EQ(state.victim(0), 1u);
  state.touch(0, 1);  // root right: 3, though 0 is older than 2
  EXPECT_EQ(state.victim(0), 3u);
}

TEST(ReplacementStateTest, RefusesWhatPlruCannotDo) {
  EXPECT_THROW(ReplacementState(Replacement::plru, 1, 3, 1), std::invalid_argument);
  EXPECT_THROW(ReplacementState(Replacement::plru, 1, 128, 1), std::invalid_argument);
}

TEST(ReplacementStateTest, RandomIsSeededAndReachesEveryWay) {
  ReplacementState a(Replacement::random, 1, 6, 42);
  ReplacementState b(Replacement::random, 1, 6, 42);
  std::array<int, 6> drawn{};
  for (int n = 0; n < 6000; ++n) {
    const uint32_t way = a.victim(0);
    ASSERT_EQ(way, b.victim(0));
    ++drawn[way];
  }
  for (int count : drawn) EXPECT_NEAR(count, 1000, 150);
}

}  // namespace
}  // namespace faultline::hw
