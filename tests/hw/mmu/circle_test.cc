// Round and round over P pages, in order: how often each set misses is
// arithmetic. The P pages lie side by side, so a set of S has P/S of them, and
// the first P mod S sets one more.
//   A set with no more pages than ways misses each once, under any policy.
//   A set with more misses every time under LRU and FIFO.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/hw/mmu/mmu_rig.h"

namespace faultline::hw {
namespace {

constexpr uint64_t kRounds = 9;

uint64_t in_set(uint64_t pages, uint64_t sets, uint64_t set) { return pages / sets + (set < pages % sets ? 1 : 0); }

uint64_t misses_of(uint64_t pages, uint64_t sets, uint64_t ways, uint64_t rounds) {
  uint64_t misses = 0;
  for (uint64_t set = 0; set < sets; ++set) {
    const uint64_t here = in_set(pages, sets, set);
    misses += here <= ways ? here : here * rounds;
  }
  return misses;
}

struct Shape {
  uint32_t sets, ways;
  Replacement replacement;
};

std::string name_of(const testing::TestParamInfo<Shape>& shape) {
  constexpr const char* kNames[] = {"lru", "plru", "fifo", "random"};
  return std::to_string(shape.param.sets) + "x" + std::to_string(shape.param.ways) + "_" +
         kNames[static_cast<size_t>(shape.param.replacement)];
}

struct Circle : testing::TestWithParam<Shape> {
  bool exact_when_full() const {
    return GetParam().replacement == Replacement::lru || GetParam().replacement == Replacement::fifo ||
           GetParam().ways == 1 || (GetParam().replacement == Replacement::plru && GetParam().ways == 2);
  }
  std::vector<uint64_t> page_counts() const {
    const uint64_t s = GetParam().sets;
    const uint64_t w = GetParam().ways;
    std::vector<uint64_t> counts = {1, s, s * w - 1, s * w};
    if (exact_when_full())
      counts.insert(counts.end(), {s * w + 1, s * w + s / 2, s * (w + 1), s * (w + 1) + 1, 2 * s * w + 3});
    std::erase(counts, 0u);
    return counts;
  }
};

void map_pages(MmuRig& rig, PageTableBuilder& tables, uint64_t pages) {
  for (uint64_t page = 0; page < pages; ++page) tables.map(VirtAddr(page << 12), Pfn(page), kUserRw);
  rig.mmu.set_address_space(tables.root(), 1);
}

void walk_round(MmuRig& rig, uint64_t pages, Access access) {
  for (uint64_t page = 0; page < pages; ++page) rig.refer(page << 12, access);
}

std::vector<std::unique_ptr<MmuRig>> rigs(const std::vector<uint64_t>& counts, const MachineConfig& config) {
  std::vector<std::unique_ptr<MmuRig>> all;
  for (size_t n = 0; n < counts.size(); ++n) all.push_back(std::make_unique<MmuRig>("rig" + std::to_string(n), config));
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  return all;
}

// Both sides at once: they know nothing of one another.
TEST_P(Circle, FirstLevel) {
  MachineConfig config;
  config.tlb.l1i =
      config.tlb.l1d = {.sets = GetParam().sets, .ways = GetParam().ways, .replacement = GetParam().replacement};
  const std::vector<uint64_t> counts = page_counts();
  const auto all = rigs(counts, config);
  for (size_t n = 0; n < counts.size(); ++n) {
    MmuRig& rig = *all[n];
    PageTableBuilder tables(rig.format, rig.memory, Pfn(12288));
    map_pages(rig, tables, counts[n]);
    for (uint64_t round = 0; round < kRounds; ++round) {
      walk_round(rig, counts[n], Access::load);
      walk_round(rig, counts[n], Access::fetch);
    }
    const uint64_t expected = misses_of(counts[n], GetParam().sets, GetParam().ways, kRounds);
    EXPECT_EQ(rig.mmu.l1d(rig.data()).misses, expected) << counts[n] << " pages";
    EXPECT_EQ(rig.mmu.l1i(rig.fetches()).misses, expected) << counts[n] << " pages";
    EXPECT_EQ(rig.mmu.statistics().walks, 2 * expected);
    EXPECT_EQ(rig.mmu.statistics().walk_reads, 8 * expected);
  }
}

// Behind a first level of one entry, which misses every time for two pages or more.
TEST_P(Circle, SecondLevel) {
  MachineConfig config;
  config.tlb.l1d = {.sets = 1, .ways = 1};
  config.tlb.l2 = {
      .enabled = true, .sets = GetParam().sets, .ways = GetParam().ways, .replacement = GetParam().replacement};
  std::vector<uint64_t> counts = page_counts();
  std::erase(counts, 1u);
  const auto all = rigs(counts, config);
  for (size_t n = 0; n < counts.size(); ++n) {
    MmuRig& rig = *all[n];
    PageTableBuilder tables(rig.format, rig.memory, Pfn(12288));
    map_pages(rig, tables, counts[n]);
    for (uint64_t round = 0; round < kRounds; ++round) walk_round(rig, counts[n], Access::load);
    const uint64_t expected = misses_of(counts[n], GetParam().sets, GetParam().ways, kRounds);
    EXPECT_EQ(rig.mmu.l1d(rig.data()).misses, counts[n] * kRounds);
    EXPECT_EQ(rig.mmu.l2().lookups, counts[n] * kRounds);
    EXPECT_EQ(rig.mmu.l2().misses, expected) << counts[n] << " pages";
    EXPECT_EQ(rig.mmu.statistics().walks, expected);
  }
}

std::vector<Shape> shapes() {
  std::vector<Shape> all;
  for (const auto& [sets, ways] :
       {std::pair{32u, 2u}, {16u, 4u}, {1u, 64u}, {3u, 5u}, {7u, 1u}, {13u, 12u}, {5u, 20u}}) {
    for (const Replacement policy : {Replacement::lru, Replacement::fifo, Replacement::random}) {
      all.push_back({sets, ways, policy});
    }
  }
  for (const auto& [sets, ways] : {std::pair{32u, 2u}, {6u, 8u}, {1u, 64u}})
    all.push_back({sets, ways, Replacement::plru});
  return all;
}
INSTANTIATE_TEST_SUITE_P(, Circle, testing::ValuesIn(shapes()), name_of);

}  // namespace
}  // namespace faultline::hw
