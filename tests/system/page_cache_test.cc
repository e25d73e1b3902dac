// Files through the page cache and the disk's queue: switching something off
// changes no output, and takes longer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "harness.h"

namespace faultline::system_test {
namespace {

RunResult job(std::vector<std::string> settings, std::string program, std::vector<std::string> arguments) {
  settings.push_back("dram.size=64M");
  // Memory that is fast beside the disk, unless the test is about memory.
  if (std::find(settings.begin(), settings.end(), "timing=full") == settings.end()) settings.push_back("timing=tlb");
  RunResult result = faultline_run({.settings = std::move(settings),
                                    .program = std::move(program),
                                    .arguments = std::move(arguments),
                                    .command = {.limit = std::chrono::seconds(100)}});
  EXPECT_EQ(result.status, 0) << result.line << result.err;
  return result;
}

uint64_t waits(const RunResult& result) { return count(result.stats, "page_cache.waits"); }
double seconds(const RunResult& result) { return number(result.stats, "seconds"); }

// 256 pages: without read-ahead each is waited for.
TEST(ReadAhead, SavesWaitsAndTimeInOrderOnly) {
  for (const char* how : {"read", "map"}) {
    const std::vector<std::string> in_order = {how, "sequential", "1024", "256", "4096", "1", "cold", "200"};
    const RunResult without = job({"vm.readahead=0"}, "file_job", in_order);
    const RunResult with = job({"vm.readahead=32"}, "file_job", in_order);
    EXPECT_EQ(with.out, without.out);
    EXPECT_GE(waits(without), 256u);
    EXPECT_LT(waits(with), 100u) << how;
    EXPECT_LT(seconds(with), seconds(without)) << how;
    EXPECT_EQ(count(without.stats, "page_cache.readahead"), 0u);
    EXPECT_GE(count(with.stats, "page_cache.readahead"), 250u);
    EXPECT_GE(count(with.stats, "page_cache.readahead_hits"), 250u);
    EXPECT_LT(count(with.stats, "page_cache.readahead_requests"), 40u);

    const std::vector<std::string> random = {how, "random", "1024", "64", "4096", "1", "cold"};
    const RunResult off = job({"vm.readahead=0"}, "file_job", random);
    const RunResult on = job({"vm.readahead=32"}, "file_job", random);
    EXPECT_EQ(on.out, off.out);
    EXPECT_LT(count(on.stats, "page_cache.readahead"), 40u) << "two neighbours by chance at most";
  }
}

TEST(WriteBehind, OverlapsWritingWithComputing) {
  const std::vector<std::string> arguments = {"8192", "2000", "end"};
  const RunResult without = job({"vm.writebehind=false"}, "file_writer", arguments);
  const RunResult with = job({"vm.dirty_background_ratio=1"}, "file_writer", arguments);
  EXPECT_EQ(with.out, without.out);
  EXPECT_EQ(count(without.stats, "page_cache.writebehind"), 0u);
  EXPECT_GT(count(with.stats, "page_cache.writebehind"), 1500u);
  EXPECT_LT(seconds(with), 0.9 * seconds(without)) << "the longer of the two, not their sum";
}

TEST(WriteBehind, MakesAFastWriterWait) {
  const std::vector<std::string> arguments = {"2048", "0", "none"};
  const RunResult free = job({}, "file_writer", arguments);
  const RunResult bound = job({"vm.dirty_ratio=1"}, "file_writer", arguments);
  EXPECT_EQ(bound.out, free.out);
  EXPECT_EQ(count(free.stats, "page_cache.throttled"), 0u);
  EXPECT_GT(count(bound.stats, "page_cache.throttled"), 0u);
  EXPECT_GT(seconds(bound), seconds(free));
}

TEST(WriteBehind, LeavesNoPageDirtyForLong) {
  const std::vector<std::string> arguments = {"64", "20000", "none"};
  const RunResult soon = job({"vm.dirty_expire_ms=1"}, "file_writer", arguments);
  const RunResult late = job({"vm.dirty_expire_ms=3600000"}, "file_writer", arguments);
  EXPECT_EQ(soon.out, late.out);
  EXPECT_GT(count(soon.stats, "page_cache.writebehind"), 4u);
  EXPECT_EQ(count(late.stats, "page_cache.writebehind"), 0u);
}

// Eight readers in parts of their own: as they come, the arm goes to and fro.
TEST(DiskQueue, TheElevatorSavesSeeks) {
  const std::vector<std::string> arguments = {"8", "8", "8192", "yes"};
  const std::vector<std::string> small_tracks = {"vm.readahead=0", "disk.size=1G", "disk.track_bytes=64K"};
  auto settings = small_tracks;
  settings.push_back("disk.scheduler=fifo");
  const RunResult fifo = job(settings, "random_readers", arguments);
  settings.back() = "disk.scheduler=elevator";
  const RunResult elevator = job(settings, "random_readers", arguments);
  EXPECT_EQ(elevator.out, fifo.out);
  EXPECT_LT(number(elevator.stats, "disk.seek_seconds"), number(fifo.stats, "disk.seek_seconds"));
  EXPECT_LT(seconds(elevator), 0.9 * seconds(fifo));
  EXPECT_GE(count(elevator.stats, "disk.queued_peak"), 4u);
}

TEST(DiskQueue, FlashServesManyAtOnce) {
  const std::vector<std::string> arguments = {"16", "16", "4096"};
  const RunResult one = job({"disk.kind=ssd", "disk.queue_depth=1", "vm.readahead=0"}, "random_readers", arguments);
  const RunResult many = job({"disk.kind=ssd", "disk.queue_depth=32", "vm.readahead=0"}, "random_readers", arguments);
  EXPECT_EQ(many.out, one.out);
  EXPECT_LT(seconds(many), 0.8 * seconds(one));
}

TEST(DiskQueue, NeighboursGoTogetherUnlessKeptApart) {
  const std::vector<std::string> arguments = {"1024", "0", "end"};
  const RunResult apart = job({"disk.merge=0", "vm.batch=4"}, "file_writer", arguments);
  const RunResult together = job({"vm.batch=4"}, "file_writer", arguments);
  EXPECT_EQ(together.out, apart.out);
  EXPECT_EQ(count(apart.stats, "disk.merged"), 0u);
  EXPECT_GT(count(together.stats, "disk.merged"), 50u);
  EXPECT_LT(count(together.stats, "disk.writes"), count(apart.stats, "disk.writes") / 4);
  EXPECT_EQ(count(together.stats, "disk.bytes_written"), count(apart.stats, "disk.bytes_written"));
}

// F3 in small: a record of a mapping costs no call and no copy, and a page of it a fault.
TEST(MappedIo, TradesCallsAndCopiesForFaults) {
  const auto run = [](const char* how, const char* kib, const char* records, const char* times) {
    return job({"disk.kind=ssd", "timing=full"}, "file_job", {how, "random", kib, records, "64", times, "warm"});
  };
  const RunResult read_large = run("read", "1024", "8192", "1"), map_large = run("map", "1024", "8192", "1");
  EXPECT_EQ(read_large.out, map_large.out);
  EXPECT_GE(count(read_large.stats, "copies.bytes"), 8192u * 64);
  EXPECT_LT(count(map_large.stats, "copies.bytes"), 1000u);
  EXPECT_GE(count(map_large.stats, "faults.file"), 250u);
  EXPECT_LT(count(map_large.stats, "cycles"), count(read_large.stats, "cycles"));
  const RunResult read_small = run("read", "4", "2", "64"), map_small = run("map", "4", "2", "64");
  EXPECT_EQ(read_small.out, map_small.out);
  EXPECT_GT(count(map_small.stats, "cycles"), count(read_small.stats, "cycles"));
}

TEST(Spawn, VforkAndPosixSpawnDoNotPayForTheParentsMemory) {
  const auto run = [](const char* how, const char* megabytes) {
    const RunResult result = job({"disk.kind=ssd", "timing=full"}, "spawn_cost", {how, megabytes, "3"});
    EXPECT_EQ(result.out, std::string(how) + ": 3 of 3 children ended with 7\n");
    return count(result.stats, "cycles") - count(result.stats, "cycle_stack.idle");
  };
  const uint64_t fork_small = run("fork", "0"), fork_large = run("fork", "16");
  EXPECT_GT(fork_large, fork_small + 3 * 4096 * 50);
  for (const char* how : {"vfork", "posix_spawn"}) {
    const uint64_t small = run(how, "0"), large = run(how, "16");
    EXPECT_LT(large, small + small / 10) << how;
    EXPECT_LT(large, fork_large) << how;
  }
}

}  // namespace
}  // namespace faultline::system_test
