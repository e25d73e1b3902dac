// An SSD's time on the disk of simple_ssd(): 100 us to read, 10 us to write, 4 us
// for a page on the link, two requests at once.
#include <gtest/gtest.h>

#include <stdexcept>

#include "disk_bench.h"

namespace faultline::hw {
namespace {

constexpr uint64_t us = kFsPerUs;

TEST(Ssd, ReadTakesLatencyAndTransfer) {
  DiskBench bench(simple_ssd());
  bench.read(1000, 1);
  EXPECT_EQ(bench.run(), 104 * us);
}

TEST(Ssd, WriteTakesTransferAndLatency) {
  DiskBench bench(simple_ssd());
  bench.write(1000, 2);
  EXPECT_EQ(bench.run(), 18 * us);
}

// Two latencies overlap, the link carries one page after the other; the third
// request waits for a slot, which the first frees at 104.
TEST(Ssd, ServesAsManyAtOnceAsItsQueueIsDeep) {
  DiskBench bench(simple_ssd());
  bench.read(0, 1, "a");
  bench.read(9, 1, "b");
  bench.read(5, 1, "c");
  EXPECT_EQ(bench.disk.queued(), 3);
  bench.run();
  const std::vector<DiskBench::Ended> expected = {
      {"a", true, 104 * us}, {"b", true, 108 * us}, {"c", true, (104 + 104) * us}};
  EXPECT_EQ(bench.ended, expected);
  EXPECT_EQ(bench.disk.queued(), 0);
  EXPECT_EQ(bench.disk.statistics().queued_peak, 3);
  EXPECT_EQ(bench.disk.statistics().busy_fs, 208 * us);
}

// The link is full duplex, and a write submitted later may end earlier.
TEST(Ssd, AWriteOvertakesARead) {
  DiskBench bench(simple_ssd());
  bench.read(0, 1, "read");
  bench.run_to(50 * us);
  bench.write(1, 1, "write");
  EXPECT_EQ(bench.disk.next_completion()->value(), 64 * us);
  bench.run();
  const std::vector<DiskBench::Ended> expected = {{"write", true, 64 * us}, {"read", true, 104 * us}};
  EXPECT_EQ(bench.ended, expected);
  EXPECT_FALSE(bench.disk.next_completion());
}

// Requests that end in the same instant are done in the order of submission.
TEST(Ssd, EqualEndsKeepTheirOrder) {
  DiskConfig config = simple_ssd();
  config.ssd_bytes_per_us = 1 << 30;  // a page takes no time that counts
  config.queue_depth = 8;
  config.ssd_write_us = config.ssd_read_us;
  DiskBench bench(config);
  for (const char* name : {"a", "b", "c", "d"}) {
    DiskRequest request = bench.request(0, 0, name[0] % 2 == 0, name);
    bench.disk.submit(std::move(request));
  }
  bench.run();
  const std::vector<DiskBench::Ended> expected = {
      {"a", true, 100 * us}, {"b", true, 100 * us}, {"c", true, 100 * us}, {"d", true, 100 * us}};
  EXPECT_EQ(bench.ended, expected);
}

TEST(Ssd, RefusesAConfigurationThatCannotBe) {
  DiskConfig no_depth = simple_ssd();
  no_depth.queue_depth = 0;
  EXPECT_THROW(make_disk_mechanism(no_depth), std::invalid_argument);
  DiskConfig no_link = simple_ssd();
  no_link.ssd_bytes_per_us = 0;
  EXPECT_THROW(make_disk_mechanism(no_link), std::invalid_argument);
}

}  // namespace
}  // namespace faultline::hw
