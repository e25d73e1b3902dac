// The cases of a page fault, one by one, with what each counts.
#include <gtest/gtest.h>

#include "tests/os/support/fake_process.h"

namespace faultline::os::test {
namespace {

constexpr uint64_t kPage = 4096;
constexpr int kMaperr = 256 + static_cast<int>(FaultReply::Kind::segv_maperr);
constexpr int kAccerr = 256 + static_cast<int>(FaultReply::Kind::segv_accerr);
constexpr int kBus = 256 + static_cast<int>(FaultReply::Kind::bus_adrerr);

class Fault : public testing::Test {
 protected:
  ~Fault() override {
    kernel.expect_sound();
    const FaultStatistics& f = kernel.memory.faults();
    EXPECT_EQ(f.minor + f.major,
              f.demand_zero + f.zero_page + f.file + f.cow + f.cow_reuse + f.swap_in + f.reclaimed + f.spurious);
    space.reset();
    kernel.expect_all_given_back();
  }
  const FaultStatistics& counts() { return kernel.memory.faults(); }

  FakeKernel kernel;
  std::unique_ptr<AddressSpace> space = kernel.new_space();
};

TEST_F(Fault, ReadOfUntouchedMemoryMapsTheZeroPage) {
  const uint64_t at = kernel.map(*space, 100);
  const uint64_t free = kernel.memory.frames().free;
  for (uint64_t i = 0; i < 100; ++i) EXPECT_EQ(kernel.load(*space, at + i * kPage + 5), 0);
  EXPECT_EQ(counts().zero_page, 100u);
  EXPECT_EQ(kernel.memory.frames().anonymous, 0u);
  EXPECT_LE(free - kernel.memory.frames().free, 4u);  // page tables alone
  EXPECT_EQ(space->resident_pages(), 0u);
}

TEST_F(Fault, WriteAfterReadGetsAZeroedFrameWithoutACopy) {
  const uint64_t at = kernel.map(*space, 1);
  EXPECT_EQ(kernel.load(*space, at), 0);
  EXPECT_EQ(kernel.store(*space, at + 9, 7), FaultReply::Kind::resolved);
  EXPECT_EQ(kernel.load(*space, at + 9), 7);
  EXPECT_EQ(kernel.load(*space, at + 8), 0);
  EXPECT_EQ(counts().demand_zero, 1u);
  EXPECT_EQ(kernel.memory.zeroed().pages, 1u);
  EXPECT_EQ(kernel.memory.copies().pages, 0u);
}

TEST_F(Fault, OldDataNeverShows) {
  uint64_t at = kernel.map(*space, 50);
  for (uint64_t i = 0; i < 50 * kPage; i += 64) kernel.store(*space, at + i, 0xee);
  ASSERT_TRUE(space->unmap(VirtAddr(at), 50 * kPage).ok());
  EXPECT_EQ(kernel.load(*space, at), kMaperr);
  at = kernel.map(*space, 50);
  for (uint64_t i = 0; i < 50; ++i) kernel.store(*space, at + i * kPage, 1);
  for (uint64_t i = 64; i < kPage; i += 64) EXPECT_EQ(kernel.load(*space, at + i), 0);
}

TEST_F(Fault, AreasSayWhatIsForbidden) {
  const uint64_t none = kernel.map(*space, 1, 0);
  const uint64_t read = kernel.map(*space, 1, kProtRead);
  EXPECT_EQ(kernel.load(*space, none), kAccerr);
  EXPECT_EQ(kernel.store(*space, read, 1), FaultReply::Kind::segv_accerr);
  EXPECT_EQ(kernel.load(*space, 0), kMaperr);
  EXPECT_EQ(kernel.load(*space, space->user_end().value), kMaperr);
  EXPECT_EQ(kernel.load(*space, kernel.memory.format().kernel_begin().value), kMaperr);
  EXPECT_EQ(counts().protection, 5u);
  EXPECT_EQ(counts().minor + counts().major, 0u);
}

TEST_F(Fault, WriteImpliesRead) {
  const uint64_t at = kernel.map(*space, 1, kProtWrite);
  EXPECT_EQ(kernel.load(*space, at), 0);
  EXPECT_EQ(kernel.store(*space, at, 3), FaultReply::Kind::resolved);
  EXPECT_EQ(kernel.load(*space, at), 3);
}

TEST_F(Fault, PrivateFilePageIsCopiedOnWriteAndTheFileNeverChanges) {
  auto file = kernel.file("data", 3 * kPage);
  *kernel.machine.disk_bytes(file->sector(1)) = 77;
  const uint64_t at = kernel.map(*space, 3, kProtRead | kProtWrite, kMapPrivate, file);
  EXPECT_EQ(kernel.load(*space, at + kPage), 77);
  EXPECT_EQ(counts().file, 1u);
  EXPECT_EQ(counts().major, 1u);
  EXPECT_EQ(kernel.store(*space, at + kPage + 1, 5), FaultReply::Kind::resolved);
  EXPECT_EQ(counts().cow, 1u);
  EXPECT_EQ(kernel.memory.copies().pages, 1u);
  EXPECT_EQ(kernel.load(*space, at + kPage), 77);
  auto other = kernel.new_space();
  const uint64_t there = kernel.map(*other, 3, kProtRead, kMapShared, file);
  EXPECT_EQ(kernel.load(*other, there + kPage + 1), 0);
  EXPECT_EQ(kernel.memory.page_cache_statistics().misses, 1u);
  other.reset();
  space.reset();
  EXPECT_EQ(kernel.memory.page_cache_statistics().dirty, 0u);
  kernel.memory.page_cache().forget(*file);
}

TEST_F(Fault, SharedFileIsOneCopyAtDifferentAddresses) {
  auto file = kernel.file("data", 2 * kPage);
  auto other = kernel.new_space();
  const uint64_t here = kernel.map(*space, 2, kProtRead | kProtWrite, kMapShared, file);
  kernel.map(*other, 7);
  const uint64_t there = kernel.map(*other, 2, kProtRead | kProtWrite, kMapShared, file);
  ASSERT_NE(here, there);
  kernel.store(*space, here + kPage, 9);
  EXPECT_EQ(kernel.load(*other, there + kPage), 9);
  kernel.store(*other, there + kPage, 10);
  EXPECT_EQ(kernel.load(*space, here + kPage), 10);
  EXPECT_EQ(kernel.memory.frames().file, 1u);
  other.reset();
  space.reset();
  kernel.memory.page_cache().forget(*file);
}

TEST_F(Fault, EndOfFile) {
  auto file = kernel.file("short", kPage + 10);
  std::fill_n(kernel.machine.disk_bytes(file->sector(1)), kPage, 0xaa);
  const uint64_t at = kernel.map(*space, 4, kProtRead | kProtWrite, kMapShared, file);
  EXPECT_EQ(kernel.load(*space, at + kPage + 9), 0xaa);
  EXPECT_EQ(kernel.load(*space, at + kPage + 10), 0);  // the rest of the last page
  EXPECT_EQ(kernel.store(*space, at + kPage + 10, 1), FaultReply::Kind::resolved);
  EXPECT_EQ(kernel.load(*space, at + kPage + 10), 1);
  EXPECT_EQ(kernel.load(*space, at + 2 * kPage), kBus);
  EXPECT_EQ(kernel.load(*space, at + 4 * kPage), kMaperr);
  space.reset();
  kernel.memory.page_cache().forget(*file);
}

TEST_F(Fault, DiskErrorOfAFilePageIsBusErrorAndMayPass) {
  auto file = kernel.file("bad", kPage);
  const uint64_t at = kernel.map(*space, 1, kProtRead, kMapPrivate, file);
  bool broken = true;
  kernel.machine.fails = [&](uint64_t, bool) { return broken; };
  EXPECT_EQ(kernel.load(*space, at), kBus);
  broken = false;
  EXPECT_EQ(kernel.load(*space, at), 0);
  space.reset();
  kernel.memory.page_cache().forget(*file);
}

TEST_F(Fault, StackGrowsDownToItsLimitAndNotIntoOthers) {
  const uint64_t top = 0x7000'0000;
  ASSERT_TRUE(space->map_stack(VirtAddr(top), 16 * kPage).ok());
  EXPECT_EQ(kernel.store(*space, top - 1, 1), FaultReply::Kind::resolved);
  EXPECT_EQ(kernel.store(*space, top - 10 * kPage, 2), FaultReply::Kind::resolved);
  EXPECT_EQ(kernel.store(*space, top - 16 * kPage, 3), FaultReply::Kind::resolved);
  EXPECT_EQ(kernel.store(*space, top - 16 * kPage - 1, 4), FaultReply::Kind::segv_maperr);
  EXPECT_EQ(kernel.load(*space, top), kMaperr);
}

TEST_F(Fault, ProtectionTakenAwayIsGoneAtOnce) {
  const uint64_t at = kernel.map(*space, 3);
  for (uint64_t i = 0; i < 3; ++i) kernel.store(*space, at + i * kPage, 1);
  ASSERT_TRUE(space->protect(VirtAddr(at + kPage), kPage, kProtRead).ok());
  EXPECT_EQ(kernel.store(*space, at + kPage, 2), FaultReply::Kind::segv_accerr);
  EXPECT_EQ(kernel.store(*space, at, 2), FaultReply::Kind::resolved);
  ASSERT_TRUE(space->protect(VirtAddr(at), 3 * kPage, 0).ok());
  EXPECT_EQ(kernel.load(*space, at), kAccerr);
  ASSERT_TRUE(space->protect(VirtAddr(at), 3 * kPage, kProtRead | kProtWrite).ok());
  EXPECT_EQ(kernel.load(*space, at), 2);
  EXPECT_EQ(kernel.load(*space, at + kPage), 1);
  int areas = 0;
  space->for_each_area([&](const VmArea&) { ++areas; });
  EXPECT_EQ(areas, 1);  // merged again
}

TEST_F(Fault, UserBytesSetTheBitsThatHardwareWould) {
  const uint64_t at = kernel.map(*space, 1);
  EXPECT_EQ(space->user_bytes(VirtAddr(at), Access::load).data, nullptr);
  kernel.load(*space, at);
  EXPECT_NE(space->user_bytes(VirtAddr(at), Access::load).data, nullptr);
  EXPECT_EQ(space->user_bytes(VirtAddr(at), Access::store).data, nullptr);  // the zero page
  kernel.store(*space, at, 1);
  const AddressSpace::Bytes bytes = space->user_bytes(VirtAddr(at + 100), Access::store);
  ASSERT_NE(bytes.data, nullptr);
  EXPECT_EQ(bytes.size, kPage - 100);
  EXPECT_TRUE(space->table().find(VirtAddr(at)).modified);
}

}  // namespace
}  // namespace faultline::os::test
