// Internal fragmentation by kind of area, against sums worked out by hand.
#include <gtest/gtest.h>

#include "tests/os/support/fake_process.h"

namespace faultline::os::test {
namespace {

class InternalFragmentationTest : public ::testing::Test {
 protected:
  void expect(AreaKind kind, const AreaKindStatistics& wanted) {
    const AreaKindStatistics got = kernel_.memory.area_statistics()[static_cast<size_t>(kind)];
    EXPECT_EQ(got.areas, wanted.areas);
    EXPECT_EQ(got.bytes, wanted.bytes);
    EXPECT_EQ(got.resident_bytes, wanted.resident_bytes);
    EXPECT_EQ(got.unused_bytes, wanted.unused_bytes);
  }

  FakeKernel kernel_;
};

// Three pages: one byte of the first, two lines of the second, none of the
// third, which is the zero page.
TEST_F(InternalFragmentationTest, LinesThatWereNeverWritten) {
  auto space = kernel_.new_space();
  const uint64_t at = kernel_.map(*space, 3);
  kernel_.store(*space, at + 5, 1);
  kernel_.store(*space, at + 4096 + 63, 1);
  kernel_.store(*space, at + 4096 + 64, 1);
  kernel_.load(*space, at + 8192);
  expect(AreaKind::anonymous, {.areas = 1, .bytes = 12288, .resident_bytes = 8192, .unused_bytes = 8192 - 64 - 128});
  expect(AreaKind::heap, {});
}

TEST_F(InternalFragmentationTest, HeapAndStackAreKindsOfTheirOwn) {
  auto space = kernel_.new_space();
  space->set_brk_start(VirtAddr(0x10000000));
  space->set_brk(VirtAddr(0x10000000 + 100));
  kernel_.store(*space, 0x10000000, 1);
  expect(AreaKind::heap, {.areas = 1, .bytes = 4096, .resident_bytes = 4096, .unused_bytes = 4096 - 64});
  ASSERT_TRUE(space->map_stack(VirtAddr(0x20000000), 1 << 20).ok());
  kernel_.store(*space, 0x20000000 - 1, 1);
  expect(AreaKind::stack, {.areas = 1, .bytes = 4096, .resident_bytes = 4096, .unused_bytes = 4096 - 64});
}

// A file of 5000 bytes leaves 3192 of its second page; what is written to a
// private mapping is a page of its own, in the place of the file's.
TEST_F(InternalFragmentationTest, BytesBehindTheEndOfAFile) {
  auto space = kernel_.new_space();
  auto file = kernel_.file("f", 5000);
  const uint64_t code = kernel_.map(*space, 2, kProtRead | kProtExec, kMapPrivate, file);
  kernel_.load(*space, code);
  kernel_.load(*space, code + 4096);
  expect(AreaKind::code, {.areas = 1, .bytes = 8192, .resident_bytes = 8192, .unused_bytes = 3192});
  const uint64_t data = kernel_.map(*space, 2, kProtRead | kProtWrite, kMapPrivate, file);
  expect(AreaKind::file, {.areas = 1, .bytes = 8192, .resident_bytes = 8192, .unused_bytes = 3192});
  kernel_.store(*space, data + 4096, 1);
  // The copy holds one byte, and zeros otherwise: the fake disk's bytes are zeros.
  const AreaKindStatistics copied = kernel_.memory.area_statistics()[static_cast<size_t>(AreaKind::file)];
  EXPECT_EQ(copied.resident_bytes, 8192u);
  EXPECT_EQ(copied.unused_bytes % 64, 0u) << "counted by lines, the file's own page no more";
}

// A page that two processes share counts in both areas.
TEST_F(InternalFragmentationTest, SharedMemoryAndFork) {
  auto parent = kernel_.new_space();
  const uint64_t at = kernel_.map(*parent, 1, kProtRead | kProtWrite, kMapShared | kMapAnonymous);
  kernel_.store(*parent, at, 1);
  auto child = kernel_.fork(*parent);
  expect(AreaKind::shared, {.areas = 2, .bytes = 8192, .resident_bytes = 8192, .unused_bytes = 8192 - 128});
}

}  // namespace
}  // namespace faultline::os::test
