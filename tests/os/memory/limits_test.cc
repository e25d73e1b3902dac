// setrlimit(2) as mmap, brk, mremap, mprotect and a growing stack meet it.
#include <gtest/gtest.h>

#include "tests/os/support/fake_process.h"

namespace faultline::os::test {
namespace {

constexpr uint64_t kPage = 4096;
constexpr int kReadWrite = kProtRead | kProtWrite;

class Limits : public testing::Test {
 protected:
  int map_error(uint64_t pages, int protection = kReadWrite, int flags = kMapPrivate | kMapAnonymous, uint64_t at = 0) {
    MapRequest request;
    request.hint = VirtAddr(at);
    request.length = pages * kPage;
    request.protection = protection;
    request.flags = flags;
    const Result<VirtAddr> result = space->map(request);
    return result.ok() ? 0 : result.error().value;
  }

  FakeKernel kernel;
  std::unique_ptr<AddressSpace> space = kernel.new_space();
};

TEST_F(Limits, AddressSpaceBoundsAllAreasTogether) {
  const uint64_t first = kernel.map(*space, 10);
  space->set_limits({.address_space = 16 * kPage + 4000});  // whole pages count
  EXPECT_EQ(map_error(7), ENOMEM);
  EXPECT_EQ(map_error(7, 0), ENOMEM);
  EXPECT_EQ(map_error(7, kProtRead, kMapShared | kMapAnonymous), ENOMEM);
  EXPECT_EQ(map_error(6), 0);
  EXPECT_EQ(map_error(1), ENOMEM);
  // In place of pages that are there it is no growth.
  EXPECT_EQ(map_error(10, kReadWrite, kMapPrivate | kMapAnonymous | kMapFixed, first), 0);
  EXPECT_EQ(map_error(2, kReadWrite, kMapPrivate | kMapAnonymous | kMapFixed, first + 9 * kPage),
            space->find_area(VirtAddr(first + 10 * kPage)) ? 0 : ENOMEM);
  ASSERT_TRUE(space->unmap(VirtAddr(first), kPage).ok());
  EXPECT_EQ(map_error(1), 0);
  EXPECT_EQ(space->mapped_bytes(), 16 * kPage);
}

TEST_F(Limits, LoweringTakesNothingAway) {
  const uint64_t at = kernel.map(*space, 10);
  space->set_limits({.address_space = kPage});
  EXPECT_EQ(kernel.store(*space, at + 9 * kPage, 3), FaultReply::Kind::resolved);
  EXPECT_EQ(map_error(1), ENOMEM);
}

TEST_F(Limits, BreakStaysWhereItWas) {
  space->set_brk_start(VirtAddr(0x1000'0000));
  ASSERT_EQ(space->set_brk(VirtAddr(0x1000'0000 + 3 * kPage)).value, 0x1000'0000 + 3 * kPage);
  space->set_limits({.data = 4 * kPage});
  EXPECT_EQ(space->set_brk(VirtAddr(0x1000'0000 + 5 * kPage)).value, 0x1000'0000 + 3 * kPage);
  EXPECT_EQ(space->set_brk(VirtAddr(0x1000'0000 + 4 * kPage)).value, 0x1000'0000 + 4 * kPage);
  space->set_limits({.address_space = 4 * kPage});
  EXPECT_EQ(space->set_brk(VirtAddr(0x1000'0000 + 4 * kPage + 1)).value, 0x1000'0000 + 4 * kPage);
  EXPECT_EQ(space->set_brk(VirtAddr(0x1000'0000)).value, 0x1000'0000u);
}

TEST_F(Limits, DataIsWhatIsPrivateAndMayBeWritten) {
  space->set_limits({.data = 4 * kPage});
  EXPECT_EQ(map_error(5), ENOMEM);
  EXPECT_EQ(map_error(5, kReadWrite, kMapShared | kMapAnonymous), 0);
  EXPECT_EQ(map_error(3), 0);
  const uint64_t read_only = kernel.map(*space, 8, kProtRead);
  EXPECT_EQ(space->protect(VirtAddr(read_only), 2 * kPage, kReadWrite).error().value, ENOMEM);
  EXPECT_TRUE(space->protect(VirtAddr(read_only), kPage, kReadWrite).ok());
  EXPECT_EQ(map_error(1), ENOMEM);
}

TEST_F(Limits, RemapGrowsNoFurther) {
  const uint64_t at = kernel.map(*space, 4);
  space->set_limits({.address_space = 6 * kPage});
  EXPECT_EQ(space->remap(VirtAddr(at), 4 * kPage, 7 * kPage, kMremapMayMove, VirtAddr(0)).error().value, ENOMEM);
  EXPECT_TRUE(space->remap(VirtAddr(at), 4 * kPage, 6 * kPage, kMremapMayMove, VirtAddr(0)).ok());
  EXPECT_EQ(space->mapped_bytes(), 6 * kPage);
}

TEST_F(Limits, StackGrowsAsFarAsTheLimitOfTheMoment) {
  const uint64_t top = 0x7000'0000;
  ASSERT_TRUE(space->map_stack(VirtAddr(top), 16 * kPage).ok());
  space->set_limits({.stack = 4 * kPage});
  EXPECT_EQ(kernel.store(*space, top - 4 * kPage, 1), FaultReply::Kind::resolved);
  EXPECT_EQ(kernel.store(*space, top - 4 * kPage - 1, 1), FaultReply::Kind::segv_maperr);
  space->set_limits({.address_space = 6 * kPage});
  EXPECT_EQ(kernel.store(*space, top - 7 * kPage, 1), FaultReply::Kind::segv_maperr);
  EXPECT_EQ(kernel.store(*space, top - 6 * kPage, 1), FaultReply::Kind::resolved);
  space->set_limits({.stack = 20 * kPage});
  EXPECT_EQ(kernel.store(*space, top - 20 * kPage, 1), FaultReply::Kind::resolved);
}

// Linux, mm/util.c, mmap_base: as much as the limit says, but at least 128 MB
// and at most five sixths of user space.
TEST_F(Limits, MappingsLieBelowWhatTheStackMayBecome) {
  constexpr uint64_t kMegabyte = uint64_t{1} << 20;
  const uint64_t top = 0x7000'0000'0000;
  const auto room = [&](uint64_t limit) {
    auto fresh = kernel.new_space();
    EXPECT_TRUE(fresh->map_stack(VirtAddr(top), limit).ok());
    return top - kernel.map(*fresh, 1) - kPage;
  };
  EXPECT_EQ(room(8 * kMegabyte), 128 * kMegabyte);
  EXPECT_EQ(room(0), 128 * kMegabyte);
  EXPECT_EQ(room(512 * kMegabyte), 513 * kMegabyte);  // and the guard of 256 pages
  EXPECT_NEAR(static_cast<double>(room(MemoryLimits::kNone)), static_cast<double>(top) / 6 * 5, 2.0 * kPage);
}

TEST_F(Limits, AStackGrowsBeyondTheLimitThatExecSaw) {
  Settings settings;
  settings.config.vm.overcommit = Overcommit::always;
  FakeKernel generous(settings);
  auto process = generous.new_space();
  const uint64_t top = 0x7000'0000'0000;
  ASSERT_TRUE(process->map_stack(VirtAddr(top), 8 << 20).ok());
  const uint64_t neighbour = generous.map(*process, 1);
  process->set_limits({.stack = 64 << 20});
  EXPECT_EQ(generous.store(*process, top - (60 << 20), 1), FaultReply::Kind::resolved);
  EXPECT_LT(neighbour, top - (60 << 20));
}

// Linux, may_expand_vm: a soft limit of 0 keeps brk(2) away, and mmap(2) is
// bounded by the hard limit.
TEST_F(Limits, DataOfNothingIsForBrkAlone) {
  space->set_brk_start(VirtAddr(0x1000'0000));
  space->set_limits({.data = 0, .data_maximum = 4 * kPage});
  EXPECT_EQ(space->set_brk(VirtAddr(0x1000'0000 + 1)).value, 0x1000'0000u);
  EXPECT_EQ(map_error(5), ENOMEM);
  EXPECT_EQ(map_error(4), 0);
  EXPECT_EQ(map_error(1), ENOMEM);
}

TEST_F(Limits, AChildHasThem) {
  space->set_limits({.address_space = 2 * kPage});
  auto child = kernel.fork(*space);
  MapRequest request;
  request.length = 3 * kPage;
  request.protection = kReadWrite;
  request.flags = kMapPrivate | kMapAnonymous;
  EXPECT_FALSE(child->map(request).ok());
}

}  // namespace
}  // namespace faultline::os::test
