// Random reference streams with changing mappings, flushes, switches of
// address space and kernel accesses: the filters change no count, no time and
// no address; and a naive model of the rules counts the same.
#include <gtest/gtest.h>

#include <list>
#include <memory>
#include <random>

#include "tests/hw/mmu/spaces_rig.h"

namespace faultline::hw {
namespace {

using Status = Translation::Status;

constexpr uint64_t kPages = 96;
constexpr int kSpaces = SpacesRig::kSpaces;

// A rig with three address spaces; one of them shares frames with another at
// other addresses.
struct Player : SpacesRig {
  using SpacesRig::SpacesRig;

  void map(uint64_t page, Pfn pfn, Permissions permissions) {
    tables[space]->map(VirtAddr(page << 12), pfn, permissions);
    rig.mmu.flush_page(static_cast<Asid>(space + 1), VirtAddr(page << 12));
  }
};

// An instruction of one cycle, as a hart makes it: what finds its page in the
// filter uses the moment of its fetch, and looks nothing up.
Translation run_one(MmuRig& rig, uint64_t va, Access access) {
  Translation result;
  if (const TranslationFilter::Entry* entry = rig.mmu.filter(access).find(va, access)) {
    *entry->used = rig.now.value + rig.mmu.use_base();
    result.address = PhysAddr(va + entry->addend - reinterpret_cast<uintptr_t>(rig.memory.base()));
    ++rig.filtered;
  } else {
    result = rig.mmu.translate(VirtAddr(va), access, rig.now, rig.ledger);
  }
  if (result.status == Status::ok) ++rig.references[static_cast<size_t>(access)];
  rig.now += Cycles(1);
  return result;
}

// One that straddles two pages looks both up, in the same cycle.
Translation run_straddling(MmuRig& rig, uint64_t va, Access access) {
  for (const uint64_t part : {va, va + 4096}) {
    const Translation result = rig.mmu.translate(VirtAddr(part), access, rig.now, rig.ledger);
    if (result.status != Status::ok) return result;
    ++rig.references[static_cast<size_t>(access)];
  }
  rig.now += Cycles(1);
  return {};
}

// One random act; the same seed gives the same act. A fault maps the page.
Translation act(Player& player, std::mt19937_64& random) {
  MmuRig& rig = player.rig;
  const uint64_t page = std::min(random() % kPages, random() % kPages);
  const uint64_t va = page << 12 | random() % 4096;
  switch (random() % 400) {
    case 0:
      player.switch_to(static_cast<int>(random() % kSpaces));
      return {};
    case 1:
      rig.mmu.flush_asid(static_cast<Asid>(1 + random() % kSpaces));
      return {};
    case 2:
      rig.mmu.flush_all();
      return {};
    case 3:
      player.map(page, Pfn(random() % 512), kUserRo);
      return {};
    case 4: {
      const Pfn frame(random() % 512);
      rig.memory.mark_code(frame);
      rig.mmu.drop_store_filter(frame);
      return {};
    }
    case 5:
    case 6:
    case 7:
      return rig.mmu.translate_kernel(VirtAddr(va), false, rig.now);
    case 8:
    case 9:
      return run_straddling(rig, va, static_cast<Access>(random() % 3));
  }
  const Access access = static_cast<Access>(random() % 3);
  const Translation result = run_one(rig, va, access);
  if (result.status != Status::ok) player.map(page, Pfn(page + 128 * player.space), kUserRw);
  return result;
}

struct Configuration {
  const char* name;
  TlbLevelConfig l1;
  TlbLevelConfig l2;
  bool asids;
  const char* format;
};

void PrintTo(const Configuration& configuration, std::ostream* out) { *out << configuration.name; }

MachineConfig machine_of(const Configuration& c, bool fast_path) {
  MachineConfig config;
  config.paging_format = c.format;
  config.tlb.asids = c.asids;
  config.tlb.l1i = c.l1;
  config.tlb.l1d = c.l1;
  config.tlb.l2 = c.l2;
  config.hart.fast_path = fast_path;
  return config;
}

std::vector<uint64_t> flat(const TlbStatistics& s) { return {s.lookups, s.hits, s.misses, s.evictions, s.flushes}; }
std::vector<uint64_t> flat(const TranslationStatistics& s) {
  return {s.walks, s.dirty_walks, s.walk_reads, s.walk_writes, s.fault_walk_reads, s.walk_depth_sum};
}

void expect_equal(const Configuration& configuration, uint64_t seed) {
  Player fast("fast", machine_of(configuration, true));
  Player full("full", machine_of(configuration, false));
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  fast.prepare();
  full.prepare();
  std::mt19937_64 random_fast(seed);
  std::mt19937_64 random_full(seed);
  for (int n = 0; n < 200'000; ++n) {
    const Translation a = act(fast, random_fast);
    const Translation b = act(full, random_full);
    ASSERT_EQ(a.status, b.status) << n;
    ASSERT_EQ(a.address, b.address) << n;
    ASSERT_EQ(fast.rig.now, full.rig.now) << n;
  }
  EXPECT_EQ(full.rig.filtered, 0u);
  if (configuration.l1.enabled) {
    EXPECT_GT(fast.rig.filtered, 2'000u);
  }
  const Mmu& a = fast.rig.mmu;
  const Mmu& b = full.rig.mmu;
  EXPECT_EQ(fast.rig.references, full.rig.references);
  EXPECT_EQ(flat(a.statistics()), flat(b.statistics()));
  EXPECT_EQ(flat(a.kernel().translation), flat(b.kernel().translation));
  EXPECT_EQ(flat(a.kernel().l1d), flat(b.kernel().l1d));
  EXPECT_EQ(flat(a.l1i(fast.rig.fetches())), flat(b.l1i(full.rig.fetches())));
  EXPECT_EQ(flat(a.l1d(fast.rig.data())), flat(b.l1d(full.rig.data())));
  EXPECT_EQ(flat(a.l2()), flat(b.l2()));
  EXPECT_EQ(a.statistics().walk_reads, a.statistics().walk_depth_sum);
  EXPECT_EQ(fast.rig.dram.statistics().reads, full.rig.dram.statistics().reads);
}

struct FilterEquivalence : testing::TestWithParam<Configuration> {};

TEST_P(FilterEquivalence, FiltersChangeNothing) { expect_equal(GetParam(), 17); }

// Shapes and policies that nobody chose.
struct RandomShapes : testing::TestWithParam<int> {};

TEST_P(RandomShapes, FiltersChangeNothing) {
  std::mt19937_64 random(static_cast<uint64_t>(GetParam()));
  const auto level = [&](uint32_t most_sets) {
    constexpr uint32_t kWays[] = {1, 2, 2, 3, 4, 4, 8, 8, 16, 17, 32, 64};
    TlbLevelConfig shape{.sets = static_cast<uint32_t>(1 + random() % most_sets), .ways = kWays[random() % 12]};
    shape.replacement = static_cast<Replacement>(random() % 4);
    while (shape.replacement == Replacement::plru && (shape.ways & (shape.ways - 1)) != 0) --shape.ways;
    return shape;
  };
  Configuration shape{"random", level(9), level(12), random() % 2 == 0, random() % 2 == 0 ? "x86-64" : "sv39"};
  shape.l2.enabled = random() % 2 == 0;
  expect_equal(shape, random());
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomShapes, testing::Range(0, 40));

constexpr TlbLevelConfig kOff{.enabled = false};
INSTANTIATE_TEST_SUITE_P(
    Configurations, FilterEquivalence,
    testing::Values(
        Configuration{"two_way", {.sets = 8, .ways = 2}, kOff, false, "x86-64"},
        Configuration{"two_levels", {.sets = 4, .ways = 4}, {.sets = 8, .ways = 4, .hit_cycles = 7}, true, "sv39"},
        Configuration{"plru", {.sets = 2, .ways = 8, .replacement = Replacement::plru}, kOff, true, "sv48"},
        Configuration{"fifo", {.sets = 3, .ways = 5, .replacement = Replacement::fifo}, kOff, false, "ia32"},
        Configuration{"random", {.sets = 5, .ways = 3, .replacement = Replacement::random}, kOff, true, "linear32"},
        Configuration{"full", {.sets = 1, .ways = 64}, {.sets = 3, .ways = 16, .hit_cycles = 1}, true, "x86-64"},
        Configuration{"one_entry", {.sets = 1, .ways = 1}, kOff, false, "sv39"},
        Configuration{"second_level_only", kOff, {.sets = 8, .ways = 4, .hit_cycles = 3}, false, "sv39"},
        Configuration{"none", kOff, kOff, false, "sv39"}));

// The rules of the MMU over one address space, as lists.
class NaiveMmu {
 public:
  NaiveMmu(const Configuration& c) : levels_(2 + c.l2.enabled) {
    for (size_t level = 0; level < levels_.size(); ++level) {
      const TlbLevelConfig& config = level < 2 ? c.l1 : c.l2;
      levels_[level] = {config.ways, std::vector<std::list<Held>>(config.sets)};
    }
  }
  void refer(uint64_t page, Access access) {
    Level& first = levels_[access == Access::fetch ? 0 : 1];
    Held* held = find(first, page);
    if (!held) {
      ++first_misses[access == Access::fetch ? 0 : 1];
      bool dirty = access == Access::store;
      Held* below = levels_.size() == 3 ? find(levels_[2], page) : nullptr;
      if (levels_.size() == 3) below ? ++second_hits : ++second_misses;
      if (below) {
        if (dirty && !below->dirty) ++dirty_walks;
        below->dirty |= dirty;
        dirty = below->dirty;
      } else {
        ++walks;
        modified_[page] |= dirty;
        dirty = modified_[page];
        if (levels_.size() == 3) fill(levels_[2], {page, dirty});
      }
      modified_[page] |= dirty;
      fill(first, {page, dirty});
      return;
    }
    if (access == Access::store && !held->dirty) {
      ++dirty_walks;
      modified_[page] = held->dirty = true;
      if (levels_.size() == 3) {
        for (Held& below : levels_[2].sets[page % levels_[2].sets.size()]) {
          if (below.page == page) below.dirty = true;
        }
      }
    }
  }
  std::array<uint64_t, 2> first_misses{};
  uint64_t second_hits = 0, second_misses = 0, walks = 0, dirty_walks = 0;

 private:
  struct Held {
    uint64_t page;
    bool dirty;
  };
  struct Level {
    size_t ways;
    std::vector<std::list<Held>> sets;
  };
  // Moves what it finds to the front: only used for look-ups that count.
  static Held* find(Level& level, uint64_t page) {
    auto& set = level.sets[page % level.sets.size()];
    for (auto it = set.begin(); it != set.end(); ++it) {
      if (it->page != page) continue;
      set.splice(set.begin(), set, it);
      return &set.front();
    }
    return nullptr;
  }
  static void fill(Level& level, Held held) {
    auto& set = level.sets[held.page % level.sets.size()];
    if (set.size() == level.ways) set.pop_back();
    set.push_front(held);
  }
  std::vector<Level> levels_;
  std::array<bool, kPages> modified_{};
};

struct NaiveModel : testing::TestWithParam<Configuration> {};

TEST_P(NaiveModel, CountsTheSame) {
  Player player("rig", machine_of(GetParam(), true));
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  player.prepare();
  for (uint64_t page = 0; page < kPages; ++page) player.map(page, Pfn(page + 7), kUserRw);
  NaiveMmu naive(GetParam());
  std::mt19937_64 random(23);
  for (int n = 0; n < 100'000; ++n) {
    const uint64_t page = std::min(random() % kPages, random() % kPages);
    const Access access = static_cast<Access>(random() % 3);
    ASSERT_EQ(player.rig.refer(page << 12, access).address, PhysAddr((page + 7) << 12));
    naive.refer(page, access);
  }
  const Mmu& mmu = player.rig.mmu;
  EXPECT_EQ(mmu.l1i(player.rig.fetches()).misses, naive.first_misses[0]);
  EXPECT_EQ(mmu.l1d(player.rig.data()).misses, naive.first_misses[1]);
  EXPECT_EQ(mmu.l2().hits, naive.second_hits);
  EXPECT_EQ(mmu.l2().misses, naive.second_misses);
  EXPECT_EQ(mmu.statistics().dirty_walks, naive.dirty_walks);
  EXPECT_EQ(mmu.statistics().walks, naive.walks + naive.dirty_walks);
}

INSTANTIATE_TEST_SUITE_P(
    Configurations, NaiveModel,
    testing::Values(Configuration{"two_way", {.sets = 8, .ways = 2}, kOff, false, "x86-64"},
                    Configuration{"two_levels", {.sets = 4, .ways = 2}, {.sets = 8, .ways = 4}, false, "sv39"},
                    Configuration{"small_second", {.sets = 2, .ways = 8}, {.sets = 3, .ways = 2}, false, "sv39"},
                    Configuration{"full", {.sets = 1, .ways = 32}, {.sets = 1, .ways = 48}, true, "ia32"}));

}  // namespace
}  // namespace faultline::hw
