#include <gtest/gtest.h>

#include "tests/os/support/fake_process.h"

namespace faultline::os::test {
namespace {

constexpr uint64_t kPage = 4096;

class EveryFormat : public testing::TestWithParam<const char*> {
 protected:
  static Settings settings() {
    Settings settings;
    settings.frames = 4096;
    settings.format = GetParam();
    return settings;
  }
  // A walk by the format's description alone.
  hw::Entry walk(PhysAddr root, VirtAddr address) {
    const hw::PageTableFormat& format = kernel.memory.format();
    PhysAddr table = root;
    for (unsigned level = format.root_level();; --level) {
      const PhysAddr at = format.entry_address(table, address, level);
      const uint64_t raw = format.entry_bytes() == 4 ? kernel.machine.memory().load<uint32_t>(at)
                                                     : kernel.machine.memory().load<uint64_t>(at);
      const hw::Entry entry = format.decode(raw, level);
      if (!entry.valid || level == 0) return entry;
      table = PhysAddr(entry.pfn.value * kPage);
    }
  }

  FakeKernel kernel{settings()};
};

TEST_P(EveryFormat, KernelPartMapsAllMemoryInEveryProcessAndIsClosed) {
  auto one = kernel.new_space();
  auto two = kernel.new_space();
  for (const uint64_t frame : {0u, 1u, 1023u, 1024u, 4095u}) {
    const VirtAddr at = *kernel.memory.page_tables().kernel_address(PhysAddr(frame * kPage));
    EXPECT_GE(at, kernel.memory.format().kernel_begin());
    for (const PhysAddr root : {one->root(), two->root()}) {
      const hw::Entry entry = walk(root, at);
      ASSERT_TRUE(entry.valid) << frame;
      EXPECT_EQ(entry.pfn.value, frame);
      EXPECT_TRUE(entry.writable);
      EXPECT_FALSE(entry.user);
    }
  }
  EXPECT_FALSE(kernel.memory.page_tables().kernel_address(PhysAddr(4096 * kPage)));
}

TEST_P(EveryFormat, TablesAreMadeOnDemandAndGivenBack) {
  auto space = kernel.new_space();
  const uint64_t before = kernel.memory.frames().page_tables;
  const uint64_t at =
      kernel.map(*space, 4, kProtRead | kProtWrite, kMapPrivate | kMapAnonymous | kMapFixed, nullptr, 0, 0x1000'0000);
  EXPECT_EQ(kernel.memory.frames().page_tables, before);
  kernel.store(*space, at + 2 * kPage, 1);
  const unsigned levels = kernel.memory.format().levels();
  EXPECT_EQ(kernel.memory.frames().page_tables, before + levels - 1);
  const hw::Entry entry = walk(space->root(), VirtAddr(at + 2 * kPage));
  EXPECT_TRUE(entry.valid && entry.user && entry.writable && entry.referenced && entry.modified);
  ASSERT_TRUE(space->unmap(VirtAddr(at), 4 * kPage).ok());
  EXPECT_EQ(kernel.memory.frames().page_tables, before);
  EXPECT_FALSE(walk(space->root(), VirtAddr(at + 2 * kPage)).valid);
  space.reset();
  kernel.expect_all_given_back();
}

// A table's frame may be somebody else's table by the time that the same place
// is touched again.
TEST_P(EveryFormat, TheWayToATableIsForgottenWithIt) {
  auto one = kernel.new_space();
  auto two = kernel.new_space();
  constexpr int kFlags = kMapPrivate | kMapAnonymous | kMapFixed;
  constexpr uint64_t kPlace = 0x1000'0000;
  for (int round = 0; round < 3; ++round) {
    for (AddressSpace* space : {one.get(), two.get()}) {
      kernel.map(*space, 4, kProtRead | kProtWrite, kFlags, nullptr, 0, kPlace);
      for (uint64_t page = 0; page < 4; ++page) kernel.store(*space, kPlace + page * kPage, 1);
    }
    const Pfn first = walk(one->root(), VirtAddr(kPlace)).pfn;
    EXPECT_NE(first, walk(two->root(), VirtAddr(kPlace)).pfn);
    EXPECT_TRUE(one->unmap(VirtAddr(kPlace), 4 * kPage).ok());
    // The frames that were tables come back as another's, or as pages.
    auto three = kernel.new_space();
    kernel.map(*three, 8, kProtRead | kProtWrite, kFlags, nullptr, 0, 2 * kPlace);
    for (uint64_t page = 0; page < 8; ++page) kernel.store(*three, 2 * kPlace + page * kPage, 0xff);
    EXPECT_FALSE(walk(one->root(), VirtAddr(kPlace)).valid);
    kernel.map(*one, 4, kProtRead | kProtWrite, kFlags, nullptr, 0, kPlace);
    kernel.store(*one, kPlace, 2);
    const hw::Entry again = walk(one->root(), VirtAddr(kPlace));
    EXPECT_TRUE(again.valid && again.writable && again.modified);
    EXPECT_EQ(kernel.load(*one, kPlace), 2);
    EXPECT_EQ(kernel.load(*three, 2 * kPlace), 0xff);
    kernel.expect_sound();
  }
}

TEST_P(EveryFormat, ReverseMapFindsEveryMapping) {
  auto file = kernel.file("shared", kPage);
  std::vector<std::unique_ptr<AddressSpace>> spaces;
  std::vector<uint64_t> places;
  for (int i = 0; i < 3; ++i) {
    spaces.push_back(kernel.new_space());
    // Two places in each.
    for (int j = 0; j < 2; ++j) {
      places.push_back(kernel.map(*spaces.back(), 1, kProtRead, kMapShared, file));
      EXPECT_EQ(kernel.load(*spaces.back(), places.back()), 0);
    }
  }
  const Pfn pfn = file->cached_pages.at(0);
  PageTables& tables = kernel.memory.page_tables();
  EXPECT_EQ(kernel.memory.frame_allocator()[pfn].mappings, 6u);
  EXPECT_TRUE(tables.referenced(pfn));
  tables.clear_referenced(pfn);
  EXPECT_FALSE(tables.referenced(pfn));
  kernel.load(*spaces[1], places[3]);
  EXPECT_TRUE(tables.referenced(pfn));
  kernel.expect_sound();
  spaces[0].reset();
  EXPECT_EQ(kernel.memory.frame_allocator()[pfn].mappings, 4u);
  tables.unmap_everywhere(pfn);
  EXPECT_FALSE(tables.mapped(pfn));
  kernel.expect_sound();
  EXPECT_EQ(kernel.load(*spaces[2], places[4]), 0);
  spaces.clear();
  kernel.memory.page_cache().forget(*file);
  kernel.expect_all_given_back();
}

INSTANTIATE_TEST_SUITE_P(, EveryFormat, testing::Values("x86-64", "sv39", "sv48", "ia32", "linear32"));

TEST(PageTables, MemoryThatIsTooSmallIsSaid) {
  Settings settings;
  settings.frames = 30;
  EXPECT_TRUE(FakeKernel(settings).memory.unusable().has_value());
  settings.frames = 512;
  EXPECT_FALSE(FakeKernel(settings).memory.unusable().has_value());
  settings.format = "linear32";
  EXPECT_TRUE(FakeKernel(settings).memory.unusable().has_value());
}

}  // namespace
}  // namespace faultline::os::test
