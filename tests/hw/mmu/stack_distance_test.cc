// One observer against a TLB for each geometry: random streams with
// invalidations of every kind, each miss counted.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>

#include "hw/mmu/stack_distance_observer.h"
#include "tests/hw/mmu/spaces_rig.h"

namespace faultline::hw {
namespace {

// What an LRU TLB of one size of page does, as plainly as can be said.
class PlainTlb {
 public:
  PlainTlb(uint32_t sets, uint32_t ways) : ways_(ways), sets_(sets) {}

  struct Page {
    uint64_t vpn;
    std::optional<Asid> asid;  // none: global
    auto operator<=>(const Page&) const = default;
  };

  // True: it was not there.
  bool refer(const Page& page, uint64_t time) {
    auto& set = sets_[page.vpn % sets_.size()];
    const auto held = set.find(page);
    if (held != set.end()) {
      held->second = time;
      return false;
    }
    if (set.size() == ways_) {
      auto oldest = set.begin();
      for (auto at = set.begin(); at != set.end(); ++at) {
        if (at->second < oldest->second) oldest = at;
      }
      set.erase(oldest);
    }
    set.emplace(page, time);
    return true;
  }
  template <class Goes>
  void drop(Goes goes) {
    for (auto& set : sets_) std::erase_if(set, [&](const auto& held) { return goes(held.first); });
  }

 private:
  size_t ways_;
  std::vector<std::map<Page, uint64_t>> sets_;  // to when each was used last
};

constexpr uint32_t kSets[] = {1, 2, 3, 5, 8, 12, 32, 100, 1024};
constexpr uint32_t kWays[] = {1, 2, 3, 4, 7, 8, 16, 33, 63, 64};

struct Geometry {
  uint32_t sets;
  uint32_t ways;
  PlainTlb tlb;
  std::array<uint64_t, 2> misses{};  // the user's, the OS layer's
};

std::vector<Geometry> geometries() {
  std::vector<Geometry> all;
  for (const uint32_t sets : kSets) {
    for (const uint32_t ways : kWays) all.push_back({sets, ways, PlainTlb(sets, ways)});
  }
  return all;
}

ObservedGeometry at(const std::vector<ObservedGeometry>& rows, uint64_t page, uint32_t sets, uint32_t ways) {
  for (const ObservedGeometry& row : rows) {
    if (row.page == page && row.sets == sets && row.ways == ways) return row;
  }
  ADD_FAILURE() << "no row for " << sets << " x " << ways;
  return {};
}

struct Stream {
  const char* name;
  uint64_t pages;    // of the whole
  uint64_t jump;     // one reference of so many goes anywhere, the others near the one before
  uint64_t flushes;  // one act of so many
};

void PrintTo(const Stream& stream, std::ostream* out) { *out << stream.name; }

struct StackDistance : testing::TestWithParam<Stream> {};

TEST_P(StackDistance, EqualsATlbOfEachGeometry) {
  const Stream stream = GetParam();
  StackDistanceObserver observer({3, 5, 12, 100, 8, 3});
  std::vector<Geometry> all = geometries();
  std::mt19937_64 random(5);
  uint64_t vpn = 0;
  for (uint64_t time = 0; time < 20'000; ++time) {
    vpn = random() % stream.jump == 0 ? random() % stream.pages : (vpn + random() % 3) % stream.pages;
    const auto asid = static_cast<Asid>(1 + random() % 16 / 15);
    const bool global = vpn % 17 == 0;
    if (random() % stream.flushes == 0) {
      switch (random() % 8) {
        case 0:
          observer.flushed_asid(asid);
          for (Geometry& g : all) g.tlb.drop([=](const auto& page) { return page.asid == asid; });
          break;
        case 1:
          observer.flushed_not_global();
          for (Geometry& g : all) g.tlb.drop([](const auto& page) { return page.asid.has_value(); });
          break;
        case 2:
          observer.flushed_all();
          for (Geometry& g : all) g.tlb.drop([](const auto&) { return true; });
          break;
        default:
          observer.flushed_page(asid, VirtAddr(vpn << 12 | 5));
          for (Geometry& g : all) {
            g.tlb.drop([=](const auto& page) { return page.vpn == vpn && page.asid.value_or(asid) == asid; });
          }
      }
      continue;
    }
    const bool kernel = random() % 50 == 0;
    observer.looked_up({.address = VirtAddr(vpn << 12 | random() % 4096),
                        .asid = asid,
                        .access = kernel ? Access::load : static_cast<Access>(1 + random() % 2),
                        .page_shift = 12,
                        .global = global,
                        .kernel = kernel});
    const PlainTlb::Page page{vpn, global ? std::nullopt : std::optional<Asid>(asid)};
    for (Geometry& g : all) g.misses[kernel ? 1 : 0] += g.tlb.refer(page, time) ? 1 : 0;
  }
  const std::vector<ObservedGeometry> rows = observer.data_misses();
  EXPECT_EQ(rows.size(), (11u + 4u) * 64u);
  for (const Geometry& g : all) {
    const ObservedGeometry row = at(rows, 4096, g.sets, g.ways);
    EXPECT_EQ(row.misses, g.misses[0]) << g.sets << " x " << g.ways;
    EXPECT_EQ(row.kernel_misses, g.misses[1]) << g.sets << " x " << g.ways;
  }
  EXPECT_TRUE(observer.instruction_misses().empty());
}

INSTANTIATE_TEST_SUITE_P(, StackDistance,
                         testing::Values(Stream{"near", 300, 20, 100'000}, Stream{"far", 5000, 2, 300},
                                         Stream{"few_pages_many_flushes", 40, 3, 5},
                                         Stream{"many_flushes", 2000, 10, 8}),
                         [](const auto& each) { return each.param.name; });

// Each size of page has sets of its own; a flush by page reaches every size.
TEST(StackDistanceTest, SizesOfPagesAreApart) {
  StackDistanceObserver observer({});
  const auto refer = [&](uint64_t address, uint8_t shift) {
    observer.looked_up({.address = VirtAddr(address), .asid = 1, .access = Access::fetch, .page_shift = shift});
  };
  for (int round = 0; round < 2; ++round) {
    refer(0x1000, 12);
    refer(0x200000, 21);
    refer(0x3ff000, 21);  // the same large page
    refer(0x2000, 12);
  }
  EXPECT_EQ(at(observer.instruction_misses(), 4096, 1, 2).misses, 2u);
  EXPECT_EQ(at(observer.instruction_misses(), 4096, 1, 1).misses, 4u);
  EXPECT_EQ(at(observer.instruction_misses(), 2u << 20, 1, 1).misses, 1u);
  observer.flushed_page(1, VirtAddr(0x2ff123));
  refer(0x200000, 21);
  EXPECT_EQ(at(observer.instruction_misses(), 2u << 20, 1, 64).misses, 2u);
  EXPECT_EQ(observer.instruction_misses().front().page, 4096u);
}

// A large page in pieces: they are base pages but for flushes, where all go with one.
TEST(StackDistanceTest, PiecesOfAPageGoTogether) {
  StackDistanceObserver observer({});
  const auto refer = [&](uint64_t address, uint8_t leaf_shift) {
    observer.looked_up(
        {.address = VirtAddr(address), .asid = 1, .access = Access::load, .page_shift = 12, .leaf_shift = leaf_shift});
  };
  const auto refer_all = [&] {
    for (const uint64_t piece : {0x200000, 0x201000, 0x3ff000}) refer(piece, 21);
    refer(0x400000, 12);
  };
  refer_all();
  refer_all();
  EXPECT_EQ(at(observer.data_misses(), 4096, 1, 8).misses, 4u);
  observer.flushed_page(2, VirtAddr(0x201000));  // another space's
  observer.flushed_page(1, VirtAddr(0x1ff000));  // beside it
  refer_all();
  EXPECT_EQ(at(observer.data_misses(), 4096, 1, 8).misses, 4u);
  observer.flushed_page(1, VirtAddr(0x2a0000));  // a piece that was never touched
  refer_all();
  EXPECT_EQ(at(observer.data_misses(), 4096, 1, 8).misses, 7u);
}

TEST(StackDistanceTest, CountsOnlyWhenTold) {
  StackDistanceObserver observer({});
  const auto refer = [&](uint64_t vpn) {
    observer.looked_up({.address = VirtAddr(vpn << 12), .asid = 1, .access = Access::load, .page_shift = 12});
  };
  observer.set_counting(false);
  refer(1);
  refer(2);
  observer.set_counting(true);
  refer(1);  // warm
  refer(3);
  EXPECT_EQ(at(observer.data_misses(), 4096, 1, 64).misses, 1u);
  EXPECT_EQ(at(observer.data_misses(), 4096, 1, 1).misses, 2u);
  observer.clear_counts();
  refer(3);
  EXPECT_EQ(at(observer.data_misses(), 4096, 1, 1).misses, 0u);
}

// ---- On an MMU ---------------------------------------------------------------

constexpr uint64_t kPages = 96;
constexpr int kSpaces = SpacesRig::kSpaces;

// A rig with three address spaces, on which the same seed acts the same way
// whatever the TLBs are: what is mapped depends on the acts alone.
struct Player : SpacesRig {
  using SpacesRig::SpacesRig;

  void act() {
    const uint64_t page = std::min(random() % kPages, random() % kPages);
    const VirtAddr va(page << 12 | random() % 4096);
    const uint64_t what = random() % 300;
    if (what == 0) return switch_to(static_cast<int>(random() % kSpaces));
    if (what == 1) return rig.mmu.flush_asid(static_cast<Asid>(1 + random() % kSpaces));
    if (what == 2) return rig.mmu.flush_all();
    if (what < 8) return rig.mmu.flush_page(static_cast<Asid>(space + 1), va);
    if (what < 12) {
      rig.mmu.translate_kernel(va, false, rig.now);
      return;
    }
    const Access access = static_cast<Access>(random() % 3);
    if (rig.refer(va.value, access).status == Translation::Status::ok) return;
    tables[space]->map(VirtAddr(page << 12), Pfn(page + 128 * static_cast<uint64_t>(space)), kUserRw);
  }

  std::mt19937_64 random{17};
};

struct Machine {
  const char* name;
  TlbLevelConfig l1;
  bool asids;
  bool fast_path;
};

void PrintTo(const Machine& machine, std::ostream* out) { *out << machine.name; }

MachineConfig config_of(const Machine& machine) {
  MachineConfig config;
  config.paging_format = "sv39";
  config.tlb.asids = machine.asids;
  config.tlb.l1i = config.tlb.l1d = machine.l1;
  config.hart.fast_path = machine.fast_path;
  return config;
}

struct Observed : testing::TestWithParam<Machine> {};

TEST_P(Observed, ChangesNothingAndCountsTheTlbsMisses) {
  const Machine& machine = GetParam();
  Player alone("alone", config_of(machine));
  Player watched("watched", config_of(machine));
  StackDistanceObserver observer({3, 12});
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  watched.rig.mmu.observe(&observer);
  alone.prepare();
  watched.prepare();
  for (int n = 0; n < 100'000; ++n) {
    alone.act();
    watched.act();
    ASSERT_EQ(alone.rig.now, watched.rig.now) << n;
  }
  const Mmu& a = alone.rig.mmu;
  const Mmu& b = watched.rig.mmu;
  EXPECT_EQ(alone.rig.references, watched.rig.references);
  EXPECT_EQ(a.statistics().walks, b.statistics().walks);
  EXPECT_EQ(a.statistics().fault_walk_reads, b.statistics().fault_walk_reads);
  EXPECT_EQ(a.l1i(alone.rig.fetches()).misses, b.l1i(watched.rig.fetches()).misses);
  EXPECT_EQ(a.l1d(alone.rig.data()).misses, b.l1d(watched.rig.data()).misses);
  EXPECT_EQ(a.l1d(alone.rig.data()).evictions, b.l1d(watched.rig.data()).evictions);
  if (machine.l1.replacement != Replacement::lru || !machine.l1.enabled) return;
  const auto [sets, ways] = std::pair(machine.l1.sets, machine.l1.ways);
  EXPECT_EQ(at(observer.instruction_misses(), 4096, sets, ways).misses, b.l1i(watched.rig.fetches()).misses);
  EXPECT_EQ(at(observer.data_misses(), 4096, sets, ways).misses, b.l1d(watched.rig.data()).misses);
  EXPECT_EQ(at(observer.data_misses(), 4096, sets, ways).kernel_misses, b.kernel().l1d.misses);
}

// The surface is the same whatever TLB the run had.
TEST_P(Observed, SeesTheSameWhateverTheTlb) {
  Machine other = GetParam();
  other.l1 = {.sets = 16, .ways = 3};
  other.fast_path = true;
  Player one("one", config_of(GetParam()));
  Player two("two", config_of(other));
  StackDistanceObserver first({});
  StackDistanceObserver second({});
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  one.rig.mmu.observe(&first);
  two.rig.mmu.observe(&second);
  one.prepare();
  two.prepare();
  for (int n = 0; n < 50'000; ++n) {
    one.act();
    two.act();
  }
  for (const auto& [a, b] : {std::pair(first.data_misses(), second.data_misses()),
                             std::pair(first.instruction_misses(), second.instruction_misses())}) {
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) {
      ASSERT_EQ(a[i].misses, b[i].misses) << a[i].sets << " x " << a[i].ways;
      ASSERT_EQ(a[i].kernel_misses, b[i].kernel_misses) << a[i].sets << " x " << a[i].ways;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    , Observed,
    testing::Values(Machine{"two_way", {.sets = 8, .ways = 2}, false, true},
                    Machine{"two_way_asids", {.sets = 8, .ways = 2}, true, true},
                    Machine{"two_way_slow", {.sets = 8, .ways = 2}, true, false},
                    Machine{"full", {.sets = 1, .ways = 24}, true, true},
                    Machine{"one_entry", {.sets = 1, .ways = 1}, false, true},
                    Machine{"odd", {.sets = 12, .ways = 5}, false, true},
                    Machine{"fifo", {.sets = 3, .ways = 3, .replacement = Replacement::fifo}, true, true},
                    Machine{"none", {.enabled = false}, true, true}),
    [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace faultline::hw
