// A hard disk's time, worked out by hand on the disk of simple_hdd(): a turn is
// 10 ms, a page passes in 1 ms, ten pages are a track, and track n begins n ms
// later in the turn than track 0.
#include <gtest/gtest.h>

#include <stdexcept>

#include "disk_bench.h"
#include "hw/devices/hdd_mechanism.h"

namespace faultline::hw {
namespace {

constexpr uint64_t ms = kFsPerMs;

// At time 0 the first sector is under the head: transfer alone.
TEST(Hdd, ReadsTheFirstPageInItsTransferTime) {
  DiskBench bench(simple_hdd());
  bench.read(0, 1);
  EXPECT_EQ(bench.run(), 1 * ms);
}

// At 2 ms the first sector has passed 2 ms ago and comes by in 8.
TEST(Hdd, WaitsForTheSectorToComeBy) {
  DiskBench bench(simple_hdd());
  bench.run_to(2 * ms);
  bench.read(0, 1);
  EXPECT_EQ(bench.run(), (2 + 8 + 1) * ms);
  EXPECT_EQ(bench.disk.statistics().rotation_fs, 8 * ms);
  EXPECT_EQ(bench.disk.statistics().seek_fs, 0);
}

// Ten tracks are a third of the stroke of 30: 5 ms. Track 10 begins 10 ms, that
// is a whole turn, later than track 0: its first sector comes by at 10 ms.
TEST(Hdd, SeeksAThirdOfTheStrokeInTheAverageTime) {
  DiskBench bench(simple_hdd());
  bench.read(100, 1);
  EXPECT_EQ(bench.run(), (5 + 5 + 1) * ms);
  EXPECT_EQ(bench.disk.statistics().seek_fs, 5 * ms);
  EXPECT_EQ(bench.disk.statistics().rotation_fs, 5 * ms);
  EXPECT_EQ(bench.disk.statistics().transfer_fs, 1 * ms);
}

// Page 3 of track 10 passes at 3 ms, before the arm is there; next at 13 ms.
// Page 7 passes at 7 ms, after it has come at 5.
TEST(Hdd, RotationDependsOnWhenTheArmArrives) {
  HddMechanism early(simple_hdd());
  EXPECT_EQ(early.serve(0, {103 * 8, 4096, false}).end_fs, 14 * ms);
  HddMechanism late(simple_hdd());
  EXPECT_EQ(late.serve(0, {107 * 8, 4096, false}).end_fs, 8 * ms);
}

// seek(d) = 1 + 4 * sqrt((d - 1) / 9) ms.
TEST(Hdd, SeeksByTheRootOfTheDistance) {
  const HddMechanism arm(simple_hdd());
  EXPECT_EQ(arm.seek_fs(0), 0);
  EXPECT_EQ(arm.seek_fs(1), 1 * ms);
  EXPECT_EQ(arm.seek_fs(10), 5 * ms);
  EXPECT_NEAR(static_cast<double>(arm.seek_fs(2)), 1e12 * (1 + 4.0 / 3), 1e8);
  EXPECT_NEAR(static_cast<double>(arm.seek_fs(5)), 1e12 * (1 + 8.0 / 3), 1e8);
  EXPECT_NEAR(static_cast<double>(arm.seek_fs(28)), 1e12 * (1 + 4 * 1.7320508), 1e8);
  for (uint64_t d = 1; d < 30; ++d) EXPECT_LT(arm.seek_fs(d), arm.seek_fs(d + 1));
}

TEST(Hdd, QueuedSequentialRequestsCostTransferOnly) {
  DiskBench bench(simple_hdd());
  for (uint64_t page = 0; page < 10; ++page) bench.write(page, 1);
  EXPECT_EQ(bench.run(), 10 * ms);
  for (uint64_t page = 0; page < 10; ++page) EXPECT_EQ(bench.ended[page].at_fs, (page + 1) * ms);
  EXPECT_EQ(bench.disk.statistics().seek_fs + bench.disk.statistics().rotation_fs, 0);
}

// A rate at which no page takes a whole number of femtoseconds.
TEST(Hdd, SequentialRequestsNeverLoseATurnToRounding) {
  DiskConfig config = simple_hdd();
  config.rpm = 7200;
  config.track_bytes = 1'000'448;
  config.size = 64 * config.track_bytes;
  config.track_buffer = false;
  HddMechanism mechanism(config);
  uint64_t now = mechanism.serve(0, {0, 512, false}).end_fs;
  for (uint64_t sector = 1; sector < 8000; ++sector) {
    const DiskService service = mechanism.serve(now, {sector, 512, sector % 3 == 0});
    ASSERT_LE(service.rotation_fs, 8) << sector;
    now = service.end_fs;
  }
}

// 10 ms on track 0, 1 ms to the next track, which is there at that moment, 10 ms.
TEST(Hdd, RunsOnToTheNextTrack) {
  DiskBench bench(simple_hdd());
  bench.read(0, 20);
  EXPECT_EQ(bench.run(), (10 + 1 + 10) * ms);
  EXPECT_EQ(bench.disk.statistics().rotation_fs, 0);
}

TEST(Hdd, TwoRequestsAcrossTracksTakeAsLongAsOne) {
  DiskBench bench(simple_hdd());
  bench.read(0, 10, "first");
  bench.read(10, 10, "second");
  EXPECT_EQ(bench.run(), 21 * ms);
}

// A program that thinks for 100 us after each page finds the next one in the
// drive's buffer or just passing.
TEST(Hdd, TrackBufferSavesTheTurn) {
  DiskBench bench(simple_hdd());
  bench.read(0, 1);
  ASSERT_EQ(bench.run(), 1 * ms);
  bench.run_to(1 * ms + ms / 10);
  bench.read(1, 1);
  EXPECT_EQ(bench.run(), 2 * ms) << "it is passing: page 1 ends at 2 ms";
  bench.run_to(5 * ms + ms / 2);
  bench.read(2, 2);
  EXPECT_EQ(bench.run(), 5 * ms + ms / 2) << "pages 2 and 3 have passed by 4 ms";
  bench.read(4, 2);
  EXPECT_EQ(bench.run(), 6 * ms) << "page 4 has passed, page 5 ends at 6 ms";
  EXPECT_EQ(bench.disk.statistics().rotation_fs, 0);
}

// The same without it: page 1 passed under the head at 1 ms and returns at 11.
TEST(Hdd, WithoutATrackBufferTheTurnIsLost) {
  DiskConfig config = simple_hdd();
  config.track_buffer = false;
  DiskBench bench(config);
  bench.read(0, 1);
  bench.run();
  bench.run_to(1 * ms + ms / 10);
  bench.read(1, 1);
  EXPECT_EQ(bench.run(), 12 * ms);
}

// Pages 8 and 9 are in the buffer at 30 ms; page 10, the first of track 1, needs
// a seek of 1 ms, and comes by at 11, 21, 31 ms: transferred from 31 to 32.
TEST(Hdd, ReadsFromTheBufferAndOnFromTheNextTrack) {
  DiskBench bench(simple_hdd());
  bench.read(7, 1);
  ASSERT_EQ(bench.run(), 8 * ms);
  bench.run_to(30 * ms);
  bench.read(8, 3);
  EXPECT_EQ(bench.run(), 32 * ms);
}

// The buffer holds what came after the last read, not what lies before it, and
// a write ends it.
TEST(Hdd, BufferHoldsOnlyWhatPassed) {
  HddMechanism before(simple_hdd());
  before.serve(0, {3 * 8, 4096, false});  // page 3, ends at 4 ms
  EXPECT_EQ(before.serve(5 * ms, {2 * 8, 4096, false}).end_fs, 13 * ms) << "page 2 passes at 12";
  HddMechanism written(simple_hdd());
  written.serve(0, {0, 4096, false});
  EXPECT_EQ(written.serve(2 * ms, {5 * 8, 4096, true}).end_fs, 6 * ms);
  EXPECT_EQ(written.serve(7 * ms, {6 * 8, 4096, false}).end_fs, 17 * ms) << "page 6 passed at 6, unread";
}

TEST(Hdd, ServesFirstComeFirstServed) {
  DiskBench bench(simple_hdd());
  bench.read(200, 1, "far");
  bench.read(0, 1, "near");
  bench.read(200, 1, "far again");
  bench.run();
  EXPECT_EQ(bench.ended[0].name, "far");
  EXPECT_EQ(bench.ended[1].name, "near");
  EXPECT_EQ(bench.ended[2].name, "far again");
}

TEST(Hdd, BusyFromTheFirstRequestToTheLast) {
  DiskBench bench(simple_hdd());
  bench.run_to(10 * ms);
  bench.read(0, 2);
  bench.run_to(11 * ms);
  EXPECT_EQ(bench.disk.statistics().busy_fs, 1 * ms) << "up to now";
  bench.run();
  bench.run_to(50 * ms);
  bench.read(0, 1);  // 50 to 51
  bench.run();
  EXPECT_EQ(bench.disk.statistics().busy_fs, 3 * ms);
}

// A disk of 4 EiB with tracks of a sector: no overflow, no surprise.
TEST(Hdd, BearsExtremeGeometry) {
  DiskConfig config = simple_hdd();
  config.track_bytes = 512;
  config.size = uint64_t{1} << 62;
  HddMechanism mechanism(config);
  const uint64_t last = config.size / kSectorBytes - 1;
  const DiskService service = mechanism.serve(5, {last, 512, false});
  EXPECT_LE(service.end_fs, 5 + 8 * ms + 2 * mechanism.turn_fs());
  EXPECT_NEAR(static_cast<double>(mechanism.seek_fs(last / 3)), 5e12, 1e9);
}

TEST(Hdd, RefusesAConfigurationThatCannotBe) {
  const auto refused = [](auto change) {
    DiskConfig config = simple_hdd();
    change(config);
    EXPECT_THROW(make_disk_mechanism(config), std::invalid_argument);
  };
  refused([](DiskConfig& c) { c.rpm = 0; });
  refused([](DiskConfig& c) { c.track_bytes = 0; });
  refused([](DiskConfig& c) { c.track_bytes = 1000; });
  refused([](DiskConfig& c) { c.size = 0; });
  refused([](DiskConfig& c) { c.seek_average_us = c.seek_track_us - 1; });
}

}  // namespace
}  // namespace faultline::hw
