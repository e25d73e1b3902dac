#include <gtest/gtest.h>

#include <string>

#include "tests/os/support/fake_process.h"

namespace faultline::os::test {
namespace {

constexpr uint64_t kPage = 4096;

class Cache : public testing::Test {
 protected:
  static Settings settings() {
    Settings settings;
    settings.config.vm.readahead = 0;
    return settings;
  }

  // The page, or the errno.
  int page(FakeFile& file, uint64_t index, Pfn& pfn, Fill fill = Fill::read) {
    int error = -1;
    kernel.machine.complete([&]() -> Co<> {
      for (;;) {
        Reply<Pfn> reply = cache.page(file, index, fill);
        if (reply.ok()) {
          pfn = *reply;
          error = 0;
          co_return;
        }
        if (reply.failed()) {
          error = reply.error().value;
          co_return;
        }
        co_await reply.queue().sleep();
      }
    });
    return error;
  }
  int flush(FakeFile& file) {
    int error = -1;
    kernel.machine.complete([&]() -> Co<> {
      for (;;) {
        Reply<> reply = cache.flush(file);
        if (!reply.must_sleep()) {
          error = reply.ok() ? 0 : reply.error().value;
          co_return;
        }
        co_await reply.queue().sleep();
      }
    });
    return error;
  }
  uint8_t* bytes(Pfn pfn) { return kernel.machine.memory().at(PhysAddr(pfn.value * kPage)); }

  FakeKernel kernel{settings()};
  PageCache& cache = kernel.memory.page_cache();
};

TEST_F(Cache, MissThenHit) {
  auto file = kernel.file("a", 2 * kPage);
  *kernel.machine.disk_bytes(file->sector(1)) = 9;
  Pfn pfn;
  ASSERT_EQ(page(*file, 1, pfn), 0);
  EXPECT_EQ(*bytes(pfn), 9);
  EXPECT_EQ(cache.statistics().misses, 1u);
  EXPECT_EQ(cache.statistics().hits, 0u);
  ASSERT_EQ(page(*file, 1, pfn), 0);
  EXPECT_EQ(cache.statistics().hits, 1u);
  EXPECT_EQ(kernel.machine.requests, 1u);
  cache.forget(*file);
  EXPECT_EQ(kernel.memory.frames().file, 0u);
}

TEST_F(Cache, OverwriteReadsNothingAndShowsNothingOld) {
  auto file = kernel.file("a", 2 * kPage);
  auto space = kernel.new_space();
  const uint64_t at = kernel.map(*space, 30);
  for (uint64_t i = 0; i < 30 * kPage; i += 512) kernel.store(*space, at + i, 0xcc);
  space.reset();
  Pfn pfn;
  ASSERT_EQ(page(*file, 0, pfn, Fill::overwrite), 0);
  for (uint64_t i = 0; i < kPage; ++i) ASSERT_EQ(bytes(pfn)[i], 0);
  EXPECT_EQ(kernel.machine.requests, 0u);
  cache.forget(*file);
}

TEST_F(Cache, FlushWritesConsecutivePagesTogetherAndOnlyDirtyOnes) {
  auto file = kernel.file("a", 20 * kPage);
  Pfn pfn;
  for (uint64_t i = 0; i < 20; ++i) {
    ASSERT_EQ(page(*file, i, pfn, Fill::overwrite), 0);
    *bytes(pfn) = static_cast<uint8_t>(i + 1);
    if (i != 10) cache.mark_dirty(pfn);
  }
  EXPECT_EQ(cache.dirty_pages(), 19u);
  ASSERT_EQ(flush(*file), 0);
  EXPECT_EQ(kernel.machine.requests, 2u);
  EXPECT_EQ(cache.dirty_pages(), 0u);
  EXPECT_EQ(cache.statistics().written_back, 19u);
  for (uint64_t i = 0; i < 20; ++i) EXPECT_EQ(*kernel.machine.disk_bytes(file->sector(i)), i == 10 ? 0 : i + 1);
  ASSERT_EQ(flush(*file), 0);
  EXPECT_EQ(kernel.machine.requests, 2u);
  cache.forget(*file);
}

TEST_F(Cache, PageThatIsNamedTwiceIsWrittenOnce) {
  auto file = kernel.file("a", kPage);
  Pfn pfn;
  ASSERT_EQ(page(*file, 0, pfn, Fill::overwrite), 0);
  cache.mark_dirty(pfn);
  EXPECT_EQ(cache.write({pfn, pfn}, 32), 1u);
  EXPECT_EQ(cache.dirty_pages(), 0u);
  EXPECT_EQ(cache.statistics().written_back, 1u);
  ASSERT_EQ(flush(*file), 0);
  EXPECT_EQ(kernel.machine.requests, 1u);
  cache.forget(*file);
}

TEST_F(Cache, FailedWriteIsToldOnce) {
  auto file = kernel.file("a", kPage);
  Pfn pfn;
  ASSERT_EQ(page(*file, 0, pfn, Fill::overwrite), 0);
  cache.mark_dirty(pfn);
  kernel.machine.fails = [](uint64_t, bool write) { return write; };
  EXPECT_EQ(flush(*file), EIO);
  EXPECT_EQ(flush(*file), 0);
  cache.forget(*file);
}

TEST_F(Cache, FailedReadIsTriedAgain) {
  auto file = kernel.file("a", kPage);
  bool broken = true;
  kernel.machine.fails = [&](uint64_t, bool) { return broken; };
  Pfn pfn;
  EXPECT_EQ(page(*file, 0, pfn), EIO);
  EXPECT_EQ(kernel.memory.frames().file, 0u);
  broken = false;
  EXPECT_EQ(page(*file, 0, pfn), 0);
  cache.forget(*file);
}

TEST_F(Cache, StoreAfterWriteBackIsSeenAgain) {
  auto file = kernel.file("a", kPage);
  auto space = kernel.new_space();
  const uint64_t at = kernel.map(*space, 1, kProtRead | kProtWrite, kMapShared, file);
  kernel.store(*space, at, 1);
  EXPECT_EQ(cache.dirty_pages(), 1u);
  ASSERT_EQ(flush(*file), 0);
  EXPECT_EQ(*kernel.machine.disk_bytes(file->sector(0)), 1);
  kernel.store(*space, at, 2);  // through the TLB, had it not been flushed
  EXPECT_EQ(cache.dirty_pages(), 1u);
  uint64_t seen = 0;
  cache.for_each_dirty([&](FileBacking& which, uint64_t index, std::span<const uint8_t> data) {
    EXPECT_EQ(&which, file.get());
    EXPECT_EQ(index, 0u);
    EXPECT_EQ(data[0], 2);
    ++seen;
  });
  EXPECT_EQ(seen, 1u);
  space.reset();
  cache.forget(*file);
  kernel.expect_all_given_back();
}

TEST_F(Cache, TruncateTakesPagesAwayFromMappings) {
  auto file = kernel.file("a", 4 * kPage);
  std::fill_n(kernel.machine.disk_bytes(file->sector(0)), 4 * kPage, 0x55);
  auto space = kernel.new_space();
  const uint64_t at = kernel.map(*space, 4, kProtRead | kProtWrite, kMapShared, file);
  for (uint64_t i = 0; i < 4; ++i) EXPECT_EQ(kernel.load(*space, at + i * kPage), 0x55);
  file->resize(kPage + 100);
  ASSERT_TRUE(cache.truncate(*file, file->size()).ok());
  EXPECT_EQ(kernel.load(*space, at + kPage + 99), 0x55);
  EXPECT_EQ(kernel.load(*space, at + kPage + 100), 0);
  EXPECT_EQ(kernel.load(*space, at + 2 * kPage), 256 + static_cast<int>(FaultReply::Kind::bus_adrerr));
  EXPECT_EQ(kernel.memory.frames().file, 2u);
  kernel.expect_sound();
  space.reset();
  cache.forget(*file);
}

// Linux, unmap_mapping_range with even_cows; the copy of the page in which the
// file ends now stays as it is.
TEST_F(Cache, TruncateTakesPrivateCopiesAwayToo) {
  auto file = kernel.file("a", 4 * kPage);
  std::fill_n(kernel.machine.disk_bytes(file->sector(0)), 4 * kPage, 0x55);
  auto space = kernel.new_space();
  const int read_write = kProtRead | kProtWrite;
  const uint64_t at = kernel.map(*space, 4, read_write, kMapPrivate, file);
  const uint64_t tail = kernel.map(*space, 2, read_write, kMapPrivate, file, 2 * kPage);
  for (uint64_t i = 0; i < 4; ++i) ASSERT_EQ(kernel.store(*space, at + i * kPage, 7), FaultReply::Kind::resolved);
  ASSERT_EQ(kernel.store(*space, tail + kPage, 8), FaultReply::Kind::resolved);
  auto child = kernel.fork(*space);
  const int bus = 256 + static_cast<int>(FaultReply::Kind::bus_adrerr);
  file->resize(kPage + 100);
  ASSERT_TRUE(cache.truncate(*file, file->size()).ok());
  for (AddressSpace* one : {space.get(), child.get()}) {
    EXPECT_EQ(kernel.load(*one, at), 7);
    EXPECT_EQ(kernel.load(*one, at + kPage), 7);
    EXPECT_EQ(kernel.load(*one, at + kPage + 100), 0x55);
    EXPECT_EQ(kernel.load(*one, at + 2 * kPage), bus);
    EXPECT_EQ(kernel.load(*one, at + 3 * kPage), bus);
    EXPECT_EQ(kernel.load(*one, tail + kPage), bus);
  }
  EXPECT_EQ(kernel.memory.frames().anonymous, 2u);
  kernel.expect_sound();
  space.reset();
  child.reset();
  cache.forget(*file);
  kernel.expect_all_given_back();
}

TEST_F(Cache, ForgetWhilePinnedOrUnderWay) {
  auto file = kernel.file("a", 4 * kPage);
  Pfn pfn;
  ASSERT_EQ(page(*file, 0, pfn), 0);
  cache.pin(pfn);
  ASSERT_TRUE(cache.page(*file, 1, Fill::read).must_sleep());
  Pfn dirty;
  ASSERT_EQ(page(*file, 2, dirty, Fill::overwrite), 0);
  cache.mark_dirty(dirty);
  ASSERT_TRUE(cache.flush(*file).must_sleep());
  cache.forget(*file);
  kernel.expect_sound();
  kernel.settle();
  EXPECT_EQ(kernel.memory.frames().file, 1u);
  cache.unpin(pfn);
  EXPECT_EQ(kernel.memory.frames().file, 0u);
  kernel.expect_sound();
}

TEST(ReadAhead, FollowsSequentialUseOnly) {
  Settings settings;
  settings.config.vm.readahead = 8;
  FakeKernel kernel(settings);
  PageCache& cache = kernel.memory.page_cache();
  auto file = kernel.file("a", 64 * kPage);
  auto space = kernel.new_space();
  const uint64_t at = kernel.map(*space, 64, kProtRead, kMapPrivate, file);
  for (const uint64_t i : {40, 3, 17, 60}) kernel.load(*space, at + i * kPage);
  EXPECT_EQ(cache.statistics().readahead, 0u);
  for (uint64_t i = 0; i < 64; ++i) kernel.load(*space, at + i * kPage);
  EXPECT_GT(cache.statistics().readahead, 40u);
  EXPECT_LT(cache.statistics().misses, 10u);
  EXPECT_LT(kernel.machine.requests, 30u);
  space.reset();
  cache.forget(*file);
  kernel.expect_all_given_back();
}

TEST(WriteBehind, WritesLaterWithoutBeingAsked) {
  FakeKernel kernel;
  auto file = kernel.file("a", 8 * kPage);
  auto space = kernel.new_space();
  const uint64_t at = kernel.map(*space, 8, kProtRead | kProtWrite, kMapShared, file);
  for (uint64_t i = 0; i < 8; ++i) kernel.store(*space, at + i * kPage, 3);
  EXPECT_EQ(kernel.memory.page_cache_statistics().written_back, 0u);
  kernel.machine.run([&] { return kernel.machine.now() > Cycles(6'000'000'000); });
  kernel.settle();
  EXPECT_EQ(kernel.memory.page_cache_statistics().writebehind, 8u);
  EXPECT_EQ(*kernel.machine.disk_bytes(file->sector(7)), 3);
  space.reset();
  kernel.memory.page_cache().forget(*file);
}

TEST_F(Cache, OnePageOfARequestFailsByItself) {
  auto file = kernel.file("a", 20 * kPage);
  Pfn pfn;
  for (uint64_t i = 0; i < 20; ++i) {
    ASSERT_EQ(page(*file, i, pfn, Fill::overwrite), 0);
    *bytes(pfn) = static_cast<uint8_t>(i + 1);
    cache.mark_dirty(pfn);
  }
  kernel.machine.fails = [&](uint64_t sector, bool write) { return write && sector == file->sector(10); };
  EXPECT_EQ(flush(*file), EIO);
  EXPECT_EQ(kernel.machine.requests, 1u);
  EXPECT_EQ(cache.statistics().write_errors, 1u);
  for (uint64_t i = 0; i < 20; ++i) EXPECT_EQ(*kernel.machine.disk_bytes(file->sector(i)), i == 10 ? 0 : i + 1);
  cache.forget(*file);
}

TEST_F(Cache, EachUserOfAFileIsToldOfAFailedWriteOnce) {
  auto file = kernel.file("a", kPage);
  FileUse first(file->write_errors.mark()), second(file->write_errors.mark());
  Pfn pfn;
  ASSERT_EQ(page(*file, 0, pfn, Fill::overwrite), 0);
  cache.mark_dirty(pfn);
  kernel.machine.fails = [](uint64_t, bool write) { return write; };
  ASSERT_TRUE(cache.write_out(*file).must_sleep());
  kernel.settle();
  for (FileUse* use : {&first, &second}) {
    EXPECT_EQ(cache.flush(*file, use).error(), Errno{EIO});
    EXPECT_TRUE(cache.flush(*file, use).ok());
  }
  FileUse late(file->write_errors.mark());
  EXPECT_TRUE(cache.flush(*file, &late).ok());
  cache.forget(*file);
}

// Page 5 fails the first time that it is read, which is ahead of its use.
TEST(ReadAhead, AFailedPageIsReadAgainWhenItIsAskedFor) {
  Settings settings;
  settings.config.vm.readahead = 8;
  FakeKernel kernel(settings);
  PageCache& cache = kernel.memory.page_cache();
  auto file = kernel.file("a", 16 * kPage);
  std::fill_n(kernel.machine.disk_bytes(file->sector(0)), 16 * kPage, 0x55);
  uint64_t attempts = 0;
  kernel.machine.fails = [&](uint64_t sector, bool) { return sector == file->sector(5) && ++attempts == 1; };
  auto space = kernel.new_space();
  const uint64_t at = kernel.map(*space, 16, kProtRead, kMapPrivate, file);
  for (uint64_t i = 0; i < 16; ++i) EXPECT_EQ(kernel.load(*space, at + i * kPage), 0x55) << i;
  EXPECT_EQ(attempts, 2u);
  EXPECT_EQ(cache.statistics().read_errors, 1u);
  space.reset();
  cache.forget(*file);
  kernel.expect_all_given_back();
}

TEST(ReadAhead, TwoReadersOfOneFileDoNotDisturbEachOther) {
  Settings settings;
  settings.config.vm.readahead = 8;
  FakeKernel kernel(settings);
  PageCache& cache = kernel.memory.page_cache();
  auto file = kernel.file("a", 64 * kPage);
  FileUse low(0), high(0);
  for (uint64_t i = 0; i < 4; ++i) {
    (void)cache.page(*file, i, Fill::read, &low).must_sleep();
    kernel.settle();
    (void)cache.page(*file, 40 + i, Fill::read, &high).must_sleep();
    kernel.settle();
  }
  EXPECT_EQ(cache.statistics().misses, 4u) << "the first two of each";
  EXPECT_EQ(cache.statistics().readahead_hits, 4u);
  cache.forget(*file);
}

// Of 512 frames, 20 % may be dirty before a writer waits.
TEST(WriteBehind, WritersWaitAtTheLimit) {
  for (const bool behind : {true, false}) {
    Settings settings;
    settings.config.vm.writebehind = behind;
    FakeKernel kernel(settings);
    PageCache& cache = kernel.memory.page_cache();
    auto file = kernel.file("a", 200 * kPage);
    auto space = kernel.new_space();
    const uint64_t at = kernel.map(*space, 200, kProtRead | kProtWrite, kMapShared, file);
    EXPECT_EQ(cache.dirty_limit(), 102u);
    uint64_t most = 0;
    for (uint64_t i = 0; i < 200; ++i) {
      ASSERT_EQ(kernel.store(*space, at + i * kPage, 3), FaultReply::Kind::resolved);
      most = std::max(most, cache.dirty_pages());
    }
    if (behind) {
      EXPECT_LE(most, 102u);
      EXPECT_GT(cache.statistics().throttled + cache.statistics().writebehind, 0u);
    } else {
      EXPECT_EQ(most, 200u);
      EXPECT_EQ(cache.statistics().throttled, 0u);
    }
    space.reset();
    cache.forget(*file);
    kernel.expect_all_given_back();
  }
}

}  // namespace
}  // namespace faultline::os::test
