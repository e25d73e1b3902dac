// mlock(2) and its relatives: what is locked stays in memory, whatever the
// replacement policy; and their errors.
#include <gtest/gtest.h>

#include "tests/os/support/fake_process.h"

namespace faultline::os::test {
namespace {

constexpr uint64_t kPage = 4096;
constexpr int kReadWrite = kProtRead | kProtWrite;

Settings little_memory(const char* policy = "two-handed") {
  Settings settings;
  settings.frames = 256;
  settings.swap_pages = 1024;
  settings.config.vm.replacement = policy;
  return settings;
}

class Lock : public testing::TestWithParam<const char*> {
 protected:
  // More than there is memory, again and again.
  void need_memory(AddressSpace& who) {
    const uint64_t at = kernel.map(who, 400);
    for (int round = 0; round < 3; ++round) {
      for (uint64_t i = 0; i < 400; ++i) {
        ASSERT_EQ(kernel.store(who, at + i * kPage, 1), FaultReply::Kind::resolved);
      }
    }
  }
  uint64_t in_memory(AddressSpace& who, uint64_t at, uint64_t pages) {
    uint64_t count = 0;
    for (uint64_t i = 0; i < pages; ++i) count += who.in_memory(VirtAddr(at + i * kPage));
    return count;
  }
  int error(const Result<>& result) { return result.ok() ? 0 : result.error().value; }

  FakeKernel kernel{little_memory(GetParam())};
  std::unique_ptr<AddressSpace> space = kernel.new_space();
};

TEST_P(Lock, LockedPagesAreNeverEvicted) {
  const uint64_t at = kernel.map(*space, 40);
  ASSERT_TRUE(space->lock(VirtAddr(at), 40 * kPage, AreaLock::whole).ok());
  ASSERT_EQ(kernel.populate(*space, at, 40), FaultReply::Kind::resolved);
  EXPECT_EQ(space->locked_bytes(), 40 * kPage);
  EXPECT_EQ(space->resident_pages(), 40u);
  need_memory(*space);
  EXPECT_EQ(in_memory(*space, at, 40), 40u);
  // And those of which it is no longer said may go.
  ASSERT_TRUE(space->lock(VirtAddr(at), 20 * kPage, AreaLock::none).ok());
  EXPECT_EQ(space->locked_bytes(), 20 * kPage);
  need_memory(*space);
  EXPECT_LT(in_memory(*space, at, 20), 20u);
  EXPECT_EQ(in_memory(*space, at + 20 * kPage, 20), 20u);
  kernel.expect_sound();
  space.reset();
  kernel.expect_all_given_back();
}

TEST_P(Lock, PagesOfAFileToo) {
  auto file = kernel.file("f", 30 * kPage);
  const uint64_t shared = kernel.map(*space, 10, kReadWrite, kMapShared, file);
  const uint64_t copied = kernel.map(*space, 10, kReadWrite, kMapPrivate, file, 10 * kPage);
  const uint64_t read = kernel.map(*space, 10, kProtRead, kMapPrivate, file, 20 * kPage);
  for (const uint64_t at : {shared, copied, read}) {
    ASSERT_TRUE(space->lock(VirtAddr(at), 10 * kPage, AreaLock::whole).ok());
    ASSERT_EQ(kernel.populate(*space, at, 10), FaultReply::Kind::resolved);
  }
  EXPECT_EQ(space->private_pages().pages(), 10u) << "what may be written is copied at once";
  need_memory(*space);
  for (const uint64_t at : {shared, copied, read}) EXPECT_EQ(in_memory(*space, at, 10), 10u);
  space.reset();
  kernel.settle();
  kernel.memory.page_cache().forget(*file);
  kernel.expect_all_given_back();
}

TEST_P(Lock, OutOfReachIsNotOutOfMemory) {
  auto file = kernel.file("f", 10 * kPage);
  const uint64_t own = kernel.map(*space, 20);
  const uint64_t shared = kernel.map(*space, 10, kReadWrite, kMapShared | kMapAnonymous);
  const uint64_t of_file = kernel.map(*space, 10, kProtRead, kMapShared, file);
  for (const auto& [at, pages] : {std::pair{own, 20}, {shared, 10}, {of_file, 10}}) {
    ASSERT_TRUE(space->lock(VirtAddr(at), pages * kPage, AreaLock::whole).ok());
    ASSERT_EQ(kernel.populate(*space, at, pages), FaultReply::Kind::resolved);
    ASSERT_TRUE(space->protect(VirtAddr(at), pages * kPage, 0).ok());
  }
  need_memory(*space);
  EXPECT_EQ(in_memory(*space, own, 20), 20u);
  EXPECT_EQ(in_memory(*space, shared, 10), 10u);
  EXPECT_EQ(in_memory(*space, of_file, 10), 10u);
  kernel.expect_sound();
  space.reset();
  kernel.settle();
  kernel.memory.page_cache().forget(*file);
}

TEST_P(Lock, OnFaultHoldsWhatIsTouched) {
  const uint64_t at = kernel.map(*space, 20);
  kernel.store(*space, at, 1);
  ASSERT_TRUE(space->lock(VirtAddr(at), 20 * kPage, AreaLock::on_fault).ok());
  ASSERT_EQ(kernel.populate(*space, at, 20), FaultReply::Kind::resolved);
  EXPECT_EQ(space->resident_pages(), 1u);
  kernel.store(*space, at + 5 * kPage, 1);
  need_memory(*space);
  EXPECT_EQ(in_memory(*space, at, 20), 2u);
}

TEST_P(Lock, WhenAllIsLockedSomebodyDies) {
  int killed = 0;
  auto other = kernel.new_space();
  kernel.memory.on_out_of_memory([&] {
    ++killed;
    other->set_dying();
  });
  const uint64_t at = kernel.map(*space, 400);
  ASSERT_TRUE(space->lock(VirtAddr(at), 400 * kPage, AreaLock::on_fault).ok());
  for (uint64_t i = 0; i < 200; ++i) kernel.store(*space, at + i * kPage, 1);
  const uint64_t wanted = kernel.map(*other, 100);
  ASSERT_TRUE(other->lock(VirtAddr(wanted), 100 * kPage, AreaLock::whole).ok());
  EXPECT_EQ(kernel.populate(*other, wanted, 100), FaultReply::Kind::out_of_memory);
  EXPECT_EQ(killed, 1);
  EXPECT_EQ(in_memory(*space, at, 200), 200u);
  kernel.expect_sound();
}

TEST_P(Lock, ChildrenInheritNone) {
  const uint64_t at = kernel.map(*space, 10);
  ASSERT_TRUE(space->lock_all(kMclCurrent | kMclFuture).ok());
  ASSERT_EQ(kernel.populate(*space, at, 10), FaultReply::Kind::resolved);
  auto child = kernel.fork(*space);
  EXPECT_EQ(child->locked_bytes(), 0u);
  kernel.map(*child, 5);
  EXPECT_EQ(child->locked_bytes(), 0u);
  EXPECT_EQ(space->locked_bytes(), 10 * kPage);
  need_memory(*child);
  EXPECT_EQ(in_memory(*space, at, 10), 10u);
  kernel.expect_sound();
}

INSTANTIATE_TEST_SUITE_P(, Lock, testing::Values("two-handed", "one-handed", "fifo", "lru"), [](const auto& item) {
  std::string name = item.param;
  std::erase(name, '-');
  return name;
});

class LockErrors : public Lock {};

// mlock(2), and the order of the checks of Linux (mm/mlock.c).
TEST_P(LockErrors, AsTheManualHasThem) {
  const uint64_t at = kernel.map(*space, 10);
  const auto lock = [&](uint64_t first, uint64_t pages) {
    return error(space->lock(VirtAddr(at + first * kPage), pages * kPage, AreaLock::whole));
  };
  EXPECT_EQ(lock(0, 11), ENOMEM) << "a hole";
  EXPECT_EQ(space->locked_bytes(), 10 * kPage) << "what lies before it is locked all the same";
  EXPECT_EQ(error(space->lock(VirtAddr(at), 10 * kPage, AreaLock::none)), 0);
  space->set_limits({.locked = 4 * kPage + 100});
  EXPECT_EQ(lock(0, 5), ENOMEM);
  EXPECT_EQ(lock(0, 3), 0);
  EXPECT_EQ(lock(0, 4), 0) << "three of them are locked already";
  EXPECT_EQ(lock(4, 1), ENOMEM);
  EXPECT_EQ(error(space->lock_all(kMclCurrent)), ENOMEM);
  EXPECT_EQ(error(space->lock_all(kMclFuture)), 0);
  MapRequest request{.length = kPage, .protection = kReadWrite, .flags = kMapPrivate | kMapAnonymous, .file = nullptr};
  EXPECT_EQ(space->map(request).error().value, EAGAIN);
  EXPECT_EQ(space->remap(VirtAddr(at), kPage, 20 * kPage, kMremapMayMove, VirtAddr(0)).error().value, EAGAIN);
  space->set_brk_start(VirtAddr(0x1000'0000));
  EXPECT_EQ(space->set_brk(VirtAddr(0x1000'1000)).value, 0x1000'0000u);
  for (const int flags : {0, 8, 99, kMclOnFault}) EXPECT_EQ(error(space->lock_all(flags)), EINVAL);
  EXPECT_EQ(error(space->advise(VirtAddr(at), kPage, kMadvDontNeed)), EINVAL);
  EXPECT_EQ(error(space->advise(VirtAddr(at), kPage, kMadvFree)), EINVAL);
  EXPECT_EQ(error(space->advise(VirtAddr(at), kPage, kMadvDontNeedLocked)), 0);
  space->unlock_all();
  EXPECT_EQ(space->locked_bytes(), 0u);
  EXPECT_TRUE(space->map(request).ok());
  EXPECT_EQ(space->locked_bytes(), 0u);
  space->set_limits({.locked = 0});
  EXPECT_EQ(lock(0, 1), EPERM);
  EXPECT_EQ(error(space->lock_all(kMclFuture)), EPERM);
  request.flags |= kMapLocked;
  EXPECT_EQ(space->map(request).error().value, EPERM);
  EXPECT_EQ(error(space->lock(VirtAddr(at), kPage, AreaLock::none)), 0);
  kernel.expect_sound();
}

INSTANTIATE_TEST_SUITE_P(, LockErrors, testing::Values("two-handed"));

// What an out-of-memory kill goes by.
TEST(MemoryHeld, CountsWhatLiesOnSwapAndTheTables) {
  FakeKernel kernel(little_memory());
  auto space = kernel.new_space();
  const uint64_t at = kernel.map(*space, 400);
  for (uint64_t i = 0; i < 400; ++i) kernel.store(*space, at + i * kPage, 1);
  kernel.settle();
  const MemoryHeld held = space->memory_held();
  EXPECT_EQ(held.resident, space->resident_pages());
  EXPECT_EQ(held.resident + held.swapped, 400u);
  EXPECT_GT(held.swapped, 150u);
  EXPECT_EQ(held.tables, kernel.memory.frames().page_tables);
  EXPECT_GE(held.tables, 4u);
}

}  // namespace
}  // namespace faultline::os::test
