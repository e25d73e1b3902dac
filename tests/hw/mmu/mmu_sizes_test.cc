// Pages of several sizes in one address space, in TLBs of every make: a naive
// model of both levels counts the same, and the filters change nothing.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>

#include "tests/hw/mmu/mmu_rig.h"
#include "tests/hw/mmu/naive_tlb.h"

namespace faultline::hw {
namespace {

using Status = Translation::Status;

constexpr int kSpaces = 3;
constexpr uint64_t kRange = 48 << 20;  // bytes of address space in use, from 0; global pages among them
constexpr uint64_t kHuge = 1 << 30;    // and from here

struct Make {
  const char* name;
  const char* format;
  TlbLevelConfig l1;
  TlbLevelConfig l2;
  TlbLarge large = TlbLarge::one;
  bool asids = true;
};
void PrintTo(const Make& make, std::ostream* out) { *out << make.name; }

MachineConfig machine_of(const Make& make, bool fast_path) {
  MachineConfig config;
  config.seed = 5;
  config.paging_format = make.format;
  config.tlb.asids = make.asids;
  config.tlb.large = make.large;
  config.tlb.l1i = config.tlb.l1d = make.l1;
  config.tlb.l2 = make.l2;
  config.hart.fast_path = fast_path;
  return config;
}

std::vector<unsigned> sizes_of(const PageTableFormat& format) {
  std::vector<unsigned> sizes;
  for (unsigned level = 0; level < format.levels(); ++level) {
    if (format.leaf_allowed(level)) sizes.push_back(format.entry_shift(level));
  }
  return sizes;
}

// Which page holds an address of a space: pieces of 2^22 bytes by turns small
// pages and large ones; those of piece 2 and 3 are global. The third size, where
// there is one, maps the first frames once more, from 1 GB on.
struct Mapping {
  explicit Mapping(const PageTableFormat& format) : sizes(sizes_of(format)) {}
  unsigned level(int space, uint64_t address) const {
    if (address >= kHuge) return 2;
    const uint64_t piece = address >> 22;
    return (is_global(address) ? piece : piece + static_cast<unsigned>(space)) & 1;
  }
  static bool is_global(uint64_t address) { return (address >> 22) / 2 == 1; }
  unsigned shift(int space, uint64_t address) const { return sizes[level(space, address)]; }
  // Spaces map to other frames, but for global pages.
  uint64_t physical(int space, uint64_t address) const {
    if (is_global(address)) return address;
    if (address >= kHuge) return address - kHuge;
    return (address + (static_cast<uint64_t>(space) << 22)) % kRange;
  }
  std::vector<unsigned> sizes;
};

// The hardware, with an address space for each table.
struct Hardware {
  Hardware(const std::string& name, const MachineConfig& config) : rig(name, config), mapping(rig.format) {}
  void prepare() {
    for (int n = 0; n < kSpaces; ++n) {
      tables.push_back(std::make_unique<PageTableBuilder>(rig.format, rig.memory, Pfn(12288 + 1024 * n)));
      for (uint64_t at = 0; at < kRange; at += uint64_t{1} << mapping.shift(n, at)) {
        Permissions permissions = kUserRw;
        permissions.global = Mapping::is_global(at);
        tables[n]->map(VirtAddr(at), Pfn(mapping.physical(n, at) >> 12), permissions, mapping.level(n, at));
      }
    }
    for (int n = 0; n < kSpaces && mapping.sizes.size() > 2; ++n) {
      tables[static_cast<size_t>(n)]->map(VirtAddr(kHuge), Pfn(0), kUserRw, 2);
    }
    rig.mmu.set_address_space(tables[0]->root(), 1);
  }
  MmuRig rig;
  Mapping mapping;
  std::vector<std::unique_ptr<PageTableBuilder>> tables;
};

struct Counts {
  uint64_t misses = 0, evictions = 0;
  bool operator==(const Counts&) const = default;
};
void PrintTo(const Counts& counts, std::ostream* out) { *out << counts.misses << "/" << counts.evictions; }

// The rules of the Mmu, over naive TLBs.
struct Model {
  Model(const Make& make, const MachineConfig& config, const Mapping& pages)
      : mapping(pages),
        l1i(make.l1, make.large, pages.sizes, config.seed),
        l1d(make.l1, make.large, pages.sizes, config.seed + 1),
        l2(make.l2, make.large, pages.sizes, config.seed + 2),
        has_l1(make.l1.enabled),
        has_l2(make.l2.enabled) {}

  // `who`: 0 fetch, 1 data, 2 the OS layer's through the data side.
  void refer(uint64_t address, Access access, int who) {
    NaiveTlb& first = who == 0 ? l1i : l1d;
    const bool store = access == Access::store;
    if (NaiveTlb::Held* held = has_l1 ? first.find(address, space) : nullptr) {
      if (store && !held->dirty) {
        dirty_walk(who, address);
        held->dirty = true;
        NaiveTlb::Held* below = has_l2 ? l2.find(address, space) : nullptr;
        if (below) below->dirty = true;
      }
      first.touch(held);
      return;
    }
    NaiveTlb::Held* below = has_l2 ? l2.find(address, space) : nullptr;
    bool dirty = store;
    if (below) {
      ++second_hits[who];
      if (store && !below->dirty) dirty_walk(who, address);
      dirty = below->dirty |= store;
      l2.touch(below);
    } else {
      walk(who, address, store);
      dirty = modified[leaf(address)];
      if (has_l2) {
        ++second[who].misses;
        second[who].evictions += l2.fill(page(address, dirty));
      }
    }
    if (!has_l1) return;
    ++firsts[who].misses;
    firsts[who].evictions += first.fill(page(address, dirty));
  }

  template <class Flush>
  void flush(Flush flush) {
    for (NaiveTlb* tlb : {&l1i, &l1d, &l2}) flush(*tlb);
  }

  using Leaf = std::pair<int, uint64_t>;
  Leaf leaf(uint64_t address) const {
    return {space, address >> mapping.shift(space, address) << mapping.shift(space, address)};
  }
  NaiveTlb::Held page(uint64_t address, bool dirty) const {
    const unsigned shift = mapping.shift(space, address);
    return {address, shift, shift, space, Mapping::is_global(address), dirty};
  }
  void walk(int who, uint64_t address, bool store) {
    ++walks[who == 2];
    reads[who == 2] += levels - mapping.level(space, address);
    modified[leaf(address)] |= store;
  }
  void dirty_walk(int who, uint64_t address) {
    walk(who, address, true);
    ++dirty_walks[who == 2];
  }

  const Mapping& mapping;
  NaiveTlb l1i, l1d, l2;
  bool has_l1;
  bool has_l2;
  unsigned levels = 0;
  int space = 0;
  std::map<Leaf, bool> modified;
  std::array<Counts, 3> firsts;
  std::array<Counts, 3> second;
  std::array<uint64_t, 3> second_hits{};
  std::array<uint64_t, 2> walks{}, dirty_walks{}, reads{};
};

// Addresses that come back: near one another, near a few places, anywhere.
uint64_t next_address(std::mt19937_64& random, uint64_t last, bool huge) {
  switch (random() % 8) {
    case 0:
      return random() % kRange + (huge && random() % 2 == 0 ? kHuge : 0);
    case 1:
    case 2:
      return (random() % 13 * 3'700'000 + random() % 8 * 4096) % kRange;
    case 3:
      return (last + 4096 * (random() % 4)) % kHuge % kRange + (last >= kHuge ? kHuge : 0);
    default:
      return last ^ random() % 4096;
  }
}

struct MixedSizes : testing::TestWithParam<Make> {};

void expect_equal(const Model& model, const Mmu& mmu, const MmuRig& rig, bool has_l1) {
  const KernelTranslationStatistics kernel = mmu.kernel();
  const auto counts = [](const TlbStatistics& s) { return Counts{s.misses, s.evictions}; };
  if (has_l1) {
    EXPECT_EQ(counts(mmu.l1i(rig.fetches())), model.firsts[0]);
    EXPECT_EQ(counts(mmu.l1d(rig.data())), model.firsts[1]);
    EXPECT_EQ(counts(kernel.l1d), model.firsts[2]);
  }
  EXPECT_EQ(mmu.l2().misses, model.second[0].misses + model.second[1].misses);
  EXPECT_EQ(mmu.l2().evictions, model.second[0].evictions + model.second[1].evictions);
  EXPECT_EQ(mmu.l2().hits, model.second_hits[0] + model.second_hits[1]);
  EXPECT_EQ(counts(kernel.l2), model.second[2]);
  EXPECT_EQ(mmu.statistics().walks, model.walks[0]);
  EXPECT_EQ(mmu.statistics().dirty_walks, model.dirty_walks[0]);
  EXPECT_EQ(mmu.statistics().walk_reads, model.reads[0]);
  EXPECT_EQ(mmu.statistics().walk_depth_sum, model.reads[0]);
  EXPECT_EQ(kernel.translation.walks, model.walks[1]);
  EXPECT_EQ(kernel.translation.walk_reads, model.reads[1]);
}

// One act on the hardware and on the model; where the reference led.
PhysAddr act(std::mt19937_64& random, uint64_t& last, Hardware& hardware, Model& model, bool asids) {
  Mmu& mmu = hardware.rig.mmu;
  const int other = static_cast<int>(random() % kSpaces);
  const auto asid = static_cast<Asid>(other + 1);
  const uint64_t address = next_address(random, last, hardware.mapping.sizes.size() > 2);
  switch (random() % 1500) {
    case 0:
    case 1:
      mmu.flush_asid(asid);
      model.flush([&](NaiveTlb& tlb) { tlb.flush_space(other); });
      return {};
    case 2:
      mmu.flush_all();
      model.flush([&](NaiveTlb& tlb) { tlb.flush_all(); });
      return {};
    case 3:
    case 4:
    case 5:
      mmu.set_address_space(hardware.tables[static_cast<size_t>(other)]->root(), asid);
      if (!asids) model.flush([&](NaiveTlb& tlb) { tlb.flush_not_global(); });
      model.space = other;
      return {};
  }
  if (random() % 60 == 0) {
    mmu.flush_page(asid, VirtAddr(address));
    model.flush([&](NaiveTlb& tlb) { tlb.flush_page(address, other); });
    return {};
  }
  last = address;
  const auto access = static_cast<Access>(random() % 3);
  if (random() % 40 == 0) {
    const bool write = access == Access::store;
    model.refer(address, write ? Access::store : Access::load, 2);
    return mmu.translate_kernel(VirtAddr(address), write, hardware.rig.now).address;
  }
  model.refer(address, access, access == Access::fetch ? 0 : 1);
  const Translation found = hardware.rig.refer(address, access);
  EXPECT_EQ(found.address, PhysAddr(hardware.mapping.physical(model.space, address)));
  return found.address;
}

TEST_P(MixedSizes, ANaiveModelCountsTheSame) {
  const Make& make = GetParam();
  Hardware fast("fast", machine_of(make, true));
  Hardware full("full", machine_of(make, false));
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  Model fast_model(make, fast.rig.config, fast.mapping);
  Model full_model(make, full.rig.config, full.mapping);
  fast_model.levels = full_model.levels = fast.rig.format.levels();
  fast.prepare();
  full.prepare();
  std::mt19937_64 random_fast(11);
  std::mt19937_64 random_full(11);
  uint64_t last_fast = 0;
  uint64_t last_full = 0;
  for (int n = 0; n < 150'000; ++n) {
    const PhysAddr a = act(random_fast, last_fast, fast, fast_model, make.asids);
    const PhysAddr b = act(random_full, last_full, full, full_model, make.asids);
    ASSERT_EQ(a, b) << n;
    ASSERT_EQ(fast.rig.now, full.rig.now) << n;
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_EQ(full.rig.filtered, 0u);
  EXPECT_EQ(fast.rig.filtered > 5'000u, make.l1.enabled);
  expect_equal(fast_model, fast.rig.mmu, fast.rig, make.l1.enabled);
  expect_equal(full_model, full.rig.mmu, full.rig, make.l1.enabled);
}

constexpr TlbLevelConfig kOff{.enabled = false};
constexpr Replacement kPlru = Replacement::plru;
constexpr Replacement kFifo = Replacement::fifo;
constexpr Replacement kRandom = Replacement::random;

INSTANTIATE_TEST_SUITE_P(
    Makes, MixedSizes,
    testing::Values(
        Make{"unified_lru", "x86-64", {.sets = 8, .ways = 4}, kOff},
        Make{"unified_odd_sets", "sv39", {.sets = 5, .ways = 3}, {.sets = 7, .ways = 6, .hit_cycles = 7}},
        Make{"unified_full", "la57", {.sets = 1, .ways = 64}, {.sets = 3, .ways = 20, .hit_cycles = 5}},
        Make{"unified_plru",
             "sv48",
             {.sets = 3, .ways = 8, .replacement = kPlru},
             {.sets = 16, .ways = 4, .replacement = kPlru}},
        Make{"unified_fifo",
             "ia32",
             {.sets = 6, .ways = 5, .replacement = kFifo},
             {.sets = 9, .ways = 7, .replacement = kFifo}},
        Make{"unified_random",
             "sv32",
             {.sets = 6, .ways = 5, .replacement = kRandom},
             {.sets = 9, .ways = 7, .replacement = kRandom}},
        Make{"split",
             "x86-64",
             {.sets = 8, .ways = 4, .split = true, .large = {.sets = 3, .ways = 2}, .huge = {.sets = 1, .ways = 4}},
             {.sets = 16, .ways = 3, .split = true, .large = {.enabled = false}}},
        Make{"split_policies",
             "sv57",
             {.sets = 4,
              .ways = 2,
              .replacement = kFifo,
              .split = true,
              .large = {.sets = 1, .ways = 4, .replacement = kRandom}},
             {.sets = 7, .ways = 4, .split = true, .large = {.sets = 1, .ways = 20, .replacement = kFifo}},
             TlbLarge::one,
             false},
        Make{"split_below_unified",
             "ia32",
             {.sets = 1, .ways = 20, .split = true, .large = {.sets = 1, .ways = 4, .replacement = kPlru}},
             {.sets = 13, .ways = 5, .hit_cycles = 3}},
        Make{"several", "x86-64", {.sets = 8, .ways = 4}, {.sets = 33, .ways = 3}, TlbLarge::several},
        Make{"several_plru", "sv39", {.sets = 5, .ways = 8, .replacement = kPlru}, kOff, TlbLarge::several, false},
        Make{"second_only", "sv48", kOff, {.sets = 6, .ways = 6}},
        Make{"no_identifiers", "sv39", {.sets = 3, .ways = 4}, {.sets = 11, .ways = 4}, TlbLarge::one, false}),
    [](const auto& make) { return make.param.name; });

}  // namespace
}  // namespace faultline::hw
