// What a disk does to memory, and what it does when a transfer cannot be done.
#include <gtest/gtest.h>

#include <vector>

#include "disk_bench.h"

namespace faultline::hw {
namespace {

constexpr uint64_t us = kFsPerUs;

uint8_t first_byte(DiskBench& bench, uint64_t frame) { return *bench.memory.at(PhysAddr(frame << 12)); }

TEST(DiskDma, FillsFramesInOrder) {
  DiskBench bench(simple_ssd());
  DiskRequest request = bench.request(1, 0, false, "scattered");
  request.frames = {Pfn(7), Pfn(3)};
  bench.disk.submit(std::move(request));
  bench.run_to(100 * us);
  EXPECT_EQ(first_byte(bench, 7), 0) << "the bytes arrive at the end of service";
  bench.run();
  // Pages 1 and 2 of the disk begin with sectors 8 and 16.
  EXPECT_EQ(first_byte(bench, 7), 8);
  EXPECT_EQ(*bench.memory.at(PhysAddr((7 << 12) + 4095)), 15);
  EXPECT_EQ(first_byte(bench, 3), 16);
  EXPECT_EQ(first_byte(bench, 4), 0);
  const DiskStatistics statistics = bench.disk.statistics();
  EXPECT_EQ(statistics.reads, 1);
  EXPECT_EQ(statistics.bytes_read, 8192);
  EXPECT_EQ(statistics.writes + statistics.bytes_written + statistics.errors, 0);
}

TEST(DiskDma, ReadsBackWhatItWrote) {
  DiskBench bench(simple_ssd());
  for (uint64_t i = 0; i < 8192; ++i) *bench.memory.at(PhysAddr(i)) = static_cast<uint8_t>(i * 7 >> 3);
  bench.disk.submit(bench.request(40, 2, true, "out", 0));
  bench.run();
  bench.disk.submit(bench.request(40, 2, false, "in", 10));
  bench.run();
  EXPECT_EQ(std::memcmp(bench.memory.at(PhysAddr(0)), bench.memory.at(PhysAddr(10 << 12)), 8192), 0);
  EXPECT_EQ(bench.disk.statistics().bytes_written, 8192);
}

// A page is 64 bursts of 64 bytes; a disk read writes memory and the other way.
TEST(DiskDma, TakesMemoryThroughItsSocket) {
  DiskBench bench(simple_ssd());
  bench.read(0, 2);
  bench.run();
  EXPECT_EQ(bench.counting.writes, 128);
  EXPECT_EQ(bench.counting.reads, 0);
  bench.write(0, 1);
  bench.run();
  EXPECT_EQ(bench.counting.reads, 64);
  EXPECT_EQ(bench.counting.bytes, 3 * 4096);
  EXPECT_EQ(bench.counting.not_dma, 0);
}

// Two pages take 100 us and then 4 us each on the link: the first has passed at
// 104, the second at 108.
TEST(DiskDma, SpreadsItsAccessesOverTheTransfer) {
  DiskBench bench(simple_ssd());
  bench.read(0, 2);
  EXPECT_EQ(bench.disk.next_completion()->value(), 108 * us);
  bench.run_to(103 * us);
  EXPECT_EQ(bench.counting.writes, 0);
  bench.run_to(105 * us);
  EXPECT_EQ(bench.counting.writes, 64);
  EXPECT_EQ(first_byte(bench, 1), 0) << "bytes move at the end";
  EXPECT_EQ(bench.disk.next_completion()->value(), 108 * us);
  bench.run();
  EXPECT_EQ(bench.counting.writes, 128);
  EXPECT_EQ(first_byte(bench, 1), 8);
}

// The accesses are posted: a memory a thousand times slower delays no request.
TEST(DiskDma, DoesNotWaitForMemory) {
  DiskBench bench(simple_ssd(), 1000 * us);
  bench.read(0, 1);
  EXPECT_EQ(bench.run(), 104 * us);
}

TEST(DiskDma, TellsWhoeverCachedTheFrames) {
  DiskBench bench(simple_ssd());
  std::vector<uint64_t> dropped;
  bench.memory.on_code_dropped([&](Pfn frame) { dropped.push_back(frame.value); });
  bench.memory.mark_code(Pfn(1));
  bench.memory.mark_code(Pfn(2));
  bench.disk.submit(bench.request(0, 2, false, "in", 0));
  bench.run();
  EXPECT_EQ(dropped, std::vector<uint64_t>{1});
  EXPECT_FALSE(bench.memory.has_code(Pfn(1)));
  EXPECT_TRUE(bench.memory.has_code(Pfn(2)));
  const std::vector<std::pair<uint64_t, uint64_t>> writes = {{0, 4096}, {4096, 4096}};
  EXPECT_EQ(bench.dma_writes, writes);
  bench.write(0, 2);
  bench.run();
  EXPECT_EQ(bench.dma_writes, writes) << "a disk write changes no memory";
}

TEST(DiskDma, ReportsAMediumThatFails) {
  DiskBench bench(simple_ssd());
  bench.medium.bad_sector = 16;
  bench.read(0, 4);
  EXPECT_EQ(bench.run(), 116 * us) << "a failure takes its time";
  EXPECT_FALSE(bench.ended[0].ok);
  bench.write(2, 1);
  bench.run();
  EXPECT_FALSE(bench.ended[1].ok);
  bench.read(3, 1);
  bench.run();
  EXPECT_TRUE(bench.ended[2].ok);
  const DiskStatistics statistics = bench.disk.statistics();
  EXPECT_EQ(statistics.errors, 2);
  EXPECT_EQ(statistics.reads, 2);
  EXPECT_EQ(statistics.bytes_read, (3 + 1) * 4096) << "all pages of the first but one came through";
  EXPECT_EQ(statistics.bytes_written, 0);
}

TEST(DiskDma, RefusesWhatLiesOutside) {
  DiskBench bench(simple_ssd());  // 64 MiB: pages 0 to 16383
  const auto refused = [&](DiskRequest request) {
    bench.disk.submit(std::move(request));
    EXPECT_TRUE(bench.ended.empty()) << "never done before submit returns";
    bench.run();
    EXPECT_FALSE(bench.ended.back().ok);
    bench.ended.clear();
  };
  refused(bench.request(16384, 1, false, "behind the end"));
  refused(bench.request(16383, 2, true, "across the end"));
  refused(bench.request((~uint64_t{0} >> 3) - 1, 4, true, "wraps"));
  refused(bench.request(0, 1, false, "no such frame", 1024));
  refused(bench.request(0, 1, false, "no such frame", ~uint64_t{0} >> 12));
  EXPECT_EQ(bench.disk.statistics().errors, 5);
  bench.read(16383, 1);
  bench.run();
  EXPECT_TRUE(bench.ended.back().ok);
}

// A completion that submits the next request, as a driver does.
TEST(DiskDma, TakesARequestFromInsideDone) {
  DiskBench bench(simple_hdd());
  DiskRequest first = bench.request(0, 1, false, "first");
  first.done = [&](const TransferOutcome&) {
    EXPECT_EQ(bench.disk.queued(), 0);
    bench.read(1, 1, "second");
  };
  bench.disk.submit(std::move(first));
  bench.run();
  ASSERT_EQ(bench.ended.size(), 1);
  EXPECT_EQ(bench.ended[0].at_fs, 2 * kFsPerMs) << "back to back: no turn lost";
  EXPECT_EQ(bench.disk.statistics().busy_fs, 2 * kFsPerMs);
}

}  // namespace
}  // namespace faultline::hw
