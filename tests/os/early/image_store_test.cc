// Images in contiguous memory: where they go, how they move, and that nothing of
// them is lost on the way.
#include "os/early/image_store.h"

#include <gtest/gtest.h>

#include <list>
#include <random>
#include <vector>

#include "tests/os/support/fake_machine.h"

namespace faultline::os::early {
namespace {

constexpr uint64_t kPageBytes = 4096;
constexpr uint64_t kResident = 4;  // pages of the OS layer's

struct World {
  // Pages for images, beyond the OS layer's.
  World(uint64_t pages, hw::MemoryModel model, EarlyConfig early, uint64_t swap_pages = 1024)
      : machine((pages + kResident) * kPageBytes),
        registers(model, machine.memory().page(), machine.memory().size()),
        config(make(early, swap_pages)),
        transfers(machine, machine, config.costs, Pfn(kResident - 1), 1),
        store(machine, machine.sectors(), registers, transfers, config, statistics) {}

  static OsConfig make(EarlyConfig early, uint64_t swap_pages) {
    OsConfig config;
    config.early = early;
    config.early.resident = kResident * kPageBytes;
    config.swap.size = swap_pages * kPageBytes;
    return config;
  }

  // The image's own address of a page, for physical().
  static uint64_t address(const Image& image, uint64_t page) { return (image.begin.value + page) * kPageBytes; }
  uint64_t read(const Image& image, uint64_t page) {
    return machine.memory().load<uint64_t>(store.physical(image, address(image, page)));
  }
  void write(const Image& image, uint64_t page, uint64_t value) {
    machine.memory().store<uint64_t>(store.physical(image, address(image, page)), value);
  }
  void fill(const Image& image, uint64_t from) {
    for (uint64_t page = 0; page < image.pages; ++page) write(image, page, from + page);
  }
  bool holds(const Image& image, uint64_t from) {
    for (uint64_t page = 0; page < image.pages; ++page)
      if (read(image, page) != from + page) return false;
    return true;
  }

  test::FakeMachine machine;
  hw::RelocationUnit registers;
  OsConfig config;
  Statistics statistics;
  FileReader transfers;
  ImageStore store;
};

Image of(uint64_t pages, uint64_t begin = 0) {
  Image image;
  image.begin = Vpn(begin);
  image.pages = pages;
  return image;
}

constexpr auto kBase = hw::MemoryModel::base_bounds;
constexpr auto kFence = hw::MemoryModel::fence;

TEST(ImageStore, CompactionMakesOneHoleOfMany) {
  World w(12, kBase, {});
  Image a = of(4), b = of(4), c = of(4), d = of(6);
  for (Image* image : {&a, &b, &c}) ASSERT_TRUE(w.store.create(*image));
  w.fill(b, 100);
  w.store.release(a);
  w.store.release(c);
  ASSERT_EQ(w.store.layout().holes, 2u);
  ASSERT_EQ(w.store.layout().largest_hole, 4 * kPageBytes);
  ASSERT_TRUE(w.store.create(d)) << "8 pages are free, in two holes of 4";
  EXPECT_EQ(w.statistics.fragmented, 1u);
  EXPECT_EQ(w.statistics.compactions, 1u);
  EXPECT_EQ(w.statistics.moves, 1u);
  EXPECT_EQ(w.statistics.bytes_moved, 4 * kPageBytes);
  EXPECT_EQ(b.place, Pfn(kResident));
  EXPECT_TRUE(w.holds(b, 100));
}

TEST(ImageStore, WithoutCompactionFragmentsStayFragments) {
  World w(12, kBase, {.compaction = false});
  Image a = of(4), b = of(4), c = of(4), d = of(6);
  for (Image* image : {&a, &b, &c}) ASSERT_TRUE(w.store.create(*image));
  w.store.release(a);
  w.store.release(c);
  EXPECT_EQ(w.store.create(d).error(), Errno{ENOMEM});
  EXPECT_EQ(w.statistics.fragmented, 1u);
  EXPECT_EQ(w.statistics.refused, 1u);
  EXPECT_EQ(w.statistics.moves, 0u);
}

// a grows with b behind it: b goes to the end of memory, where it overlaps itself.
TEST(ImageStore, GrowingPushesOthersUp) {
  World w(12, kBase, {});
  Image a = of(3), b = of(7);
  ASSERT_TRUE(w.store.create(a));
  ASSERT_TRUE(w.store.create(b));
  w.fill(a, 10);
  w.fill(b, 20);
  ASSERT_TRUE(w.store.resize(a, 5));
  EXPECT_EQ(a.place, Pfn(kResident));
  EXPECT_EQ(b.place, Pfn(kResident + 5));
  EXPECT_TRUE(w.holds(b, 20));
  EXPECT_EQ(w.read(a, 2), 12u);
  EXPECT_EQ(w.read(a, 3), 0u) << "new pages are zero, whatever was there";
  EXPECT_EQ(w.statistics.bytes_moved, 7 * kPageBytes);
  EXPECT_EQ(w.store.resize(a, 6).error(), Errno{ENOMEM});
  EXPECT_EQ(a.pages, 5u);
}

TEST(ImageStore, SwappingMovesExactlyTheImage) {
  World w(10, kBase, {.swapping = true});
  Image a = of(6), b = of(7);
  ASSERT_TRUE(w.store.create(a));
  w.fill(a, 1000);
  ASSERT_TRUE(w.store.create(b)) << "a makes room";
  EXPECT_FALSE(a.resident);
  EXPECT_EQ(w.statistics.bytes_swapped_out, 6 * kPageBytes);
  EXPECT_EQ(w.machine.requests, 1u) << "in one transfer";
  w.fill(b, 2000);
  ASSERT_TRUE(w.store.bring_in(a));
  EXPECT_FALSE(b.resident);
  EXPECT_TRUE(w.holds(a, 1000));
  EXPECT_EQ(w.statistics.bytes_swapped_out, 13 * kPageBytes);
  EXPECT_EQ(w.statistics.bytes_swapped_in, 6 * kPageBytes);
  ASSERT_TRUE(w.store.bring_in(b));
  EXPECT_TRUE(w.holds(b, 2000));
}

// With a base register an image comes back to whatever hole there is.
TEST(ImageStore, ComesBackAnywhereWithABaseRegister) {
  World w(10, kBase, {.swapping = true});
  Image a = of(4), b = of(4), c = of(5);
  ASSERT_TRUE(w.store.create(a));
  ASSERT_TRUE(w.store.create(b));
  b.last_run = 1;
  w.fill(a, 7);
  ASSERT_TRUE(w.store.create(c));
  EXPECT_FALSE(a.resident);
  EXPECT_EQ(b.place, Pfn(kResident)) << "moved to where a was, lest c find two holes";
  w.store.release(c);
  ASSERT_TRUE(w.store.bring_in(a));
  EXPECT_TRUE(w.holds(a, 7));
  EXPECT_NE(a.place, Pfn(kResident));
  EXPECT_EQ(w.statistics.other_place, 1u);
  EXPECT_EQ(w.statistics.same_place, 0u);
}

// Without one it has one place, and whoever is there goes.
TEST(ImageStore, ComesBackToItsPlaceWithoutOne) {
  World w(10, kFence, {.swapping = true});
  Image a = of(4, kResident), b = of(3, kResident + 2), c = of(2, kResident + 8);
  ASSERT_TRUE(w.store.create(a));
  w.fill(a, 7);
  ASSERT_TRUE(w.store.create(c)) << "elsewhere, so both are in memory";
  ASSERT_TRUE(a.resident);
  ASSERT_TRUE(w.store.create(b));
  EXPECT_FALSE(a.resident);
  EXPECT_TRUE(c.resident);
  ASSERT_TRUE(w.store.bring_in(a));
  EXPECT_FALSE(b.resident);
  EXPECT_EQ(a.place, Pfn(kResident));
  EXPECT_TRUE(w.holds(a, 7));
  EXPECT_EQ(w.statistics.same_place, 1u);
  EXPECT_EQ(w.statistics.other_place, 0u);
}

TEST(ImageStore, OnePlaceForTwoWithoutSwappingIsRefused) {
  World w(10, kFence, {});
  Image a = of(4, kResident), b = of(3, kResident + 2);
  ASSERT_TRUE(w.store.create(a));
  EXPECT_EQ(w.store.create(b).error(), Errno{ENOMEM});
  EXPECT_EQ(w.store.resize(a, 7).ok(), true);
  EXPECT_EQ(w.store.resize(a, 11).error(), Errno{ENOMEM});
}

TEST(ImageStore, SwapSpaceIsReservedBeforeItIsNeeded) {
  World w(10, kBase, {.swapping = true}, 9);
  Image a = of(5), b = of(5);
  ASSERT_TRUE(w.store.create(a));
  EXPECT_EQ(w.store.create(b).error(), Errno{ENOMEM});
  EXPECT_EQ(w.store.resize(a, 10).error(), Errno{ENOMEM});
  ASSERT_TRUE(w.store.resize(a, 9));
}

// A disk that fails: the image that cannot leave stays, and the one that cannot come back says so.
TEST(ImageStore, AFailingDiskDamagesNothing) {
  World w(10, kBase, {.swapping = true});
  Image a = of(6), b = of(6);
  ASSERT_TRUE(w.store.create(a));
  w.fill(a, 5);
  w.machine.fails = [](uint64_t, bool write) { return write; };
  EXPECT_EQ(w.store.create(b).error(), Errno{ENOMEM});
  EXPECT_TRUE(a.resident);
  EXPECT_TRUE(w.holds(a, 5));
  w.machine.fails = nullptr;
  ASSERT_TRUE(w.store.create(b));
  w.machine.fails = [](uint64_t, bool write) { return !write; };
  EXPECT_EQ(w.store.bring_in(a).error(), Errno{EIO});
  EXPECT_FALSE(a.resident);
  w.store.release(a);
  w.store.release(b);
  EXPECT_EQ(w.store.layout().largest_hole, 10 * kPageBytes);
}

// Images come, grow, shrink, move, leave and return at random; what they hold is
// what was written, and no frame belongs to two.
void storm(hw::MemoryModel model, EarlyConfig early, uint64_t seed) {
  constexpr uint64_t kPages = 40;
  World w(kPages, model, early, 70);  // not enough for all of nine images
  struct Known {
    Image image;
    std::vector<uint64_t> contents;
  };
  std::list<Known> all;
  std::mt19937_64 random(seed);
  uint64_t created = 0;
  const auto any = [&]() { return std::next(all.begin(), static_cast<long>(random() % all.size())); };
  for (uint64_t step = 1; step <= 4000; ++step) {
    const uint64_t what = random() % 10;
    if (all.empty() || (what < 3 && all.size() < 9)) {
      Known& one = all.emplace_back();
      const uint64_t pages = 1 + random() % 12;
      one.image = of(pages, model == kBase ? 0 : kResident + random() % (kPages - pages));
      one.image.last_run = step;
      const bool made = w.store.create(one.image).ok();
      created += made;
      if (made) {
        one.contents.assign(pages, 0);
      } else {
        all.pop_back();
      }
    } else {
      const auto one = any();
      Image& image = one->image;
      if (w.store.bring_in(image).ok()) {
        image.last_run = step;
        for (uint64_t page = 0; page < image.pages; ++page)
          ASSERT_EQ(w.read(image, page), one->contents[page]) << "step " << step << " page " << page;
        if (what < 7) {
          const uint64_t page = random() % image.pages;
          w.write(image, page, one->contents[page] = random());
        } else if (what < 9) {
          if (w.store.resize(image, 1 + random() % 14).ok()) one->contents.resize(image.pages, 0);
        }
      } else {
        ASSERT_FALSE(early.swapping) << "alone every image fits";
      }
      if (what == 9) {
        w.store.release(image);
        all.erase(one);
      }
    }
    std::vector<int> owners(kPages + kResident, 0);
    uint64_t resident = 0, slots = 0;
    for (const Known& one : all) {
      slots += one.image.slot_pages;
      ASSERT_TRUE(!early.swapping || one.image.slot_pages >= one.image.pages);
      ASSERT_EQ(one.contents.size(), one.image.pages);
      if (!one.image.resident) continue;
      resident += one.image.pages;
      for (uint64_t i = 0; i < one.image.pages; ++i) ASSERT_EQ(++owners.at(one.image.place.value + i), 1);
      ASSERT_GE(one.image.place.value, kResident);
    }
    ASSERT_EQ(w.store.resident_pages(), resident);
    ASSERT_EQ(w.store.slot_pages(), slots);
    ASSERT_EQ(w.store.layout().free_bytes, (kPages - resident) * kPageBytes);
  }
  EXPECT_GT(created, 300u);
  while (!all.empty()) {
    w.store.release(all.front().image);
    all.pop_front();
  }
  EXPECT_EQ(w.store.layout().largest_hole, kPages * kPageBytes);
  EXPECT_EQ(w.statistics.same_place + w.statistics.other_place, w.statistics.swap_ins);
  if (model == kFence) {
    EXPECT_EQ(w.statistics.other_place, 0u);
    EXPECT_EQ(w.statistics.moves, 0u);
  }
}

TEST(ImageStore, RandomWithBaseRegisters) { storm(kBase, {}, 1); }
TEST(ImageStore, RandomWithBaseRegistersWithoutCompaction) { storm(kBase, {.compaction = false}, 2); }
TEST(ImageStore, RandomWithBaseRegistersAndSwapping) { storm(kBase, {.swapping = true}, 3); }
TEST(ImageStore, RandomWithSwappingAlone) { storm(kBase, {.compaction = false, .swapping = true}, 4); }
TEST(ImageStore, RandomBehindAFenceWithSwapping) { storm(kFence, {.swapping = true}, 5); }
TEST(ImageStore, RandomWorstFit) { storm(kBase, {.placement = Placement::worst_fit, .swapping = true}, 6); }

}  // namespace
}  // namespace faultline::os::early
