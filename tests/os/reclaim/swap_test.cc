#include <gtest/gtest.h>

#include <set>

#include "tests/os/support/fake_process.h"

namespace faultline::os::test {
namespace {

constexpr uint64_t kPage = 4096;

Settings tight() {
  Settings settings;
  settings.frames = 256;
  settings.swap_pages = 600;
  return settings;
}

TEST(Swap, RunsAreConsecutiveAndFollowEachOther) {
  FakeKernel kernel(tight());
  SwapArea& swap = kernel.memory.swap_area();
  EXPECT_EQ(swap.slots(), 600u);
  EXPECT_EQ(swap.sectors(), 600u * 8);
  const auto first = swap.allocate(32);
  const auto second = swap.allocate(32);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->first, 0u);
  EXPECT_EQ(first->count, 32u);
  EXPECT_EQ(second->first, 32u);
  // A run ends where slots are in use, and the next is looked for behind the last.
  swap.release(3);
  const auto third = swap.allocate(600);
  EXPECT_EQ(third->first, 64u);
  EXPECT_EQ(third->count, 536u);
  const auto hole = swap.allocate(4);
  EXPECT_EQ(hole->first, 3u);
  EXPECT_EQ(hole->count, 1u);
  EXPECT_FALSE(swap.allocate(1));
  EXPECT_EQ(swap.statistics().slots_used_peak, 600u);
}

TEST(Swap, ReadErrorHurtsOnlyWhoTouchesThePage) {
  FakeKernel kernel(tight());
  auto space = kernel.new_space();
  const uint64_t at = kernel.map(*space, 400);
  for (uint64_t i = 0; i < 400; ++i) kernel.store(*space, at + i * kPage, 9);
  bool broken = true;
  kernel.machine.fails = [&](uint64_t, bool write) { return broken && !write; };
  uint64_t bad = 400;
  for (uint64_t i = 0; i < 400 && bad == 400; ++i) {
    if (!space->in_memory(VirtAddr(at + i * kPage))) bad = i;
  }
  ASSERT_LT(bad, 400u);
  EXPECT_EQ(kernel.load(*space, at + bad * kPage), 256 + static_cast<int>(FaultReply::Kind::bus_adrerr));
  broken = false;
  EXPECT_EQ(kernel.load(*space, at + bad * kPage), 256 + static_cast<int>(FaultReply::Kind::bus_adrerr));
  uint64_t good = 0;
  for (uint64_t i = 0; i < 400; ++i) good += kernel.load(*space, at + i * kPage) == 9;
  EXPECT_EQ(good, 399u);
  EXPECT_EQ(kernel.memory.swap().slots_bad, 1u);
  kernel.expect_sound();
  space.reset();
  kernel.expect_all_given_back();
}

TEST(Swap, WriteErrorsLoseNoPage) {
  FakeKernel kernel(tight());
  uint64_t writes = 0;
  kernel.machine.fails = [&](uint64_t, bool write) { return write && ++writes % 3 == 0; };
  auto space = kernel.new_space();
  const uint64_t at = kernel.map(*space, 350);
  for (uint64_t i = 0; i < 350; ++i) {
    ASSERT_EQ(kernel.store(*space, at + i * kPage, static_cast<uint8_t>(i)), FaultReply::Kind::resolved);
  }
  for (uint64_t i = 0; i < 350; ++i) ASSERT_EQ(kernel.load(*space, at + i * kPage), static_cast<uint8_t>(i));
  EXPECT_GT(kernel.memory.swap().slots_bad, 0u);
  kernel.expect_sound();
  space.reset();
  kernel.expect_all_given_back();
}

TEST(Swap, ProcessMayEndWhileItsPagesAreUnderWay) {
  FakeKernel kernel(tight());
  auto ends = kernel.new_space();
  auto stays = kernel.new_space();
  const uint64_t at = kernel.map(*ends, 180);
  for (uint64_t i = 0; i < 180; ++i) kernel.store(*ends, at + i * kPage, 1);
  // The other drives its pages out.
  const uint64_t there = kernel.map(*stays, 200);
  bool done = false;
  kernel.machine.start([&]() -> Co<> {
    for (uint64_t i = 0; i < 200; ++i) {
      PhysAddr where;
      const FaultReply::Kind kind = co_await kernel.access(*stays, there + i * kPage, Access::store, where);
      EXPECT_EQ(kind, FaultReply::Kind::resolved);
      *kernel.machine.memory().at(where) = 2;
    }
    done = true;
  });
  kernel.machine.run([&] { return kernel.memory.requests_in_flight() != 0; });
  ASSERT_GT(kernel.memory.requests_in_flight(), 0u);
  ends.reset();
  kernel.expect_sound();
  kernel.machine.run([&] { return done; });
  ASSERT_TRUE(done);
  kernel.expect_sound();
  stays.reset();
  kernel.expect_all_given_back();
}

TEST(Swap, CopiesOfResidentPagesAreGivenUpWhenSwapIsShort) {
  // 240 usable frames and 260 slots hold 400 pages only if a page in memory
  // does not keep a slot as well.
  Settings settings = tight();
  settings.frames = 256;
  settings.swap_pages = 230;
  settings.config.vm.overcommit = Overcommit::always;
  FakeKernel kernel(settings);
  int out_of_memory = 0;
  kernel.memory.on_out_of_memory([&] { ++out_of_memory; });
  auto space = kernel.new_space();
  const uint64_t at = kernel.map(*space, 380);
  for (int round = 0; round < 4; ++round) {
    for (uint64_t i = 0; i < 380; ++i) {
      ASSERT_EQ(kernel.store(*space, at + i * kPage, static_cast<uint8_t>(i + static_cast<uint64_t>(round))),
                FaultReply::Kind::resolved);
    }
    for (uint64_t i = 0; i < 380; ++i) {
      ASSERT_EQ(kernel.load(*space, at + i * kPage), static_cast<uint8_t>(i + static_cast<uint64_t>(round)));
    }
  }
  EXPECT_EQ(out_of_memory, 0);
  kernel.expect_sound();
}

// Pages that went out together come back together.
TEST(Swap, ReadsAround) {
  uint64_t requests[2];
  for (const uint32_t around : {0u, 8u}) {
    Settings settings = tight();
    settings.config.vm.swap_readaround = around;
    FakeKernel kernel(settings);
    auto space = kernel.new_space();
    const uint64_t at = kernel.map(*space, 400);
    for (uint64_t i = 0; i < 400; ++i) kernel.store(*space, at + i * kPage, static_cast<uint8_t>(i));
    for (uint64_t i = 0; i < 400; ++i) ASSERT_EQ(kernel.load(*space, at + i * kPage), static_cast<uint8_t>(i));
    const SwapStatistics swap = kernel.memory.swap();
    requests[around / 8] = swap.requests_in;
    EXPECT_EQ(swap.ins, swap.requests_in + swap.readaround);
    EXPECT_LE(swap.readaround_hits, swap.readaround);
    EXPECT_EQ(swap.readaround == 0, around == 0);
    kernel.expect_sound();
    space.reset();
    kernel.expect_all_given_back();
  }
  EXPECT_LT(requests[1], requests[0] * 3 / 4);
}

// A neighbour that cannot be read is no loss: its page is read again when it is wanted.
TEST(Swap, AFailedNeighbourIsReadAgain) {
  Settings settings = tight();
  settings.config.vm.swap_readaround = 8;
  FakeKernel kernel(settings);
  auto space = kernel.new_space();
  const uint64_t at = kernel.map(*space, 400);
  for (uint64_t i = 0; i < 400; ++i) kernel.store(*space, at + i * kPage, static_cast<uint8_t>(i));
  // The first page of a request is the wanted one where pages are used in the order of their slots.
  std::set<uint64_t> failed;
  kernel.machine.fails = [&](uint64_t sector, bool write) {
    return !write && sector % 64 == 40 && failed.insert(sector).second;
  };
  uint64_t lost = 0;
  for (uint64_t i = 0; i < 400; ++i) lost += kernel.load(*space, at + i * kPage) != static_cast<uint8_t>(i);
  EXPECT_GT(failed.size(), lost) << "most were neighbours";
  EXPECT_EQ(kernel.memory.swap().read_errors, lost);
  kernel.expect_sound();
  space.reset();
  kernel.expect_all_given_back();
}

}  // namespace
}  // namespace faultline::os::test
