// Large pages under what else areas know: locks, advice for fork, second
// places by mremap, places between areas, statistics, and whoever writes a run down.
#include <gtest/gtest.h>

#include "tests/os/support/fake_process.h"

namespace faultline::os::test {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kLarge = uint64_t{2} << 20;
constexpr uint64_t kPages = kLarge / kPage;
constexpr uint64_t kPlace = 0x1000'0000;
constexpr int kReadWrite = kProtRead | kProtWrite;
constexpr int kAnonymous = kMapPrivate | kMapAnonymous;

class LargePagesInAreas : public testing::Test {
 protected:
  static Settings settings() {
    Settings settings;
    settings.frames = 5 * kPages;
    settings.swap_pages = 8 * kPages;
    settings.config.huge.transparent = HugePages::always;
    settings.config.huge.collapse_pages = 0;
    return settings;
  }
  void map_at(uint64_t at, uint64_t pages, int flags = kAnonymous) {
    kernel.map(*space, pages, kReadWrite, flags | kMapFixed, nullptr, 0, at);
  }
  void lock(uint64_t at, uint64_t pages, AreaLock how = AreaLock::whole) {
    ASSERT_TRUE(space->lock(VirtAddr(at), pages * kPage, how).ok());
    ASSERT_EQ(kernel.populate(*space, at, pages, Populate::held), FaultReply::Kind::resolved);
  }
  // Base pages, more than there is memory.
  void need_memory() {
    auto other = kernel.new_space();
    const uint64_t pages = 6 * kPages;
    const uint64_t at = kernel.map(*other, pages);
    ASSERT_TRUE(other->advise(VirtAddr(at), pages * kPage, kMadvNoHugePage).ok());
    for (uint64_t i = 0; i < pages; ++i) {
      ASSERT_EQ(kernel.store(*other, at + i * kPage, 1), FaultReply::Kind::resolved);
    }
  }
  uint64_t in_memory(uint64_t at, uint64_t pages) {
    uint64_t count = 0;
    for (uint64_t i = 0; i < pages; ++i) count += space->in_memory(VirtAddr(at + i * kPage));
    return count;
  }
  int error(const Result<>& result) { return result.ok() ? 0 : result.error().value; }
  int advise(uint64_t at, uint64_t bytes, int advice) { return error(space->advise(VirtAddr(at), bytes, advice)); }
  uint64_t map_hugetlb(uint64_t length, int flags = kAnonymous) {
    const Result<VirtAddr> mapped =
        space->map({.length = length, .protection = kReadWrite, .flags = flags | kMapHugeTlb});
    EXPECT_TRUE(mapped.ok());
    return mapped.ok() ? mapped.value().value : 0;
  }
  HugeStatistics huge() { return kernel.memory.huge(); }
  void expect_told() { EXPECT_EQ(kernel.machine.untold_bytes(space->root()), 0u); }
  void expect_all_given_back() {
    space.reset();
    kernel.expect_all_given_back();
  }

  FakeKernel kernel{settings()};
  std::unique_ptr<AddressSpace> space = kernel.new_space();
};

TEST_F(LargePagesInAreas, LockedOnesStay) {
  map_at(kPlace, 2 * kPages);
  lock(kPlace, 2 * kPages);
  EXPECT_EQ(kernel.memory.faults().minor, 2u) << "one for each";
  need_memory();
  EXPECT_EQ(huge().leaves.pages, 2 * kPages);
  EXPECT_EQ(huge().leaves.split, 0u);
  // Half of the second is let go: it is split, and the other half stays.
  const uint64_t second = kPlace + kLarge;
  ASSERT_TRUE(space->lock(VirtAddr(second), kLarge / 2, AreaLock::none).ok());
  EXPECT_EQ(huge().leaves.split, 1u);
  need_memory();
  EXPECT_EQ(in_memory(kPlace, kPages), kPages);
  EXPECT_LT(in_memory(second, kPages / 2), kPages / 2);
  EXPECT_EQ(in_memory(second + kLarge / 2, kPages / 2), kPages / 2);
  kernel.expect_sound();
  expect_told();
  expect_all_given_back();
}

TEST_F(LargePagesInAreas, WhatSplitsThemKeepsTheLock) {
  map_at(kPlace, 2 * kPages);
  lock(kPlace, 2 * kPages);
  ASSERT_TRUE(space->protect(VirtAddr(kPlace + 7 * kPage), kPage, kProtRead).ok());
  auto child = kernel.fork(*space);
  kernel.store(*space, kPlace + kLarge + 9 * kPage, 2);
  EXPECT_EQ(huge().leaves.split, 2u) << "by a border of areas, and by a copy on write";
  child.reset();
  need_memory();
  EXPECT_EQ(in_memory(kPlace, 2 * kPages), 2 * kPages);
  EXPECT_EQ(kernel.load(*space, kPlace + kLarge + 9 * kPage), 2);
  kernel.expect_sound();
  expect_told();
  expect_all_given_back();
}

TEST_F(LargePagesInAreas, CollapseLeavesLockedPagesInMemory) {
  map_at(kPlace, kPages);
  ASSERT_EQ(advise(kPlace, kLarge, kMadvNoHugePage), 0);
  lock(kPlace, kPages);
  EXPECT_EQ(huge().leaves.pages, 0u);
  kernel.store(*space, kPlace + 3 * kPage, 4);
  EXPECT_EQ(advise(kPlace, kLarge, kMadvCollapse), EINVAL);
  ASSERT_EQ(advise(kPlace, kLarge, kMadvHugePage), 0);
  ASSERT_EQ(advise(kPlace, kLarge, kMadvCollapse), 0);
  EXPECT_EQ(huge().leaves.pages, kPages);
  expect_told();
  need_memory();
  EXPECT_EQ(huge().leaves.pages, kPages);
  EXPECT_EQ(kernel.load(*space, kPlace + 3 * kPage), 4);
  kernel.expect_sound();
  expect_all_given_back();
}

TEST_F(LargePagesInAreas, AdviceForForkCutsThem) {
  map_at(kPlace, 3 * kPages);
  for (uint64_t i = 0; i < 3; ++i) kernel.store(*space, kPlace + i * kLarge, 1);
  for (uint64_t i = 0; i < 3; ++i) kernel.store(*space, kPlace + i * kLarge + kLarge / 2, 2);
  ASSERT_EQ(advise(kPlace + kLarge / 2, kLarge, kMadvWipeOnFork), 0);
  ASSERT_EQ(advise(kPlace + 2 * kLarge, kLarge, kMadvDontFork), 0);
  EXPECT_EQ(huge().leaves.split, 2u);
  expect_told();
  auto child = kernel.fork(*space);
  EXPECT_EQ(kernel.load(*child, kPlace), 1);
  EXPECT_EQ(kernel.load(*child, kPlace + kLarge / 2), 0);
  EXPECT_EQ(kernel.load(*child, kPlace + kLarge), 0);
  EXPECT_EQ(kernel.load(*child, kPlace + kLarge + kLarge / 2), 2);
  EXPECT_EQ(child->find_area(VirtAddr(kPlace + 2 * kLarge)), nullptr);
  EXPECT_EQ(kernel.load(*space, kPlace + kLarge / 2), 2);
  EXPECT_EQ(kernel.load(*space, kPlace + 2 * kLarge), 1);
  EXPECT_EQ(kernel.machine.untold_bytes(child->root()), 0u);
  kernel.expect_sound();
  child.reset();
  expect_all_given_back();
}

TEST_F(LargePagesInAreas, APartMovesAndLeavesItsPlaceEmpty) {
  map_at(kPlace, 2 * kPages);
  for (uint64_t i = 0; i < 2 * kPages; ++i) kernel.store(*space, kPlace + i * kPage, static_cast<uint8_t>(i % 251 + 1));
  const uint64_t from = kPlace + 100 * kPage;
  const Result<VirtAddr> moved =
      space->remap(VirtAddr(from), kLarge, kLarge, kMremapMayMove | kMremapDontUnmap, VirtAddr(0));
  ASSERT_TRUE(moved.ok());
  expect_told();
  for (uint64_t i = 0; i < kPages; i += 17) {
    EXPECT_EQ(kernel.load(*space, moved.value().value + i * kPage), static_cast<int>((i + 100) % 251 + 1));
    EXPECT_EQ(kernel.load(*space, from + i * kPage), 0);
  }
  EXPECT_EQ(kernel.load(*space, kPlace + 99 * kPage), 100);
  EXPECT_EQ(kernel.load(*space, kPlace + (kPages + 100) * kPage), static_cast<int>((kPages + 100) % 251 + 1));
  kernel.expect_sound();
  expect_all_given_back();
}

TEST_F(LargePagesInAreas, HolesForThemBeginAtABorder) {
  // From the top down: a hole long enough without a border in it, one with.
  map_at(kPlace, 1);
  map_at(kPlace + kLarge + kLarge / 2, 1);
  map_at(kPlace + kLarge + kLarge / 2 + kPage + kLarge, 1);
  const uint64_t top = kPlace + 2 * kLarge + kLarge / 2 + 2 * kPage;
  const uint64_t rest = space->user_end().value - top;
  ASSERT_TRUE(
      space
          ->map(
              {.hint = VirtAddr(top), .length = rest, .protection = 0, .flags = kAnonymous | kMapFixed | kMapNoReserve})
          .ok());
  const uint64_t at = map_hugetlb(kLarge);
  EXPECT_EQ(at % kLarge, 0u);
  EXPECT_EQ(at, kPlace - kLarge);
  EXPECT_EQ(kernel.map(*space, kPages), kPlace + kLarge + kLarge / 2 + kPage);
  expect_all_given_back();
}

TEST_F(LargePagesInAreas, UnusedBytesOfThemCount) {
  map_at(kPlace, kPages);
  kernel.store(*space, kPlace + 8 * kPage, 1);
  const AreaKindStatistics kind = kernel.memory.area_statistics()[static_cast<size_t>(AreaKind::anonymous)];
  EXPECT_EQ(kind.resident_bytes, kLarge);
  EXPECT_EQ(kind.unused_bytes, kLarge - 64);
  expect_all_given_back();
}

// --- MAP_HUGETLB ---------------------------------------------------------------------

TEST_F(LargePagesInAreas, HugetlbNeedsNoLock) {
  const uint64_t at = map_hugetlb(2 * kLarge);
  ASSERT_EQ(kernel.populate(*space, at, 2 * kPages), FaultReply::Kind::resolved);
  EXPECT_EQ(space->resident_pages(), 0u);
  lock(at + kPage, kPages);
  EXPECT_EQ(space->locked_bytes(), 0u);
  EXPECT_EQ(space->resident_pages(), 2 * kPages);
  ASSERT_TRUE(space->lock_all(kMclFuture).ok());
  map_hugetlb(kLarge);
  EXPECT_EQ(space->locked_bytes(), 0u);
  EXPECT_EQ(huge().leaves.split, 0u);
  expect_all_given_back();
}

TEST_F(LargePagesInAreas, HugetlbForbids) {
  const uint64_t at = map_hugetlb(2 * kLarge);
  EXPECT_EQ(advise(at, kPage, kMadvDontFork), EINVAL);
  EXPECT_EQ(advise(at, kLarge, kMadvDontFork), 0);
  for (const int advice : {kMadvFree, kMadvCold, kMadvPageOut, kMadvWipeOnFork, kMadvCollapse}) {
    EXPECT_EQ(advise(at, kLarge, advice), EINVAL) << advice;
  }
  EXPECT_EQ(advise(at, kLarge, kMadvRemove), EACCES);
  const auto remap = [&](uint64_t old_length, uint64_t new_length, int flags, uint64_t to) {
    const Result<VirtAddr> moved = space->remap(VirtAddr(at), old_length, new_length, flags, VirtAddr(to));
    return moved.ok() ? 0 : moved.error().value;
  };
  EXPECT_EQ(remap(kLarge, kLarge, kMremapMayMove | kMremapDontUnmap, 0), EINVAL);
  EXPECT_EQ(remap(0, kLarge, kMremapMayMove, 0), EINVAL);
  EXPECT_EQ(remap(kLarge, kLarge, kMremapMayMove | kMremapFixed, kPlace + kPage), EINVAL);
  ASSERT_EQ(advise(at, kLarge, kMadvDoFork), 0);
  EXPECT_EQ(remap(2 * kLarge, 1, kMremapMayMove, 0), 0);
  EXPECT_EQ(space->find_area(VirtAddr(at + kLarge)), nullptr);
  expect_all_given_back();
}

TEST_F(LargePagesInAreas, HugetlbIsRemovedWholeAndZeroedInPart) {
  const uint64_t at = map_hugetlb(3 * kLarge, kMapShared | kMapAnonymous);
  auto child = kernel.fork(*space);
  for (uint64_t i = 0; i < 3 * kPages; ++i) kernel.store(*child, at + i * kPage, 1);
  kernel.load(*space, at + kLarge);
  EXPECT_EQ(kernel.memory.frames().anonymous, 3 * kPages);
  ASSERT_EQ(advise(at + kLarge - 2 * kPage, kLarge + 3 * kPage, kMadvRemove), 0);
  EXPECT_EQ(kernel.memory.frames().anonymous, 2 * kPages);
  EXPECT_EQ(huge().leaves.split, 0u);
  kernel.expect_sound();
  expect_told();
  for (uint64_t i = 0; i < 3 * kPages; ++i) {
    const bool removed = i >= kPages - 2 && i < 2 * kPages + 1;
    ASSERT_EQ(kernel.load(*child, at + i * kPage), removed ? 0 : 1) << i;
  }
  EXPECT_EQ(kernel.load(*space, at + kLarge - kPage), 0);
  child.reset();
  expect_all_given_back();
}

}  // namespace
}  // namespace faultline::os::test
