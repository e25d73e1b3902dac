// MAP_HUGETLB: sizes, what is set aside, and what mmap(2), munmap(2) and
// mremap(2) forbid.
#include <gtest/gtest.h>

#include "tests/os/support/fake_process.h"

namespace faultline::os::test {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kLarge = uint64_t{2} << 20;
constexpr uint64_t kPages = kLarge / kPage;
constexpr uint64_t kPlace = 0x1000'0000;
constexpr int kAnonymous = kMapPrivate | kMapAnonymous;

class Hugetlb : public testing::Test {
 protected:
  static Settings settings() {
    Settings settings;
    settings.frames = 6 * kPages;
    settings.swap_pages = 4 * kPages;
    return settings;
  }
  static MapRequest request(uint64_t length, int flags = kAnonymous) {
    return {.hint = {}, .length = length, .protection = kProtRead | kProtWrite, .flags = flags | kMapHugeTlb};
  }
  int error(const MapRequest& request) {
    const Result<VirtAddr> mapped = space->map(request);
    return mapped.ok() ? 0 : mapped.error().value;
  }
  uint64_t map(uint64_t length, int flags = kAnonymous) {
    const Result<VirtAddr> mapped = space->map(request(length, flags));
    EXPECT_TRUE(mapped.ok());
    return mapped.ok() ? mapped.value().value : 0;
  }

  FakeKernel kernel{settings()};
  std::unique_ptr<AddressSpace> space = kernel.new_space();
};

TEST_F(Hugetlb, RoundsUpAndSetsFramesAside) {
  const uint64_t at = map(kLarge + 1);
  EXPECT_EQ(at % kLarge, 0u);
  EXPECT_EQ(space->find_area(VirtAddr(at))->bytes(), 2 * kLarge);
  EXPECT_EQ(kernel.memory.frames().anonymous, 2 * kPages);
  EXPECT_EQ(kernel.memory.commit_statistics().committed, 0u);
  EXPECT_EQ(kernel.memory.zeroed().pages, 0u);
  kernel.expect_sound();
  // A read gets the page too: there is no large zero page.
  EXPECT_EQ(kernel.load(*space, at + kLarge + 3 * kPage), 0);
  EXPECT_EQ(kernel.memory.zeroed().pages, kPages);
  EXPECT_EQ(kernel.memory.huge().faults, 1u);
  EXPECT_EQ(kernel.store(*space, at + kLarge + 4 * kPage, 1), FaultReply::Kind::resolved);
  EXPECT_EQ(kernel.memory.faults().cow_reuse, 1u);
  EXPECT_EQ(kernel.memory.frames().anonymous, 2 * kPages);
  EXPECT_EQ(space->resident_pages(), kPages);
  kernel.expect_sound();
  space.reset();
  kernel.expect_all_given_back();
}

TEST_F(Hugetlb, SizesInTheFlags) {
  EXPECT_EQ(error(request(kLarge, kAnonymous | 21 << kMapHugeShift)), 0);
  EXPECT_EQ(error(request(kLarge, kAnonymous | 22 << kMapHugeShift)), EINVAL);
  EXPECT_EQ(error(request(kLarge, kAnonymous | 12 << kMapHugeShift)), EINVAL);
  EXPECT_EQ(error(request(kLarge, kAnonymous | 30 << kMapHugeShift)), EINVAL);  // more than memory
  EXPECT_EQ(error(request(0)), EINVAL);
  MapRequest of_file = request(kLarge, kMapPrivate);
  of_file.file = kernel.file("file", kPage);
  EXPECT_EQ(error(of_file), EINVAL);
  space.reset();
  kernel.expect_all_given_back();
}

TEST_F(Hugetlb, PlacesAreAligned) {
  MapRequest fixed = request(kLarge, kAnonymous | kMapFixed);
  fixed.hint = VirtAddr(kPlace + kPage);
  EXPECT_EQ(error(fixed), EINVAL);
  fixed.hint = VirtAddr(kPlace);
  EXPECT_EQ(error(fixed), 0);
  MapRequest hinted = request(kLarge);
  hinted.hint = VirtAddr(kPlace + kLarge + kPage);
  const Result<VirtAddr> mapped = space->map(hinted);
  ASSERT_TRUE(mapped.ok());
  EXPECT_EQ(mapped.value().value, kPlace + 2 * kLarge);
  space.reset();
  kernel.expect_all_given_back();
}

TEST_F(Hugetlb, TooFewRunsIsEnomemAndKeepsNothing) {
  EXPECT_EQ(error(request(16 * kLarge)), ENOMEM);
  EXPECT_EQ(kernel.memory.frames().anonymous, 0u);
  kernel.expect_sound();
  // Without a reservation it is the touch that fails.
  const uint64_t at = map(16 * kLarge, kAnonymous | kMapNoReserve);
  uint64_t touched = 0;
  while (touched < 16 && kernel.store(*space, at + touched * kLarge, 1) == FaultReply::Kind::resolved) ++touched;
  EXPECT_GE(touched, 3u);
  EXPECT_LT(touched, 6u);
  EXPECT_EQ(kernel.store(*space, at + touched * kLarge, 1), FaultReply::Kind::bus_adrerr);
  space.reset();
  kernel.expect_all_given_back();
}

TEST_F(Hugetlb, IsCutOnlyBetweenPages) {
  const uint64_t at = map(3 * kLarge);
  for (uint64_t i = 0; i < 3; ++i) kernel.store(*space, at + i * kLarge, static_cast<uint8_t>(i + 1));
  EXPECT_EQ(space->unmap(VirtAddr(at), kPage).error().value, EINVAL);
  EXPECT_EQ(space->unmap(VirtAddr(at + kPage), kLarge).error().value, EINVAL);
  EXPECT_EQ(space->protect(VirtAddr(at), kPage, kProtRead).error().value, EINVAL);
  EXPECT_EQ(space->advise(VirtAddr(at + kPage), kLarge, kMadvDontNeed).error().value, EINVAL);
  EXPECT_EQ(space->remap(VirtAddr(at), kLarge, 2 * kLarge, kMremapMayMove, {}).error().value, EINVAL);
  MapRequest over{
      .hint = VirtAddr(at + kPage), .length = kPage, .protection = kProtRead, .flags = kAnonymous | kMapFixed};
  EXPECT_EQ(error(over), ENOMEM);
  ASSERT_TRUE(space->unmap(VirtAddr(at + kLarge), kLarge).ok());
  EXPECT_EQ(kernel.memory.frames().anonymous, 2 * kPages);
  ASSERT_TRUE(space->protect(VirtAddr(at), kLarge, kProtRead).ok());
  EXPECT_EQ(kernel.store(*space, at, 1), FaultReply::Kind::segv_accerr);
  EXPECT_EQ(kernel.load(*space, at), 1);
  ASSERT_TRUE(space->advise(VirtAddr(at + 2 * kLarge), kLarge, kMadvDontNeed).ok());
  EXPECT_EQ(kernel.load(*space, at + 2 * kLarge), 0);
  EXPECT_EQ(kernel.memory.huge().leaves.split, 0u);
  kernel.expect_sound();
  space.reset();
  kernel.expect_all_given_back();
}

TEST_F(Hugetlb, ForkSharesAndAStoreCopiesTheWholePage) {
  const uint64_t at = map(2 * kLarge);
  kernel.store(*space, at, 1);
  kernel.store(*space, at + kLarge - 1, 2);
  auto child = kernel.fork(*space);
  ASSERT_NE(child, nullptr);
  kernel.expect_sound();
  EXPECT_EQ(kernel.store(*child, at + kPage, 3), FaultReply::Kind::resolved);
  EXPECT_EQ(kernel.memory.copies().pages, kPages);
  EXPECT_EQ(kernel.memory.faults().cow, 1u);
  EXPECT_EQ(kernel.load(*child, at), 1);
  EXPECT_EQ(kernel.load(*child, at + kLarge - 1), 2);
  EXPECT_EQ(kernel.load(*space, at + kPage), 0);
  EXPECT_EQ(kernel.store(*space, at + kPage, 4), FaultReply::Kind::resolved);
  EXPECT_EQ(kernel.memory.copies().pages, kPages);
  // What was set aside is the parent's.
  EXPECT_EQ(kernel.store(*child, at + kLarge, 5), FaultReply::Kind::resolved);
  EXPECT_EQ(kernel.memory.frames().anonymous, 4 * kPages);
  EXPECT_EQ(kernel.load(*space, at + kLarge), 0);
  EXPECT_EQ(kernel.memory.frames().anonymous, 4 * kPages);
  kernel.expect_sound();
  child.reset();
  EXPECT_EQ(kernel.memory.frames().anonymous, 2 * kPages);
  space.reset();
  kernel.expect_all_given_back();
}

TEST_F(Hugetlb, SharedIsOneCopy) {
  const uint64_t at = map(2 * kLarge, kMapShared | kMapAnonymous);
  EXPECT_EQ(kernel.memory.frames().anonymous, 2 * kPages);
  auto child = kernel.fork(*space);
  kernel.store(*child, at + kLarge + kPage, 9);
  EXPECT_EQ(kernel.load(*space, at + kLarge + kPage), 9);
  EXPECT_EQ(kernel.memory.frames().anonymous, 2 * kPages);
  EXPECT_EQ(kernel.memory.copies().pages, 0u);
  kernel.expect_sound();
  space.reset();
  EXPECT_EQ(kernel.load(*child, at + kLarge + kPage), 9);
  child.reset();
  kernel.expect_all_given_back();
}

TEST_F(Hugetlb, MovesWithWhatIsSetAside) {
  const uint64_t at = map(2 * kLarge);
  kernel.store(*space, at + kPage, 7);
  const uint64_t to = kPlace;
  EXPECT_EQ(space->remap(VirtAddr(at), 2 * kLarge, 2 * kLarge, kMremapMayMove | kMremapFixed, VirtAddr(to + kPage))
                .error()
                .value,
            EINVAL);
  ASSERT_TRUE(space->remap(VirtAddr(at), 2 * kLarge, 2 * kLarge, kMremapMayMove | kMremapFixed, VirtAddr(to)).ok());
  EXPECT_EQ(kernel.load(*space, to + kPage), 7);
  EXPECT_EQ(kernel.memory.huge().leaves.pages, kPages);
  EXPECT_EQ(kernel.load(*space, to + kLarge), 0);
  EXPECT_EQ(kernel.memory.frames().anonymous, 2 * kPages);
  kernel.expect_sound();
  space.reset();
  kernel.expect_all_given_back();
}

TEST_F(Hugetlb, IsNotPagedOut) {
  const uint64_t at = map(kLarge);
  kernel.store(*space, at, 1);
  // More base pages than there is memory.
  const uint64_t pages = 7 * kPages;
  const uint64_t other = kernel.map(*space, pages);
  for (uint64_t i = 0; i < pages; ++i) {
    ASSERT_EQ(kernel.store(*space, other + i * kPage, static_cast<uint8_t>(i)), FaultReply::Kind::resolved);
  }
  EXPECT_GT(kernel.memory.swap().outs, kPages);
  EXPECT_EQ(kernel.memory.huge().leaves.pages, kPages);
  EXPECT_EQ(kernel.load(*space, at), 1);
  EXPECT_EQ(kernel.memory.faults().swap_in, 0u);
  kernel.expect_sound();
  space.reset();
  kernel.expect_all_given_back();
}

TEST_F(Hugetlb, PopulateTouchesEachPageOnce) {
  const uint64_t at = map(3 * kLarge, kAnonymous);
  ASSERT_EQ(kernel.populate(*space, at, 3 * kPages, Populate::all), FaultReply::Kind::resolved);
  EXPECT_EQ(kernel.memory.faults().minor, 3u);
  EXPECT_EQ(space->resident_pages(), 3 * kPages);
  EXPECT_EQ(kernel.load(*space, at + 2 * kLarge + 5 * kPage), 0);
  EXPECT_EQ(kernel.memory.faults().minor, 3u);
  space.reset();
  kernel.expect_all_given_back();
}

TEST(HugetlbFormats, FourMegabytesWithTwoLevelsAndNoneWithOne) {
  for (const char* format : {"ia32", "sv32"}) {
    Settings settings;
    settings.frames = 4096;
    settings.format = format;
    FakeKernel kernel(settings);
    auto space = kernel.new_space();
    MapRequest request{.length = 1, .protection = kProtRead | kProtWrite, .flags = kAnonymous | kMapHugeTlb};
    const Result<VirtAddr> mapped = space->map(request);
    ASSERT_TRUE(mapped.ok()) << format;
    EXPECT_EQ(space->find_area(mapped.value())->bytes(), 4u << 20);
    kernel.store(*space, mapped.value().value, 1);
    EXPECT_EQ(kernel.memory.page_table_statistics().entries_present, 1u);
    request.flags |= 21 << kMapHugeShift;
    EXPECT_EQ(space->map(request).error().value, EINVAL);
    kernel.expect_sound();
    space.reset();
    kernel.expect_all_given_back();
  }
  Settings settings;
  settings.frames = 4096;
  settings.format = "linear32";
  FakeKernel kernel(settings);
  auto space = kernel.new_space();
  const MapRequest request{.length = 1, .protection = kProtRead, .flags = kAnonymous | kMapHugeTlb};
  EXPECT_EQ(space->map(request).error().value, EINVAL);
}

}  // namespace
}  // namespace faultline::os::test
