// A machine with too little memory gets on or says that memory is out; it
// never spins.
#include <gtest/gtest.h>

#include "os/reclaim/progress_watch.h"
#include "tests/os/support/fake_process.h"

namespace faultline::os::test {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kSteps = 300'000;  // of the loop that runs strands; a pass of this file needs a few thousand

TEST(ProgressWatch, NothingTakenInTwoRoundsIsFruitless) {
  ProgressWatch watch(100);
  for (int i = 0; i < 200; ++i) watch.step();
  EXPECT_FALSE(watch.fruitless());
  watch.step();
  EXPECT_TRUE(watch.fruitless());
  watch.taken();
  EXPECT_FALSE(watch.fruitless());
}

TEST(ProgressWatch, PagesTakenThatServeNobodyAreFruitlessInTheEnd) {
  ProgressWatch watch(100);
  for (int i = 0; i < 800; ++i) {
    watch.step();
    watch.taken();
  }
  EXPECT_FALSE(watch.fruitless());
  watch.step();
  watch.taken();
  EXPECT_TRUE(watch.fruitless());
  watch.look({.served = 1, .granted = 1, .work = 0});
  EXPECT_FALSE(watch.fruitless());
}

TEST(ProgressWatch, FramesThatLetNobodyWorkAreThrashing) {
  ProgressWatch watch(100);
  watch.look({.served = 0, .granted = 400, .work = 0});
  EXPECT_FALSE(watch.thrashing());
  watch.look({.served = 0, .granted = 401, .work = 0});
  EXPECT_TRUE(watch.thrashing());
  watch.look({.served = 0, .granted = 402, .work = 1});
  EXPECT_FALSE(watch.thrashing());
  watch.look({.served = 0, .granted = 803, .work = 1});
  EXPECT_TRUE(watch.thrashing());
  watch.start_again();
  EXPECT_FALSE(watch.thrashing());
}

class TightMemory : public testing::Test {
 protected:
  explicit TightMemory(uint64_t swap_pages = 0) : kernel(settings(swap_pages)) {
    kernel.memory.on_out_of_memory([this] {
      ++killed;
      space->set_dying();
    });
  }
  static Settings settings(uint64_t swap_pages) {
    Settings settings;
    settings.frames = 256;
    settings.swap_pages = swap_pages;
    settings.config.vm.overcommit = Overcommit::always;
    return settings;
  }

  // Stores to each page in turn until one fails; how that ended. must_sleep: it
  // never did.
  FaultReply::Kind write_all(uint64_t at, uint64_t pages) {
    FaultReply::Kind kind = FaultReply::Kind::must_sleep;
    bool ended = false;
    kernel.machine.start([&, at, pages]() -> Co<> {
      for (uint64_t i = 0; i < pages; ++i) {
        PhysAddr where;
        kind = co_await kernel.access(*space, at + i * kPage, Access::store, where);
        if (kind != FaultReply::Kind::resolved) break;
        *kernel.machine.memory().at(where) = 1;
      }
      ended = true;
    });
    kernel.machine.run([&] { return ended; }, kSteps);
    return ended ? kind : FaultReply::Kind::must_sleep;
  }

  FakeKernel kernel;
  std::unique_ptr<AddressSpace> space = kernel.new_space();
  int killed = 0;
};

// The page to be copied is the last that can be had: taken back from the free
// list it leaves none for the copy.
TEST_F(TightMemory, CopyingFilePagesEndsInTheKill) {
  auto file = kernel.file("data", 400 * kPage);
  const uint64_t copied = kernel.map(*space, 400, kProtRead | kProtWrite, kMapPrivate, file);
  EXPECT_EQ(write_all(copied, 400), FaultReply::Kind::out_of_memory);
  EXPECT_EQ(killed, 1);
  kernel.expect_sound();
  space.reset();
  kernel.memory.page_cache().forget(*file);
  kernel.expect_all_given_back();
}

TEST_F(TightMemory, FillingItWithZerosEndsInTheKill) {
  EXPECT_EQ(write_all(kernel.map(*space, 400), 400), FaultReply::Kind::out_of_memory);
  EXPECT_EQ(killed, 1);
  space.reset();
  kernel.expect_all_given_back();
}

// The file's page stands on the free list and memory is at its mark: one frame
// is left, and it is enough.
TEST_F(TightMemory, TheCopyNeedsNoFrameForItsSource) {
  auto file = kernel.file("data", kPage);
  *kernel.machine.disk_bytes(file->sector(0)) = 77;
  const uint64_t copied = kernel.map(*space, 1, kProtRead | kProtWrite, kMapPrivate, file);
  ASSERT_EQ(kernel.load(*space, copied), 77);
  FrameAllocator& frames = kernel.memory.frame_allocator();
  const uint64_t rest = frames.free_frames() - frames.thresholds().minfree;
  const uint64_t filled = kernel.map(*space, 512);
  ASSERT_EQ(write_all(filled, rest - 2), FaultReply::Kind::resolved);
  // Page-out has put it there meanwhile, or has it to be put there.
  const Pfn source = file->cached_pages.at(0);
  if (!frames[source].listed) {
    kernel.memory.page_tables().unmap_everywhere(source);
    frames.free_with_page(source);
  }
  while (frames.free_frames() > frames.thresholds().minfree) {
    ASSERT_TRUE(frames.allocate(FrameKind::kernel, Urgency::user).has_value());
  }
  ASSERT_TRUE(frames[source].listed);
  EXPECT_EQ(kernel.store(*space, copied + 1, 5), FaultReply::Kind::resolved);
  EXPECT_EQ(kernel.load(*space, copied), 77);
  EXPECT_EQ(killed, 0);
  space.reset();
  kernel.memory.page_cache().forget(*file);
}

TEST_F(TightMemory, TheLastFrameBecomesTheCopy) {
  Settings one = settings(0);
  one.config.vm.minfree = 1;
  FakeKernel small(one);
  auto tight = small.new_space();
  auto file = small.file("data", 2 * kPage);
  *small.machine.disk_bytes(file->sector(0)) = 77;
  const uint64_t at = small.map(*tight, 2, kProtRead | kProtWrite, kMapPrivate, file);
  ASSERT_EQ(small.load(*tight, at), 77);
  ASSERT_EQ(small.load(*tight, at + kPage), 0);  // keeps the page table
  FrameAllocator& frames = small.memory.frame_allocator();
  const Pfn source = file->cached_pages.at(0);
  small.memory.page_tables().unmap_everywhere(source);
  frames.free_with_page(source);
  while (frames.free_frames() > 1) ASSERT_TRUE(frames.allocate(FrameKind::kernel, Urgency::user, source).has_value());
  ASSERT_TRUE(frames[source].listed);
  FaultProgress progress;
  EXPECT_TRUE(tight->handle_fault(VirtAddr(at), Access::store, progress).resolved());
  EXPECT_EQ(frames[source].kind, FrameKind::anonymous);
  EXPECT_FALSE(file->cached_pages.contains(0));
  EXPECT_EQ(small.load(*tight, at), 77);
  EXPECT_EQ(small.memory.copies().pages, 0u);
  EXPECT_EQ(small.memory.check_invariants().value_or(""), "");
  tight.reset();
  small.memory.page_cache().forget(*file);
}

}  // namespace
}  // namespace faultline::os::test
