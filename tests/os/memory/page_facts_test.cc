// What /proc tells of pages: by hand, under fork, page-out and large pages.
#include "os/memory/page_facts.h"

#include <gtest/gtest.h>

#include "tests/os/support/fake_process.h"

namespace faultline::os::test {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kOneShare = kPage << AreaUsage::kShareShift;

const VmArea& area_at(const AddressSpace& space, uint64_t at) { return *space.find_area(VirtAddr(at)); }

TEST(PageFacts, TouchedPagesCountAndZeroPagesDoNot) {
  FakeKernel kernel;
  auto space = kernel.new_space();
  const uint64_t at = kernel.map(*space, 8);
  for (const uint64_t page : {0, 2, 5}) kernel.store(*space, at + page * kPage, 1);
  kernel.load(*space, at + 7 * kPage);
  const AreaUsage usage = space->usage_of(area_at(*space, at));
  EXPECT_EQ(usage.resident, 3u);
  EXPECT_EQ(usage.anonymous, 3u);
  EXPECT_EQ(usage.private_dirty, 3u);
  EXPECT_EQ(usage.referenced, 3u);
  EXPECT_EQ(usage.share, 3 * kOneShare);
  EXPECT_EQ(space->resident_by_kind().anonymous, 3u);

  const PageFacts touched = space->page_facts(VirtAddr(at + 2 * kPage));
  EXPECT_TRUE(touched.present && touched.alone && !touched.of_file && !touched.swapped);
  EXPECT_EQ(touched.frame, space->table().find(VirtAddr(at + 2 * kPage)).pfn);
  const PageFacts zero = space->page_facts(VirtAddr(at + 7 * kPage));
  EXPECT_TRUE(zero.present && !zero.alone);
  EXPECT_EQ(zero.frame, kernel.memory.zero_page());
  EXPECT_FALSE(space->page_facts(VirtAddr(at + kPage)).present);
  EXPECT_FALSE(space->page_facts(VirtAddr(at + 8 * kPage)).present);
}

TEST(PageFacts, ForkSharesAndAStoreParts) {
  FakeKernel kernel;
  auto parent = kernel.new_space();
  const uint64_t at = kernel.map(*parent, 4);
  for (uint64_t i = 0; i < 4; ++i) kernel.store(*parent, at + i * kPage, 1);
  auto child = kernel.fork(*parent);
  AreaUsage usage = parent->usage_of(area_at(*parent, at));
  EXPECT_EQ(usage.shared_dirty, 4u);
  EXPECT_EQ(usage.private_dirty, 0u);
  EXPECT_EQ(usage.share, 2 * kOneShare);
  EXPECT_FALSE(parent->page_facts(VirtAddr(at)).alone);
  kernel.store(*parent, at, 2);
  usage = parent->usage_of(area_at(*parent, at));
  EXPECT_EQ(usage.shared_dirty, 3u);
  EXPECT_EQ(usage.private_dirty, 1u);
  child.reset();
  EXPECT_EQ(parent->usage_of(area_at(*parent, at)).private_dirty, 4u);
}

TEST(PageFacts, WhatPageOutTookIsOnSwap) {
  Settings settings;
  settings.frames = 256;
  FakeKernel kernel(settings);
  auto space = kernel.new_space();
  constexpr uint64_t kPages = 400;
  const uint64_t at = kernel.map(*space, kPages);
  for (uint64_t i = 0; i < kPages; ++i) kernel.store(*space, at + i * kPage, 1);
  const AreaUsage usage = space->usage_of(area_at(*space, at));
  EXPECT_GT(usage.swapped, 100u);
  EXPECT_GT(usage.resident, 50u);
  // The rest is on the free list, in memory and without an entry.
  EXPECT_LE(usage.resident + usage.swapped, kPages);
  EXPECT_EQ(space->resident_by_kind().swapped, usage.swapped);
  uint64_t swapped = 0;
  for (uint64_t i = 0; i < kPages; ++i) {
    const PageFacts facts = space->page_facts(VirtAddr(at + i * kPage));
    EXPECT_FALSE(facts.present && facts.swapped);
    swapped += facts.swapped;
  }
  EXPECT_EQ(swapped, usage.swapped);
}

TEST(PageFacts, SharedMemoryIsAKindOfItsOwn) {
  FakeKernel kernel;
  auto space = kernel.new_space();
  const uint64_t at = kernel.map(*space, 4, kProtRead | kProtWrite, kMapShared | kMapAnonymous);
  kernel.store(*space, at + kPage, 1);
  EXPECT_EQ(space->resident_by_kind().shared_memory, 1u);
  EXPECT_EQ(space->usage_of(area_at(*space, at)).anonymous, 0u);
  EXPECT_TRUE(space->page_facts(VirtAddr(at + kPage)).of_file);
  EXPECT_EQ(count_memory_pages(kernel.memory).shared_anonymous, 1u);
}

TEST(PageFacts, LargePagesCountByTheirBasePages) {
  Settings settings;
  settings.frames = 8192;
  settings.config.huge.transparent = HugePages::always;
  FakeKernel kernel(settings);
  auto space = kernel.new_space();
  const uint64_t pages = kernel.memory.format().entry_span(1) / kPage;
  constexpr uint64_t kPlace = 0x1000'0000;
  kernel.map(*space, pages, kProtRead | kProtWrite, kMapPrivate | kMapAnonymous | kMapFixed, nullptr, 0, kPlace);
  kernel.store(*space, kPlace, 1);
  AreaUsage usage = space->usage_of(area_at(*space, kPlace));
  EXPECT_EQ(usage.resident, pages);
  EXPECT_EQ(usage.large_anonymous, pages);
  EXPECT_EQ(count_memory_pages(kernel.memory).large_anonymous, pages);
  const PageFacts facts = space->page_facts(VirtAddr(kPlace + 7 * kPage));
  EXPECT_TRUE(facts.present && facts.alone);
  EXPECT_EQ(facts.frame.value % pages, 7u);
  // Without its middle it is base pages.
  ASSERT_TRUE(space->unmap(VirtAddr(kPlace + 8 * kPage), kPage).ok());
  usage = space->usage_of(area_at(*space, kPlace));
  EXPECT_EQ(usage.resident, 8u);
  EXPECT_EQ(usage.large_anonymous, 0u);
}

TEST(PageFacts, ReferencesAreForgotten) {
  FakeKernel kernel;
  auto space = kernel.new_space();
  const uint64_t at = kernel.map(*space, 4);
  for (uint64_t i = 0; i < 4; ++i) kernel.store(*space, at + i * kPage, 1);
  space->clear_references(AddressSpace::References::files);
  EXPECT_EQ(space->usage_of(area_at(*space, at)).referenced, 4u);
  space->clear_references(AddressSpace::References::anonymous);
  EXPECT_EQ(space->usage_of(area_at(*space, at)).referenced, 0u);
  kernel.load(*space, at + kPage);
  EXPECT_EQ(space->usage_of(area_at(*space, at)).referenced, 1u);
}

}  // namespace
}  // namespace faultline::os::test
