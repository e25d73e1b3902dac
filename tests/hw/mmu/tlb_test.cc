#include "hw/mmu/tlb.h"

#include <gtest/gtest.h>

#include <list>
#include <optional>
#include <random>

namespace faultline::hw {
namespace {

// Moments of use; each is later than the one before.
uint64_t used() {
  static uint64_t moment = 0;
  return ++moment;
}

VirtAddr page(uint64_t vpn) { return VirtAddr(vpn << 12); }

// What a TLB of any geometry must do, written as one list a set, next victim last.
class ReferenceTlb {
 public:
  struct Held {
    uint64_t vpn;
    Asid asid;
    bool global;
    uint64_t pfn;
  };
  ReferenceTlb(uint32_t sets, uint32_t ways, bool lru) : ways_(ways), lru_(lru), sets_(sets) {}

  Held* find(uint64_t vpn, Asid asid) {
    for (Held& held : set(vpn)) {
      if (held.vpn == vpn && (held.global || held.asid == asid)) return &held;
    }
    return nullptr;
  }
  void touch(uint64_t vpn, Asid asid) {
    if (!lru_) return;
    auto& entries = set(vpn);
    for (auto it = entries.begin(); it != entries.end(); ++it) {
      if (&*it == find(vpn, asid)) return entries.splice(entries.begin(), entries, it);
    }
  }
  bool fill(const Held& held) {
    auto& entries = set(held.vpn);
    const bool evicts = entries.size() == ways_;
    if (evicts) entries.pop_back();
    entries.push_front(held);
    return evicts;
  }
  template <class Which>
  void drop(Which which) {
    for (auto& entries : sets_) entries.remove_if(which);
  }

 private:
  std::list<Held>& set(uint64_t vpn) { return sets_[vpn % sets_.size()]; }
  size_t ways_;
  bool lru_;
  std::vector<std::list<Held>> sets_;
};

struct TlbAgainstLists : testing::TestWithParam<TlbLevelConfig> {};

TEST_P(TlbAgainstLists, OnRandomStringsWithFlushes) {
  const TlbLevelConfig& config = GetParam();
  Tlb tlb(config, 1);
  ReferenceTlb reference(config.sets, config.ways, config.replacement == Replacement::lru);
  std::mt19937_64 random(3);
  const uint64_t pages = 2 * config.sets * config.ways + 1;
  for (int n = 0; n < 60'000; ++n) {
    const uint64_t vpn = random() % pages;
    const Asid asid = static_cast<Asid>(random() % 3);
    switch (random() % 200) {
      case 0:
        tlb.flush_asid(asid);
        reference.drop([&](const auto& held) { return held.asid == asid && !held.global; });
        continue;
      case 1:
        if (random() % 20 == 0) {
          tlb.flush_all();
          reference.drop([](const auto&) { return true; });
        } else if (random() % 20 == 0) {
          tlb.flush_not_global();
          reference.drop([](const auto& held) { return !held.global; });
        }
        continue;
      case 2:
      case 3:
      case 4:
        tlb.flush_page(page(vpn), asid);
        reference.drop([&](const auto& held) { return held.vpn == vpn && (held.global || held.asid == asid); });
        continue;
    }
    const auto* held = reference.find(vpn, asid);
    // Base pages alone are held, so that either way to ask and to fill will do.
    const bool at_home = random() % 2 == 0;
    const Tlb::Home home = tlb.home(page(vpn), asid);
    const Tlb::Place place = at_home ? tlb.find_at(home) : tlb.find(page(vpn), asid);
    ASSERT_EQ(place.found(), held != nullptr) << n;
    if (held) {
      ASSERT_EQ(tlb.at(place).pfn.value, held->pfn);
      tlb.touch(place, used());
      reference.touch(vpn, asid);
      continue;
    }
    // One page is global; it is filled only when no address space holds it,
    // since its mapping does not change from one kind to the other.
    const bool global = vpn == 1;
    const uint64_t pfn = random() % 1000;
    const TlbEntry entry{
        .pfn = Pfn(pfn), .permissions = {.read = true, .global = global}, .page_shift = 12, .leaf_shift = 12};
    const auto filled =
        at_home ? tlb.fill_at(home, page(vpn), asid, entry, used()) : tlb.fill(page(vpn), asid, entry, used());
    ASSERT_EQ(filled.evicted, reference.fill({vpn, asid, global, pfn})) << n;
    ASSERT_EQ(tlb.find(page(vpn), asid).slot, filled.place.slot);
  }
}

INSTANTIATE_TEST_SUITE_P(Geometries, TlbAgainstLists,
                         testing::Values(TlbLevelConfig{.sets = 32, .ways = 2}, TlbLevelConfig{.sets = 1, .ways = 1},
                                         TlbLevelConfig{.sets = 3, .ways = 5}, TlbLevelConfig{.sets = 1, .ways = 9},
                                         TlbLevelConfig{.sets = 1, .ways = 16}, TlbLevelConfig{.sets = 2, .ways = 16},
                                         TlbLevelConfig{.sets = 1, .ways = 64}, TlbLevelConfig{.sets = 2, .ways = 48},
                                         TlbLevelConfig{.sets = 7, .ways = 4, .replacement = Replacement::fifo},
                                         TlbLevelConfig{.sets = 1, .ways = 64, .replacement = Replacement::fifo}));

// Round and round over P pages, in order, on S sets of W ways with LRU: a set
// with at most W of the pages misses each of them once; a set with more misses
// every time.
TEST(TlbTest, CircularWalksAreArithmetic) {
  for (const auto& [sets, ways] : {std::pair{32u, 2u}, {16u, 4u}, {1u, 64u}, {3u, 5u}, {1u, 8u}}) {
    for (uint64_t pages = 1; pages < 2u * sets * ways + 2; pages += 1 + pages / 8) {
      constexpr uint64_t kRounds = 7;
      Tlb tlb({.sets = sets, .ways = ways}, 1);
      uint64_t misses = 0;
      for (uint64_t n = 0; n < kRounds * pages; ++n) {
        const VirtAddr va = page(n % pages);
        const Tlb::Place place = tlb.find(va, 0);
        if (place.found()) {
          tlb.touch(place, used());
        } else {
          ++misses;
          tlb.fill(va, 0, {}, used());
        }
      }
      uint64_t expected = 0;
      for (uint64_t set = 0; set < sets; ++set) {
        const uint64_t in_set = pages / sets + (set < pages % sets);
        expected += in_set <= ways ? in_set : in_set * kRounds;
      }
      EXPECT_EQ(misses, expected) << pages << " pages, " << sets << " x " << ways;
    }
  }
}

// Looking for an entry and renewing it move nothing.
TEST(TlbTest, FindAndRenewChangeNoOrder) {
  Tlb tlb({.sets = 1, .ways = 2}, 1);
  tlb.fill(page(1), 0, {}, used());
  tlb.fill(page(2), 0, {}, used());
  const Tlb::Place place = tlb.find(page(1), 0);
  EXPECT_EQ(tlb.renew(place, page(1), 0, {Pfn(9), {}, true}, used()).place.slot, place.slot);
  EXPECT_EQ(tlb.at(place).pfn, Pfn(9));
  tlb.fill(page(3), 0, {}, used());
  EXPECT_FALSE(tlb.find(page(1), 0).found());
  EXPECT_TRUE(tlb.find(page(2), 0).found());
}

// Address spaces of one set of ways; kernel addresses have their upper bits set.
// The key of the last page of all is that of an empty place, but for the page's size.
TEST(TlbTest, WhatIsEmptyHoldsNoPage) {
  const Tlb tlb({.sets = 4, .ways = 2}, 1);
  const VirtAddr last(~uint64_t{0});
  EXPECT_TRUE(tlb.holds_base_pages_only());
  EXPECT_FALSE(tlb.find_at(tlb.home(last, 5)).found());
  EXPECT_FALSE(tlb.find(last, 5).found());
}

TEST(TlbTest, AddressSpacesAreKeptApart) {
  Tlb tlb({.sets = 4, .ways = 4}, 1);
  const VirtAddr high(0xFFFF'FFFF'FFFF'F000);
  tlb.fill(high, 5, {Pfn(1), {}, false}, used());
  tlb.fill(high, 6, {Pfn(2), {}, false}, used());
  EXPECT_EQ(tlb.at(tlb.find(high, 5)).pfn, Pfn(1));
  EXPECT_EQ(tlb.at(tlb.find(high, 6)).pfn, Pfn(2));
  EXPECT_FALSE(tlb.find(high, 7).found());
  EXPECT_FALSE(tlb.find(VirtAddr(0xF'FFFF'FFFF'F000), 5).found());
}

TEST(TlbTest, RefusesNothingAtAll) {
  EXPECT_THROW(Tlb({.sets = 0, .ways = 2}, 1), std::invalid_argument);
  EXPECT_THROW(Tlb({.sets = 2, .ways = 0}, 1), std::invalid_argument);
  EXPECT_THROW(Tlb({.sets = 2, .ways = 12, .replacement = Replacement::plru}, 1), std::invalid_argument);
}

}  // namespace
}  // namespace faultline::hw
