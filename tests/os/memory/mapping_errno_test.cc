// mmap, munmap, mprotect and brk: placement, and errors by number.
#include <gtest/gtest.h>

#include "tests/os/support/fake_process.h"

namespace faultline::os::test {
namespace {

constexpr uint64_t kPage = 4096;
constexpr int kReadWrite = kProtRead | kProtWrite;

class Mapping : public testing::Test {
 protected:
  int error(MapRequest request) {
    const Result<VirtAddr> result = space->map(request);
    return result.ok() ? 0 : result.error().value;
  }
  MapRequest anonymous(uint64_t length, int flags = kMapPrivate) {
    MapRequest request;
    request.length = length;
    request.protection = kReadWrite;
    request.flags = flags | kMapAnonymous;
    return request;
  }
  MapRequest of_file(uint64_t length, int flags = kMapShared) {
    MapRequest request = anonymous(length, flags);
    request.flags = flags;
    request.file = file;
    return request;
  }
  MapRequest at(MapRequest request, uint64_t address, int flags) {
    request.hint = VirtAddr(address);
    request.flags |= flags;
    return request;
  }
  int areas() {
    int count = 0;
    space->for_each_area([&](const VmArea&) { ++count; });
    return count;
  }

  FakeKernel kernel;
  std::unique_ptr<AddressSpace> space = kernel.new_space();
  std::shared_ptr<FakeFile> file = kernel.file("file", 10 * kPage);
};

TEST_F(Mapping, Errors) {
  EXPECT_EQ(error(anonymous(0)), EINVAL);
  EXPECT_EQ(error(anonymous(kPage, 0)), EINVAL);                       // neither shared nor private
  EXPECT_EQ(error(anonymous(~uint64_t{0})), ENOMEM);                   // rounds up to nothing
  EXPECT_EQ(error(anonymous(uint64_t{1} << 47)), ENOMEM);              // larger than user space
  EXPECT_EQ(error(at(anonymous(kPage), 0x20001, kMapFixed)), EINVAL);  // unaligned
  EXPECT_EQ(error(at(anonymous(kPage), 0x1000, kMapFixed)), EPERM);    // below vm.mmap_min_addr
  EXPECT_EQ(error(at(anonymous(2 * kPage), space->user_end().value - kPage, kMapFixed)), ENOMEM);
  MapRequest unaligned = of_file(kPage);
  unaligned.offset = 100;
  EXPECT_EQ(error(unaligned), EINVAL);
  MapRequest far = of_file(kPage);
  far.offset = uint64_t{1} << 63;
  EXPECT_EQ(error(far), EOVERFLOW);
  MapRequest unreadable = of_file(kPage, kMapPrivate);
  unreadable.file_readable = false;
  EXPECT_EQ(error(unreadable), EACCES);
  MapRequest unwritable = of_file(kPage);
  unwritable.file_writable = false;
  EXPECT_EQ(error(unwritable), EACCES);
  unwritable.flags = kMapPrivate;
  EXPECT_EQ(error(unwritable), 0);
  EXPECT_EQ(error(of_file(kPage, kMapPrivate | kMapGrowsDown)), EINVAL);
  EXPECT_EQ(error(of_file(kPage, kMapSharedValidate | kMapSync)), EOPNOTSUPP);
}

TEST_F(Mapping, FixedReplacesAndNoReplaceRefuses) {
  const uint64_t place = 0x4000'0000;
  EXPECT_EQ(error(at(anonymous(4 * kPage), place, kMapFixed)), 0);
  kernel.store(*space, place + kPage, 5);
  EXPECT_EQ(error(at(anonymous(kPage), place + kPage, kMapFixedNoReplace)), EEXIST);
  EXPECT_EQ(kernel.load(*space, place + kPage), 5);
  EXPECT_EQ(error(at(anonymous(kPage), place + kPage, kMapFixed)), 0);
  EXPECT_EQ(kernel.load(*space, place + kPage), 0);
}

// Linux, mm/mmap.c, round_hint_to_min; and vm_start_gap below a stack.
TEST_F(Mapping, HintIsRoundedDownToAPageAndUpToTheLowestAddress) {
  const auto place = [&](uint64_t hint, uint64_t pages = 1) {
    return space->map(at(anonymous(pages * kPage), hint, 0)).value().value;
  };
  EXPECT_EQ(place(0x5000'0801), 0x5000'0000u);
  EXPECT_EQ(place(0x5000'2fff), 0x5000'2000u);
  EXPECT_EQ(place(0x2000), 0x10000u);
  EXPECT_NE(place(0xfff), 0x11000u);  // rounds to none
  const uint64_t top = 0x7fff'0000'0000;
  ASSERT_TRUE(space->map_stack(VirtAddr(top), 8 << 20).ok());
  EXPECT_NE(place(top - 256 * kPage), top - 256 * kPage);
  EXPECT_EQ(place(top - 258 * kPage), top - 258 * kPage);
}

TEST_F(Mapping, HintIsTakenWhenFreeAndPlacesGoDownFromTheStack) {
  ASSERT_TRUE(space->map_stack(VirtAddr(0x7fff'0000'0000), 8 << 20).ok());
  const Result<VirtAddr> hinted = space->map(at(anonymous(kPage), 0x5000'0000, 0));
  EXPECT_EQ(hinted.value().value, 0x5000'0000u);
  const Result<VirtAddr> again = space->map(at(anonymous(kPage), 0x5000'0000, 0));
  EXPECT_NE(again.value().value, 0x5000'0000u);
  const uint64_t first = space->map(anonymous(kPage)).value().value;
  const uint64_t second = space->map(anonymous(3 * kPage)).value().value;
  EXPECT_EQ(second + 3 * kPage, first);
  EXPECT_LT(first, 0x7fff'0000'0000u - (8 << 20));
}

// Linux, vm_start_gap: nothing is placed right below an area that grows down.
TEST_F(Mapping, PlacesKeepClearOfWhatGrowsDown) {
  const uint64_t growing = space->map(anonymous(kPage, kMapPrivate | kMapGrowsDown)).value().value;
  const uint64_t next = space->map(anonymous(kPage)).value().value;
  EXPECT_EQ(next, growing - 257 * kPage);
  EXPECT_EQ(kernel.store(*space, growing - 1, 1), FaultReply::Kind::segv_maperr) << "it keeps its distance, too";
  // Where all else is taken, not even the guard is given away.
  ASSERT_EQ(error(at(anonymous(kPage), 0x5000'0000, kMapFixed | kMapGrowsDown)), 0);
  EXPECT_NE(space->map(at(anonymous(kPage), 0x5000'0000 - kPage, 0)).value().value, 0x5000'0000 - kPage);
  space->set_brk_start(VirtAddr(0x5000'0000 - 400 * kPage));
  const uint64_t far = 0x5000'0000 - 200 * kPage;
  EXPECT_LT(space->set_brk(VirtAddr(far)).value, far);
  kernel.expect_sound();
}

TEST_F(Mapping, TheHighestHoleThatIsLongEnoughIsTaken) {
  const uint64_t top = space->map(anonymous(100 * kPage)).value().value;
  // From the top: holes of 1, 3, 2 and 6 pages.
  for (const auto& [first, pages] : {std::pair{98, 1}, {90, 3}, {80, 2}, {60, 6}}) {
    ASSERT_TRUE(space->unmap(VirtAddr(top + first * kPage), pages * kPage).ok());
  }
  const auto place = [&](uint64_t pages) { return (space->map(anonymous(pages * kPage)).value().value - top) / kPage; };
  EXPECT_EQ(place(2), 91u);
  EXPECT_EQ(place(2), 80u);
  EXPECT_EQ(place(1), 98u);
  EXPECT_EQ(place(1), 90u);
  EXPECT_EQ(place(5), 61u);
  EXPECT_EQ(space->map(anonymous(2 * kPage)).value().value, top - 2 * kPage);
  kernel.expect_sound();
}

TEST_F(Mapping, UnmapShrinksSplitsAndCrossesAreas) {
  const uint64_t place = 0x4000'0000;
  ASSERT_EQ(error(at(anonymous(10 * kPage), place, kMapFixed)), 0);
  EXPECT_TRUE(space->unmap(VirtAddr(0x6000'0000), 5 * kPage).ok());  // nothing there
  ASSERT_TRUE(space->unmap(VirtAddr(place), kPage).ok());
  EXPECT_EQ(areas(), 1);
  ASSERT_TRUE(space->unmap(VirtAddr(place + 4 * kPage), 1).ok());
  EXPECT_EQ(areas(), 2);
  EXPECT_EQ(space->mapped_bytes(), 8 * kPage);
  ASSERT_TRUE(space->unmap(VirtAddr(place + 2 * kPage), 5 * kPage).ok());
  EXPECT_EQ(space->mapped_bytes(), 4 * kPage);
  EXPECT_EQ(space->unmap(VirtAddr(place + 1), kPage).error().value, EINVAL);
  EXPECT_EQ(space->unmap(VirtAddr(place), 0).error().value, EINVAL);
  EXPECT_EQ(space->unmap(VirtAddr(place), ~uint64_t{0} - kPage).error().value, EINVAL);
}

TEST_F(Mapping, ProtectErrors) {
  const uint64_t place = 0x4000'0000;
  ASSERT_EQ(error(at(anonymous(2 * kPage), place, kMapFixed)), 0);
  const auto protect = [&](uint64_t start, uint64_t length, int protection) {
    const Result<> result = space->protect(VirtAddr(start), length, protection);
    return result.ok() ? 0 : result.error().value;
  };
  EXPECT_EQ(protect(place + 1, kPage, kProtRead), EINVAL);
  EXPECT_EQ(protect(place, 3 * kPage, kProtRead), ENOMEM);  // runs into a hole
  EXPECT_EQ(protect(place - kPage, 2 * kPage, kProtRead), ENOMEM);
  EXPECT_EQ(protect(place, ~uint64_t{0} - 2 * kPage, kProtRead), ENOMEM);
  EXPECT_EQ(protect(place, kPage, 0x100), EINVAL);
  EXPECT_EQ(protect(place, 0, kProtRead), 0);
  MapRequest read_only = at(of_file(kPage), 0x5000'0000, kMapFixed);
  read_only.protection = kProtRead;
  read_only.file_writable = false;
  ASSERT_EQ(error(read_only), 0);
  EXPECT_EQ(protect(0x5000'0000, kPage, kReadWrite), EACCES);
}

TEST_F(Mapping, HeapGrowsAndShrinksAndStopsAtANeighbour) {
  space->set_brk_start(VirtAddr(0x1000'0100));
  EXPECT_EQ(space->set_brk(VirtAddr(0)).value, 0x1000'0100u);
  EXPECT_EQ(space->set_brk(VirtAddr(0x1000'5000)).value, 0x1000'5000u);
  EXPECT_EQ(kernel.store(*space, 0x1000'4fff, 1), FaultReply::Kind::resolved);
  EXPECT_EQ(space->set_brk(VirtAddr(0x1000'2000)).value, 0x1000'2000u);
  EXPECT_EQ(kernel.store(*space, 0x1000'4fff, 1), FaultReply::Kind::segv_maperr);
  ASSERT_EQ(error(at(anonymous(kPage), 0x1000'8000, kMapFixed)), 0);
  EXPECT_EQ(space->set_brk(VirtAddr(0x1000'9000)).value, 0x1000'2000u);
}

TEST_F(Mapping, PopulateFaultsAhead) {
  const Result<VirtAddr> place = space->map(anonymous(20 * kPage, kMapPrivate | kMapPopulate));
  ASSERT_TRUE(place.ok());
  kernel.populate(*space, place.value().value, 20, Populate::all);
  EXPECT_EQ(space->resident_pages(), 20u);
}

TEST_F(Mapping, RemapMovesPagesWithoutCopies) {
  const uint64_t place = 0x4000'0000;
  ASSERT_EQ(error(at(anonymous(4 * kPage), place, kMapFixed)), 0);
  for (uint64_t i = 0; i < 4; ++i) kernel.store(*space, place + i * kPage, static_cast<uint8_t>(i + 1));
  const auto grown = space->remap(VirtAddr(place), 4 * kPage, 6 * kPage, 0, VirtAddr(0));
  ASSERT_TRUE(grown.ok());
  EXPECT_EQ(grown.value().value, place);
  ASSERT_EQ(error(at(anonymous(kPage), place + 6 * kPage, kMapFixed | kMapNoReserve)), 0);
  EXPECT_EQ(space->remap(VirtAddr(place), 6 * kPage, 8 * kPage, 0, VirtAddr(0)).error().value, ENOMEM);
  const auto moved = space->remap(VirtAddr(place), 6 * kPage, 8 * kPage, kMremapMayMove, VirtAddr(0));
  ASSERT_TRUE(moved.ok());
  for (uint64_t i = 0; i < 4; ++i)
    EXPECT_EQ(kernel.load(*space, moved.value().value + i * kPage), static_cast<int>(i + 1));
  EXPECT_EQ(kernel.load(*space, moved.value().value + 7 * kPage), 0);
  EXPECT_GE(kernel.load(*space, place), 256);
  EXPECT_EQ(kernel.memory.copies().pages, 0u);
  EXPECT_EQ(space->remap(VirtAddr(place), kPage, kPage, 0, VirtAddr(0)).error().value, EFAULT);
  kernel.expect_sound();
}

// --- commit ----------------------------------------------------------------------

Settings strict(uint32_t ratio) {
  Settings settings;
  settings.frames = 512;
  settings.swap_pages = 100;
  settings.config.vm.overcommit = Overcommit::never;
  settings.config.vm.overcommit_ratio = ratio;
  return settings;
}

TEST(Commit, StrictModeBoundsByRatioAndSwapAndIgnoresNoReserve) {
  FakeKernel kernel(strict(50));
  auto space = kernel.new_space();
  EXPECT_EQ(kernel.memory.commit_statistics().limit, 512u / 2 + 100);
  kernel.map(*space, 300, kReadWrite, kMapPrivate | kMapAnonymous | kMapNoReserve);
  MapRequest request;
  request.length = 57 * kPage;
  request.protection = kReadWrite;
  request.flags = kMapPrivate | kMapAnonymous | kMapNoReserve;
  EXPECT_EQ(space->map(request).error().value, ENOMEM);
  request.length = 56 * kPage;
  EXPECT_TRUE(space->map(request).ok());
  // What can never be written costs nothing, until it can.
  request.protection = kProtRead;
  const Result<VirtAddr> read_only = space->map(request);
  ASSERT_TRUE(read_only.ok());
  EXPECT_EQ(space->protect(read_only.value(), kPage, kReadWrite).error().value, ENOMEM);
  space.reset();
  kernel.expect_all_given_back();
}

TEST(Commit, RatioZeroMeansSwapAlone) {
  FakeKernel kernel(strict(0));
  EXPECT_EQ(kernel.memory.commit_statistics().limit, 100u);
}

TEST(Commit, ForkChargesPrivateWritableAreasAgain) {
  FakeKernel kernel(strict(50));
  auto space = kernel.new_space();
  kernel.map(*space, 200);
  const Reply<std::unique_ptr<AddressSpace>> child = space->fork();
  ASSERT_TRUE(child.failed());
  EXPECT_EQ(child.error().value, ENOMEM);
  EXPECT_EQ(kernel.memory.commit_statistics().committed, 200u);
  kernel.expect_sound();
}

TEST(Commit, SharedPagesAreChargedOnceForAllWhoMapThem) {
  FakeKernel kernel(strict(50));
  auto space = kernel.new_space();
  const uint64_t at = kernel.map(*space, 200, kReadWrite, kMapShared | kMapAnonymous);
  EXPECT_EQ(kernel.memory.commit_statistics().committed, 200u);
  auto child = kernel.fork(*space);
  ASSERT_NE(child, nullptr);
  EXPECT_EQ(kernel.memory.commit_statistics().committed, 200u);
  ASSERT_TRUE(child->protect(VirtAddr(at), 10 * kPage, kProtRead).ok());
  ASSERT_TRUE(child->protect(VirtAddr(at), 10 * kPage, kReadWrite).ok());
  EXPECT_EQ(kernel.memory.commit_statistics().committed, 200u);
  kernel.expect_sound();
  space.reset();
  EXPECT_EQ(kernel.memory.commit_statistics().committed, 200u);
  child.reset();
  kernel.expect_all_given_back();
}

TEST(Commit, HeuristicRefusesOnlyTheObvious) {
  Settings settings;
  settings.frames = 512;
  settings.swap_pages = 100;
  FakeKernel kernel(settings);
  auto space = kernel.new_space();
  MapRequest request;
  request.length = 613 * kPage;
  request.protection = kReadWrite;
  request.flags = kMapPrivate | kMapAnonymous;
  EXPECT_EQ(space->map(request).error().value, ENOMEM);
  request.flags |= kMapNoReserve;
  EXPECT_TRUE(space->map(request).ok());
  request.length = 600 * kPage;
  request.flags = kMapPrivate | kMapAnonymous;
  EXPECT_TRUE(space->map(request).ok());
  EXPECT_TRUE(space->map(request).ok());
}

}  // namespace
}  // namespace faultline::os::test
