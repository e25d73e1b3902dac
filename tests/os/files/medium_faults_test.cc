#include "os/files/medium_faults.h"

#include <gtest/gtest.h>

namespace faultline::os {
namespace {

PageOnMedium page(uint64_t sector, bool write = false, std::string_view path = {}, uint64_t offset = 0) {
  return {.sector = sector, .sectors = 8, .write = write, .path = path, .offset = offset};
}

MediumFaults faults(const hw::DiskFaultConfig& config) { return {config, 1, 8000}; }

TEST(MediumFaults, AreNoneUnlessAskedFor) {
  MediumFaults none = faults({});
  for (uint64_t sector = 0; sector < 80'000; sector += 8) EXPECT_FALSE(none.fails(page(sector, sector & 8)));
  EXPECT_EQ(none.injected(), 0u);
}

TEST(MediumFaults, StrikeSectors) {
  MediumFaults some = faults({.sectors = "100-107, 4096"});
  EXPECT_FALSE(some.fails(page(88)));
  EXPECT_TRUE(some.fails(page(96))) << "96..103 has 100";
  EXPECT_TRUE(some.fails(page(104)));
  EXPECT_FALSE(some.fails(page(112)));
  EXPECT_TRUE(some.fails(page(4096)));
  EXPECT_TRUE(some.fails(page(4096))) << "always";
  EXPECT_FALSE(some.fails(page(4088)));
  EXPECT_EQ(some.injected(), 4u);
}

TEST(MediumFaults, StrikeFilesByTheEndOfTheirPath) {
  MediumFaults some = faults({.files = "data.bin:8192-8200,lib/libm.so"});
  EXPECT_TRUE(some.fails(page(8000, false, "/tmp/data.bin", 8192)));
  EXPECT_FALSE(some.fails(page(8000, false, "/tmp/data.bin", 4096)));
  EXPECT_FALSE(some.fails(page(8000, false, "/tmp/data.bin", 12288)));
  EXPECT_FALSE(some.fails(page(8000, false, "/tmp/mydata.bin", 8192)));
  EXPECT_TRUE(some.fails(page(8000, false, "data.bin", 8192)));
  EXPECT_TRUE(some.fails(page(8000, false, "/usr/lib/libm.so", 1 << 20)));
  EXPECT_FALSE(some.fails(page(8000, false, "/usr/xlib/libm.so", 0)));
}

TEST(MediumFaults, StrikeOneDirectionOnly) {
  MediumFaults reads = faults({.on = hw::DiskFaultOn::read, .sectors = "0"});
  EXPECT_TRUE(reads.fails(page(0, false)));
  EXPECT_FALSE(reads.fails(page(0, true)));
  MediumFaults writes = faults({.on = hw::DiskFaultOn::write, .sectors = "0"});
  EXPECT_FALSE(writes.fails(page(0, false)));
  EXPECT_TRUE(writes.fails(page(0, true)));
}

// 1 % of 100 000: 1000, with a standard deviation of 31.
TEST(MediumFaults, StrikeByChanceAtTheirRate) {
  MediumFaults some = faults({.rate = 10'000});
  for (int i = 0; i < 100'000; ++i) some.fails(page(8000));
  EXPECT_NEAR(static_cast<double>(some.injected()), 1000, 125);
}

TEST(MediumFaults, AreTheSameForTheSameSeed) {
  const auto pattern = [](uint64_t seed) {
    MediumFaults some = faults({.rate = 500'000, .seed = seed});
    std::string text;
    for (int i = 0; i < 64; ++i) text += some.fails(page(8000)) ? 'x' : '.';
    return text;
  };
  EXPECT_EQ(pattern(7), pattern(7));
  EXPECT_NE(pattern(7), pattern(8));
  EXPECT_EQ(pattern(0), pattern(1)) << "the run's";
}

TEST(MediumFaults, ByChanceStayInTheirArea) {
  MediumFaults swap = faults({.rate = 1'000'000, .area = hw::DiskFaultArea::swap});
  EXPECT_TRUE(swap.fails(page(7992)));
  EXPECT_FALSE(swap.fails(page(8000)));
  MediumFaults files = faults({.rate = 1'000'000, .area = hw::DiskFaultArea::files});
  EXPECT_FALSE(files.fails(page(7992)));
  EXPECT_TRUE(files.fails(page(8000)));
}

TEST(FaultPlaces, SayWhatTheyAreNot) {
  for (const char* good : {"", "1", "1-2", "1,2-3, 4"}) EXPECT_TRUE(are_fault_sectors(good)) << good;
  for (const char* bad : {"x", "1-", "-1", "2-1", "1,", ",1", "1-2-3", "99999999999999999999", "1 2"})
    EXPECT_FALSE(are_fault_sectors(bad)) << bad;
  for (const char* good : {"", "a", "a:1", "a:1-2", "/x/y.z:0-4095,b"}) EXPECT_TRUE(are_fault_files(good)) << good;
  for (const char* bad : {":1", "a:", "a:x", "a:2-1", "a,", "a\"b", "a\\b", "a\nb"})
    EXPECT_FALSE(are_fault_files(bad)) << bad;
}

}  // namespace
}  // namespace faultline::os
