// Transparent large pages, by hand: what a fault maps, what splits it, and that
// no frame, table or slot stays behind.
#include <gtest/gtest.h>

#include "tests/os/support/fake_process.h"

namespace faultline::os::test {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kPlace = 0x1000'0000;  // a border of every large page below

class LargePages : public testing::TestWithParam<const char*> {
 protected:
  static Settings settings(HugePages transparent = HugePages::always) {
    Settings settings;
    settings.frames = 8192;
    settings.format = GetParam();
    settings.config.huge.transparent = transparent;
    settings.config.huge.collapse_milliseconds = 1;
    return settings;
  }
  uint64_t pages() { return kernel.memory.format().entry_span(1) / kPage; }
  uint64_t map_at(AddressSpace& space, uint64_t at, uint64_t count) {
    return kernel.map(space, count, kProtRead | kProtWrite, kMapPrivate | kMapAnonymous | kMapFixed, nullptr, 0, at);
  }
  HugeStatistics huge() { return kernel.memory.huge(); }
  void fill(AddressSpace& space, uint64_t at) {
    for (uint64_t i = 0; i < pages(); ++i) kernel.store(space, at + i * kPage, static_cast<uint8_t>(i % 251 + 1));
  }
  void expect_filled(AddressSpace& space, uint64_t at) {
    for (uint64_t i = 0; i < pages(); ++i) {
      ASSERT_EQ(kernel.load(space, at + i * kPage), static_cast<int>(i % 251 + 1)) << i;
    }
  }

  FakeKernel kernel{settings()};
};

TEST_P(LargePages, OneFaultMapsOneEntryOverARunOfZeros) {
  auto space = kernel.new_space();
  map_at(*space, kPlace, 2 * pages());
  const uint64_t tables = kernel.memory.frames().page_tables;
  EXPECT_EQ(kernel.store(*space, kPlace + 5 * kPage, 1), FaultReply::Kind::resolved);
  EXPECT_EQ(kernel.memory.faults().demand_zero, 1u);
  EXPECT_EQ(kernel.memory.faults().minor, 1u);
  EXPECT_EQ(huge().faults, 1u);
  EXPECT_EQ(kernel.memory.zeroed().pages, pages());
  EXPECT_EQ(kernel.memory.frames().anonymous, pages());
  EXPECT_EQ(space->resident_pages(), pages());
  EXPECT_EQ(kernel.memory.page_table_statistics().entries_present, 1u);
  // One table fewer than a base page would take.
  EXPECT_EQ(kernel.memory.frames().page_tables, tables + kernel.memory.format().levels() - 2);
  for (uint64_t i = 0; i < pages(); ++i) ASSERT_EQ(kernel.load(*space, kPlace + i * kPage), i == 5 ? 1 : 0);
  EXPECT_EQ(kernel.memory.faults().minor, 1u);
  const TableEntry entry = space->table().find(VirtAddr(kPlace + 7 * kPage));
  EXPECT_EQ(entry.level, 1u);
  EXPECT_EQ(entry.pfn.value % pages(), 7u);
  kernel.expect_sound();
  space.reset();
  kernel.expect_all_given_back();
}

TEST_P(LargePages, OnlyWhereTheAreaCoversAllOfIt) {
  auto space = kernel.new_space();
  map_at(*space, kPlace + kPage, 2 * pages() - 2);
  kernel.store(*space, kPlace + kPage, 1);
  kernel.store(*space, kPlace + (2 * pages() - 2) * kPage, 1);
  EXPECT_EQ(huge().faults, 0u);
  EXPECT_EQ(kernel.memory.frames().anonymous, 2u);
  // Shared memory and files have base pages.
  const uint64_t shared = kernel.map(*space, 4 * pages(), kProtRead | kProtWrite, kMapShared | kMapAnonymous);
  kernel.store(*space, (shared / (pages() * kPage) + 1) * pages() * kPage, 1);
  EXPECT_EQ(huge().faults, 0u);
  space.reset();
  kernel.expect_all_given_back();
}

TEST_P(LargePages, ZeroPagesMakeRoomAndBasePagesDoNot) {
  auto space = kernel.new_space();
  map_at(*space, kPlace, pages());
  EXPECT_EQ(kernel.load(*space, kPlace + 3 * kPage), 0);
  EXPECT_EQ(kernel.memory.faults().zero_page, 1u);
  kernel.store(*space, kPlace, 1);
  EXPECT_EQ(huge().faults, 1u);
  kernel.expect_sound();
  ASSERT_TRUE(space->unmap(VirtAddr(kPlace), kPage).ok());
  map_at(*space, kPlace, 1);
  kernel.store(*space, kPlace, 2);
  EXPECT_EQ(huge().faults, 1u);
  EXPECT_EQ(kernel.load(*space, kPlace), 2);
  kernel.expect_sound();
  space.reset();
  kernel.expect_all_given_back();
}

TEST_P(LargePages, AreSplitWhereAPartGoesOrChanges) {
  auto space = kernel.new_space();
  map_at(*space, kPlace, 3 * pages());
  const uint64_t size = pages() * kPage;
  for (uint64_t i = 0; i < 3; ++i) fill(*space, kPlace + i * size);
  EXPECT_EQ(huge().faults, 3u);
  EXPECT_EQ(huge().leaves.pages, 3 * pages());
  ASSERT_TRUE(space->unmap(VirtAddr(kPlace + kPage), kPage).ok());
  EXPECT_EQ(huge().leaves.split, 1u);
  ASSERT_TRUE(space->protect(VirtAddr(kPlace + size), kPage, kProtRead).ok());
  EXPECT_EQ(huge().leaves.split, 2u);
  ASSERT_TRUE(space->advise(VirtAddr(kPlace + 2 * size + 8 * kPage), kPage, kMadvDontNeed).ok());
  EXPECT_EQ(huge().leaves.split, 3u);
  EXPECT_EQ(huge().leaves.pages, 0u);
  kernel.expect_sound();
  EXPECT_EQ(kernel.memory.frames().anonymous, 3 * pages() - 2);
  EXPECT_EQ(kernel.load(*space, kPlace + 2 * kPage), 3);
  EXPECT_EQ(kernel.load(*space, kPlace + size), 1);
  EXPECT_EQ(kernel.store(*space, kPlace + size, 1), FaultReply::Kind::segv_accerr);
  EXPECT_EQ(kernel.store(*space, kPlace + size + kPage, 9), FaultReply::Kind::resolved);
  EXPECT_EQ(kernel.load(*space, kPlace + 2 * size + 8 * kPage), 0);
  space.reset();
  kernel.expect_all_given_back();
}

TEST_P(LargePages, WholeOnesChangeWithoutASplit) {
  auto space = kernel.new_space();
  const uint64_t size = pages() * kPage;
  map_at(*space, kPlace, 2 * pages());
  fill(*space, kPlace);
  ASSERT_TRUE(space->protect(VirtAddr(kPlace), size, kProtRead).ok());
  EXPECT_EQ(kernel.store(*space, kPlace, 1), FaultReply::Kind::segv_accerr);
  ASSERT_TRUE(space->protect(VirtAddr(kPlace), size, kProtRead | kProtWrite).ok());
  EXPECT_EQ(kernel.store(*space, kPlace, 1), FaultReply::Kind::resolved);
  EXPECT_EQ(kernel.memory.faults().cow_reuse, 1u);
  EXPECT_EQ(huge().leaves.pages, pages());
  expect_filled(*space, kPlace);
  ASSERT_TRUE(space->unmap(VirtAddr(kPlace), size).ok());
  EXPECT_EQ(huge().leaves.split, 0u);
  EXPECT_EQ(kernel.memory.frames().anonymous, 0u);
  space.reset();
  kernel.expect_all_given_back();
}

TEST_P(LargePages, ForkSharesThemAndAStoreCopiesOneBasePage) {
  auto parent = kernel.new_space();
  map_at(*parent, kPlace, pages());
  fill(*parent, kPlace);
  auto child = kernel.fork(*parent);
  ASSERT_NE(child, nullptr);
  EXPECT_EQ(child->resident_pages(), pages());
  EXPECT_EQ(kernel.memory.frames().anonymous, pages());
  EXPECT_EQ(huge().leaves.pages, 2 * pages());
  kernel.expect_sound();
  EXPECT_EQ(kernel.store(*child, kPlace + 9 * kPage, 200), FaultReply::Kind::resolved);
  EXPECT_EQ(kernel.memory.copies().pages, 1u);
  EXPECT_EQ(huge().leaves.split, 1u);
  EXPECT_EQ(huge().leaves.pages, pages());  // the parent's is whole
  EXPECT_EQ(kernel.load(*parent, kPlace + 9 * kPage), 10);
  EXPECT_EQ(kernel.load(*child, kPlace + 9 * kPage), 200);
  kernel.expect_sound();
  child.reset();
  // The parent owns all of it again: its entry is made writable as it is.
  const uint64_t reused = kernel.memory.faults().cow_reuse;
  for (uint64_t i = 0; i < pages(); ++i) kernel.store(*parent, kPlace + i * kPage + 1, 7);
  EXPECT_EQ(kernel.memory.faults().cow_reuse, reused + 1);
  EXPECT_EQ(kernel.memory.copies().pages, 1u);
  EXPECT_EQ(huge().leaves.split, 1u);
  expect_filled(*parent, kPlace);
  parent.reset();
  kernel.expect_all_given_back();
}

TEST_P(LargePages, PageOutOfOneFrameSplitsItEverywhere) {
  auto parent = kernel.new_space();
  map_at(*parent, kPlace, pages());
  fill(*parent, kPlace);
  auto child = kernel.fork(*parent);
  const TableEntry entry = parent->table().find(VirtAddr(kPlace + 4 * kPage));
  ASSERT_EQ(entry.level, 1u);
  EXPECT_TRUE(kernel.memory.page_tables().referenced(entry.pfn));
  EXPECT_TRUE(kernel.memory.page_tables().modified(entry.pfn));
  kernel.memory.page_tables().clear_referenced(entry.pfn);
  EXPECT_FALSE(kernel.memory.page_tables().referenced(entry.pfn + 1));
  kernel.memory.page_tables().unmap_everywhere(entry.pfn);
  EXPECT_FALSE(kernel.memory.page_tables().mapped(entry.pfn));
  EXPECT_EQ(huge().leaves.split, 2u);
  EXPECT_EQ(kernel.memory.frame_allocator()[entry.pfn + 1].mappings, 2u);
  kernel.expect_sound();
  expect_filled(*child, kPlace);
  expect_filled(*parent, kPlace);
  parent.reset();
  child.reset();
  kernel.expect_all_given_back();
}

TEST_P(LargePages, MoveAsBasePages) {
  auto space = kernel.new_space();
  const uint64_t size = pages() * kPage;
  map_at(*space, kPlace, pages());
  fill(*space, kPlace);
  const Result<VirtAddr> moved =
      space->remap(VirtAddr(kPlace), size, size, kMremapMayMove | kMremapFixed, VirtAddr(kPlace + 4 * size + kPage));
  ASSERT_TRUE(moved.ok());
  EXPECT_EQ(huge().leaves.pages, 0u);
  expect_filled(*space, kPlace + 4 * size + kPage);
  kernel.expect_sound();
  space.reset();
  kernel.expect_all_given_back();
}

TEST_P(LargePages, NoRunIsNoFailure) {
  auto space = kernel.new_space();
  // A frame of every run is in use.
  FrameAllocator& frames = kernel.memory.frame_allocator();
  std::vector<Pfn> runs;
  const unsigned order = kernel.memory.page_tables().order(1);
  while (const std::optional<Pfn> run = frames.allocate_large(order, FrameKind::kernel, Urgency::user)) {
    for (uint64_t i = 1; i < pages(); ++i) frames.free(*run + i);
    runs.push_back(*run);
  }
  map_at(*space, kPlace, pages());
  fill(*space, kPlace);
  EXPECT_EQ(huge().faults, 0u);
  EXPECT_EQ(huge().fallback, 1u);
  EXPECT_EQ(kernel.memory.faults().demand_zero, pages());
  expect_filled(*space, kPlace);
  for (const Pfn run : runs) frames.free(run);
  space.reset();
  kernel.expect_all_given_back();
}

TEST_P(LargePages, TheDaemonMakesThemOfBasePages) {
  auto space = kernel.new_space();
  map_at(*space, kPlace, pages() / 2);
  for (uint64_t i = 0; i < pages() / 2; ++i)
    kernel.store(*space, kPlace + i * kPage, static_cast<uint8_t>(i % 251 + 1));
  EXPECT_EQ(huge().faults, 0u);
  map_at(*space, kPlace + pages() / 2 * kPage, pages() / 2);
  kernel.store(*space, kPlace + (pages() - 1) * kPage, 99);
  EXPECT_EQ(kernel.memory.frames().anonymous, pages() / 2 + 1);
  const Cycles later = kernel.machine.now() + Cycles(3'000'000);
  kernel.machine.run([&] { return kernel.machine.now() >= later; });
  EXPECT_EQ(huge().collapsed, 1u);
  EXPECT_EQ(huge().copied, pages() / 2 + 1);
  EXPECT_EQ(huge().leaves.pages, pages());
  EXPECT_EQ(kernel.memory.frames().anonymous, pages());
  kernel.expect_sound();
  for (uint64_t i = 0; i < pages(); ++i) {
    const int expected = i < pages() / 2 ? static_cast<int>(i % 251 + 1) : i == pages() - 1 ? 99 : 0;
    ASSERT_EQ(kernel.load(*space, kPlace + i * kPage), expected) << i;
  }
  space.reset();
  kernel.expect_all_given_back();
}

TEST_P(LargePages, CollapseOnDemandWantsAPageAndNoOtherOwner) {
  auto space = kernel.new_space();
  const uint64_t size = pages() * kPage;
  map_at(*space, kPlace, pages());
  ASSERT_TRUE(space->advise(VirtAddr(kPlace), size, kMadvNoHugePage).ok());
  fill(*space, kPlace);
  EXPECT_EQ(huge().faults, 0u);
  EXPECT_EQ(space->advise(VirtAddr(kPlace), size, kMadvCollapse).error().value, EINVAL);
  ASSERT_TRUE(space->advise(VirtAddr(kPlace), size, kMadvHugePage).ok());
  auto child = kernel.fork(*space);
  EXPECT_EQ(space->advise(VirtAddr(kPlace), size, kMadvCollapse).error().value, EINVAL);
  child.reset();
  ASSERT_TRUE(space->advise(VirtAddr(kPlace), size, kMadvCollapse).ok());
  EXPECT_EQ(huge().collapsed, 1u);
  ASSERT_TRUE(space->advise(VirtAddr(kPlace), size, kMadvCollapse).ok());
  EXPECT_EQ(huge().collapsed, 1u);
  expect_filled(*space, kPlace);
  kernel.expect_sound();
  space.reset();
  kernel.expect_all_given_back();
}

TEST_P(LargePages, WhatNobodyUsesIsSeenAtTheEnd) {
  auto space = kernel.new_space();
  map_at(*space, kPlace, pages());
  kernel.store(*space, kPlace + 3 * kPage, 1);
  const LayoutStatistics layout = space->layout();
  ASSERT_EQ(layout.large.size(), 1u);
  EXPECT_EQ(layout.large[0].large_pages, pages());
  EXPECT_EQ(layout.large[0].zero_pages, pages() - 1);
  EXPECT_EQ(layout.mapped_bytes, pages() * kPage);
  EXPECT_EQ(layout.largest_hole, kernel.memory.format().user_end().value - (kPlace + pages() * kPage));
}

INSTANTIATE_TEST_SUITE_P(, LargePages, testing::Values("x86-64", "sv39", "ia32"));

TEST(LargePagesByAdvice, OnlyAreasThatAskForThem) {
  Settings settings;
  settings.frames = 4096;
  settings.config.huge.transparent = HugePages::madvise;
  FakeKernel kernel(settings);
  auto space = kernel.new_space();
  constexpr uint64_t kSize = 512 * kPage;
  kernel.map(*space, 1024, kProtRead | kProtWrite, kMapPrivate | kMapAnonymous | kMapFixed, nullptr, 0, kPlace);
  ASSERT_TRUE(space->advise(VirtAddr(kPlace), kSize, kMadvHugePage).ok());
  kernel.store(*space, kPlace, 1);
  kernel.store(*space, kPlace + kSize, 1);
  EXPECT_EQ(kernel.memory.huge().faults, 1u);
  EXPECT_EQ(kernel.memory.frames().anonymous, 513u);
  // Advice against them leaves what there is.
  ASSERT_TRUE(space->advise(VirtAddr(kPlace), kSize, kMadvNoHugePage).ok());
  EXPECT_EQ(kernel.memory.huge().leaves.pages, 512u);
  space.reset();
  kernel.expect_all_given_back();
}

// The entry goes where there is no frame for a table, and faults bring it back.
TEST(LargePagesInNeed, ASplitWithoutAFrameLosesOnlyTheEntry) {
  Settings settings;
  settings.frames = 1200;
  settings.swap_pages = 0;
  settings.config.huge.transparent = HugePages::always;
  FakeKernel kernel(settings);
  auto space = kernel.new_space();
  kernel.map(*space, 512, kProtRead | kProtWrite, kMapPrivate | kMapAnonymous | kMapFixed, nullptr, 0, kPlace);
  for (uint64_t i = 0; i < 512; ++i) kernel.store(*space, kPlace + i * kPage, static_cast<uint8_t>(i % 251 + 1));
  ASSERT_EQ(kernel.memory.huge().leaves.pages, 512u);
  std::vector<Pfn> taken;
  FrameAllocator& frames = kernel.memory.frame_allocator();
  while (const std::optional<Pfn> frame = frames.allocate(FrameKind::kernel, Urgency::dying)) taken.push_back(*frame);
  ASSERT_TRUE(space->unmap(VirtAddr(kPlace + 5 * kPage), kPage).ok());
  EXPECT_EQ(kernel.memory.huge().leaves.pages, 0u);
  kernel.expect_sound();
  for (const Pfn frame : taken) frames.free(frame);
  for (uint64_t i = 0; i < 512; ++i) {
    if (i == 5) continue;
    ASSERT_EQ(kernel.load(*space, kPlace + i * kPage), static_cast<int>(i % 251 + 1)) << i;
  }
  space.reset();
  kernel.expect_all_given_back();
}

}  // namespace
}  // namespace faultline::os::test
