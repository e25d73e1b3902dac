#include "os/files/disk_content.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

namespace faultline::os::test {
namespace {

constexpr PageSize kPage{12};

struct Recorder final : DiskFile {
  std::map<uint64_t, uint8_t> pages;
  bool read_page(uint64_t index, std::span<uint8_t> page) override {
    std::fill(page.begin(), page.end(), pages.contains(index) ? pages[index] : uint8_t{0xee});
    return true;
  }
  bool write_page(uint64_t index, std::span<const uint8_t> page) override {
    pages[index] = page[0];
    return true;
  }
};

TEST(DiskContent, SwapKeepsWhatItWasGiven) {
  DiskContent disk(1 << 20, 4 << 20, kPage);
  std::vector<uint8_t> page(4096, 7), back(4096);
  EXPECT_TRUE(disk.write(8, page));
  EXPECT_TRUE(disk.read(8, back));
  EXPECT_EQ(back, page);
  EXPECT_TRUE(disk.read(16, back));
  EXPECT_EQ(back, std::vector<uint8_t>(4096, 0));
}

TEST(DiskContent, FilesLieInOnePieceBehindSwap) {
  DiskContent disk(1 << 20, 4 << 20, kPage);
  Recorder file;
  const auto extent = disk.allocate(file, 0, 4);
  ASSERT_TRUE(extent.has_value());
  EXPECT_EQ(disk.sector_of(extent->first_block), (1u << 20) / 512);
  std::vector<uint8_t> bytes(4 * 4096);
  for (size_t i = 0; i < 4; ++i) std::fill_n(bytes.begin() + static_cast<long>(i * 4096), 4096, uint8_t(i + 1));
  EXPECT_TRUE(disk.write(disk.sector_of(extent->first_block), bytes));
  EXPECT_EQ(file.pages, (std::map<uint64_t, uint8_t>{{0, 1}, {1, 2}, {2, 3}, {3, 4}}));
}

TEST(DiskContent, AFileThatIsGoneIsNotWrittenTo) {
  DiskContent disk(0, 1 << 20, kPage);
  std::vector<uint8_t> page(4096, 1);
  uint64_t sector = 0;
  {
    Recorder file;
    const auto extent = disk.allocate(file, 0, 1);
    sector = disk.sector_of(extent->first_block);
    disk.release(std::span(&*extent, 1));
  }
  EXPECT_TRUE(disk.write(sector, page));
  EXPECT_TRUE(disk.read(sector, page));
  EXPECT_EQ(page, std::vector<uint8_t>(4096, 0));
}

TEST(DiskContent, ReusesHolesWhenItIsFull) {
  DiskContent disk(0, 8 * 4096, kPage);
  Recorder a, b;
  const auto first = disk.allocate(a, 0, 8);
  ASSERT_EQ(first->pages, 8u);
  EXPECT_FALSE(disk.allocate(b, 0, 1).has_value());
  disk.release(std::span(&*first, 1));
  EXPECT_EQ(disk.free_bytes(), 8u * 4096);
  const auto second = disk.allocate(b, 10, 3);
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->pages, 3u);
  EXPECT_EQ(disk.allocate(b, 20, 100)->pages, 5u);
}

TEST(DiskContent, RefusesWhatLiesOutside) {
  DiskContent disk(1 << 20, 4 << 20, kPage);
  std::vector<uint8_t> page(4096);
  EXPECT_FALSE(disk.read((4u << 20) / 512, page));
  EXPECT_FALSE(disk.read(~uint64_t{0} >> 1, page));
  EXPECT_FALSE(disk.write(3, page));
}

}  // namespace
}  // namespace faultline::os::test
