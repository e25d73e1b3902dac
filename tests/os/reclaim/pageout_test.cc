#include <gtest/gtest.h>

#include "tests/os/support/fake_process.h"

namespace faultline::os::test {
namespace {

constexpr uint64_t kPage = 4096;

TEST(PageoutDaemon, ThresholdsAreThoseOfIllumos) {
  // 64 MB: 1/64 is 256 frames, more than 512 KB.
  const Thresholds big = pageout_thresholds({}, PageSize{}, 16384);
  EXPECT_EQ(big.lotsfree, 256u);
  EXPECT_EQ(big.desfree, 128u);
  EXPECT_EQ(big.minfree, 64u);
  const Thresholds middle = pageout_thresholds({}, PageSize{}, 2048);
  EXPECT_EQ(middle.lotsfree, 128u);
  VmConfig given;
  given.lotsfree = 40;
  given.minfree = 7;
  const Thresholds set = pageout_thresholds(given, PageSize{}, 2048);
  EXPECT_EQ(set.lotsfree, 40u);
  EXPECT_EQ(set.desfree, 20u);
  EXPECT_EQ(set.minfree, 7u);
}

TEST(PageoutDaemon, ScansFasterTheLessIsFree) {
  Settings settings;
  settings.frames = 4096;
  settings.config.vm.lotsfree = 100;
  settings.config.vm.slowscan = 400;
  settings.config.vm.fastscan = 4000;
  FakeKernel kernel(settings);
  // (slowscan * free + fastscan * (lotsfree - free)) / lotsfree / 4
  EXPECT_EQ(kernel.memory.daemon().pages_to_scan(100), 100u);
  EXPECT_EQ(kernel.memory.daemon().pages_to_scan(50), 550u);
  EXPECT_EQ(kernel.memory.daemon().pages_to_scan(0), 1000u);
}

TEST(PageoutDaemon, SleepsWhileMemoryIsPlentiful) {
  FakeKernel kernel;
  auto space = kernel.new_space();
  const uint64_t at = kernel.map(*space, 20);
  for (uint64_t i = 0; i < 20; ++i) kernel.store(*space, at + i * kPage, 1);
  EXPECT_EQ(kernel.memory.pageout().wakeups, 0u);
  space.reset();
  kernel.expect_all_given_back();
}

// Writes `pages` pages and reads them back twice.
void write_and_read(FakeKernel& kernel, AddressSpace& space, uint64_t at, uint64_t pages) {
  for (uint64_t i = 0; i < pages; ++i) {
    ASSERT_EQ(kernel.store(space, at + i * kPage + i % kPage, static_cast<uint8_t>(i * 7 + 1)),
              FaultReply::Kind::resolved);
  }
  for (int round = 0; round < 2; ++round) {
    for (uint64_t i = 0; i < pages; ++i) {
      const uint64_t page = i * 61 % pages;
      ASSERT_EQ(kernel.load(space, at + page * kPage + page % kPage), static_cast<uint8_t>(page * 7 + 1));
    }
  }
}

TEST(PageoutDaemon, MoreVirtualThanRealMemory) {
  Settings settings;
  settings.frames = 256;
  settings.swap_pages = 512;
  FakeKernel kernel(settings);
  auto space = kernel.new_space();
  const uint64_t at = kernel.map(*space, 400);
  write_and_read(kernel, *space, at, 400);
  kernel.expect_sound();
  EXPECT_GT(kernel.memory.swap().outs, 200u);
  EXPECT_GT(kernel.memory.pageout().cleaned, 200u);
  // Batches: far fewer requests than pages.
  EXPECT_LT(kernel.memory.pageout().batches * 4, kernel.memory.pageout().cleaned);
  EXPECT_GE(kernel.memory.frames().free, kernel.memory.frame_allocator().thresholds().minfree);
  space.reset();
  kernel.expect_all_given_back();
}

TEST(PageoutDaemon, CleanPageGoesOutAgainWithoutAWrite) {
  Settings settings;
  settings.frames = 256;
  settings.swap_pages = 1024;
  FakeKernel kernel(settings);
  auto space = kernel.new_space();
  const uint64_t at = kernel.map(*space, 400);
  for (uint64_t i = 0; i < 400; ++i) kernel.store(*space, at + i * kPage, 1);
  // From here on nothing is written: once all have been to swap, no page goes there again.
  for (int round = 0; round < 3; ++round) {
    for (uint64_t i = 0; i < 400; ++i) ASSERT_EQ(kernel.load(*space, at + i * kPage), 1);
  }
  EXPECT_LE(kernel.memory.swap().outs, 400u);
  EXPECT_GT(kernel.memory.swap().ins, 500u);
  kernel.expect_sound();
}

TEST(PageoutDaemon, PageOnTheFreeListIsTakenBackWithoutIo) {
  FakeKernel kernel;
  auto space = kernel.new_space();
  const uint64_t at = kernel.map(*space, 1);
  kernel.store(*space, at, 42);
  Anon& anon = *space->private_pages().find(at / kPage);
  const Pfn pfn(anon.frame);
  // As page-out leaves a page that has a copy on swap.
  kernel.memory.page_tables().unmap_everywhere(pfn);
  SwapArea& swap = kernel.memory.swap_area();
  swap.assign(swap.allocate(1)->first, anon);
  kernel.memory.frame_allocator()[pfn].dirty = false;
  kernel.memory.frame_allocator().free_with_page(pfn);
  kernel.expect_sound();
  EXPECT_EQ(kernel.load(*space, at), 42);
  EXPECT_EQ(kernel.memory.faults().reclaimed, 1u);
  EXPECT_EQ(kernel.memory.faults().major, 0u);
  EXPECT_EQ(kernel.machine.requests, 0u);
  space.reset();
  kernel.expect_all_given_back();
}

TEST(PageoutDaemon, FullSwapCallsForAVictimAndDamagesNothing) {
  Settings settings;
  settings.frames = 256;
  settings.swap_pages = 32;
  settings.config.vm.overcommit = Overcommit::always;
  FakeKernel kernel(settings);
  auto victim = kernel.new_space();
  auto witness = kernel.new_space();
  int killed = 0;
  kernel.memory.on_out_of_memory([&] {
    ++killed;
    victim->set_dying();
  });
  const uint64_t kept = kernel.map(*witness, 20);
  for (uint64_t i = 0; i < 20; ++i) kernel.store(*witness, kept + i * kPage, static_cast<uint8_t>(i + 1));
  const uint64_t at = kernel.map(*victim, 1000);
  FaultReply::Kind last = FaultReply::Kind::resolved;
  uint64_t written = 0;
  while (written < 1000 && last == FaultReply::Kind::resolved) {
    last = kernel.store(*victim, at + written * kPage, 1);
    ++written;
  }
  EXPECT_EQ(killed, 1);
  EXPECT_EQ(last, FaultReply::Kind::out_of_memory);
  EXPECT_GT(written, 150u);
  kernel.expect_sound();
  victim.reset();
  for (uint64_t i = 0; i < 20; ++i) EXPECT_EQ(kernel.load(*witness, kept + i * kPage), static_cast<int>(i + 1));
  witness.reset();
  kernel.expect_all_given_back();
}

TEST(PageoutDaemon, TablesOfTheZeroPageAreGivenBackUnderPressure) {
  Settings settings;
  settings.frames = 256;
  settings.swap_pages = 0;
  settings.config.vm.overcommit = Overcommit::always;
  FakeKernel kernel(settings);
  int out_of_memory = 0;
  auto space = kernel.new_space();
  kernel.memory.on_out_of_memory([&] { ++out_of_memory; });
  // One page in each 2 MB: a table each, for more tables than there is memory.
  const uint64_t at = kernel.map(*space, 512 * 512, kProtRead, kMapPrivate | kMapAnonymous | kMapNoReserve);
  for (uint64_t i = 0; i < 512; ++i) ASSERT_EQ(kernel.load(*space, at + i * 512 * kPage), 0);
  EXPECT_EQ(out_of_memory, 0);
  EXPECT_GT(kernel.memory.pageout().tables_freed, 0u);
  kernel.expect_sound();
  space.reset();
  kernel.expect_all_given_back();
}

TEST(PageoutDaemon, CleanFilePagesGoWithoutSwap) {
  Settings settings;
  settings.frames = 256;
  settings.swap_pages = 0;
  FakeKernel kernel(settings);
  auto file = kernel.file("big", 600 * kPage);
  for (uint64_t i = 0; i < 600; ++i) *kernel.machine.disk_bytes(file->sector(i)) = static_cast<uint8_t>(i);
  auto space = kernel.new_space();
  const uint64_t at = kernel.map(*space, 600, kProtRead, kMapPrivate, file);
  for (int round = 0; round < 2; ++round) {
    for (uint64_t i = 0; i < 600; ++i) ASSERT_EQ(kernel.load(*space, at + i * kPage), static_cast<uint8_t>(i));
  }
  EXPECT_EQ(kernel.memory.swap().outs, 0u);
  EXPECT_EQ(kernel.memory.page_cache_statistics().written_back, 0u);
  space.reset();
  kernel.memory.page_cache().forget(*file);
  kernel.expect_all_given_back();
  EXPECT_EQ(kernel.memory.frames().file, 0u);
}

}  // namespace
}  // namespace faultline::os::test
