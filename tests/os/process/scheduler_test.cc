#include "os/process/scheduler.h"

#include <gmock/gmock.h>

#include <string>

#include "fake_cpu.h"

namespace faultline::os {
namespace {

using testing::ElementsAre;

struct SchedulerTest : testing::Test {
  FakeCpu cpu;
  OsConfig config;  // 1 MHz, 250 Hz: slices of 4000 cycles
  Scheduler scheduler{cpu, config};
  std::vector<std::string> log;

  void run_all() {
    while (scheduler.step() != Scheduler::Step::deadlock) {
    }
  }
};

Co<> say_thrice(Scheduler& scheduler, std::vector<std::string>& log, std::string name) {
  for (int i = 0; i < 3; ++i) {
    log.push_back(name + std::to_string(i));
    co_await scheduler.yield();
  }
}

TEST_F(SchedulerTest, YieldingStrandsTakeTurns) {
  Strand a, b;
  const Co<> life_a = scheduler.start(a, [&] { return say_thrice(scheduler, log, "a"); });
  const Co<> life_b = scheduler.start(b, [&] { return say_thrice(scheduler, log, "b"); });
  EXPECT_TRUE(log.empty()) << "a strand runs only when its turn comes";
  run_all();
  EXPECT_THAT(log, ElementsAre("a0", "b0", "a1", "b1", "a2", "b2"));
  EXPECT_TRUE(life_a.done());
  EXPECT_TRUE(life_b.done());
}

TEST_F(SchedulerTest, ASwitchCostsOnlyWhenTheStrandChanges) {
  Strand a;
  const Co<> life = scheduler.start(a, [&] { return say_thrice(scheduler, log, "a"); });
  run_all();
  EXPECT_EQ(scheduler.statistics().context_switches, 1u);
  EXPECT_EQ(cpu.ledger[CycleAccount::context_switch], config.costs.context_switch);
}

Co<> sleep_to(FakeCpu& cpu, WaitQueue& queue, Cycles until, Wake& wake, Cycles& woke) {
  wake = co_await queue.sleep_interruptibly(until);
  woke = cpu.now();
}

TEST_F(SchedulerTest, ATimedSleepEndsAtItsMoment) {
  Strand a;
  WaitQueue queue(scheduler);
  Wake wake = Wake::woken;
  Cycles woke{};
  const Co<> life = scheduler.start(a, [&] { return sleep_to(cpu, queue, Cycles(50'000), wake, woke); });
  run_all();
  EXPECT_EQ(wake, Wake::timeout);
  EXPECT_GE(woke, Cycles(50'000));
  EXPECT_LT(woke, Cycles(50'000 + 2 * (config.costs.interrupt + config.costs.context_switch)));
  EXPECT_GT(cpu.ledger[CycleAccount::idle], 40'000u);
  EXPECT_TRUE(queue.empty());
}

TEST_F(SchedulerTest, AWakeCancelsTheTimeLimit) {
  Strand a;
  WaitQueue queue(scheduler);
  Wake wake = Wake::timeout;
  Cycles woke{};
  const Co<> life = scheduler.start(a, [&] { return sleep_to(cpu, queue, Cycles(50'000), wake, woke); });
  ASSERT_EQ(scheduler.step(), Scheduler::Step::ran);
  ASSERT_EQ(queue.size(), 1u);
  queue.wake_one();
  run_all();
  EXPECT_EQ(wake, Wake::woken);
  EXPECT_TRUE(scheduler.timers().empty());
  EXPECT_LT(cpu.now(), Cycles(50'000));
}

Co<> sleep_for_good(WaitQueue& queue) { co_await queue.sleep(); }

TEST_F(SchedulerTest, SleepersThatNothingWakesAreADeadlock) {
  Strand a;
  WaitQueue queue(scheduler);
  const Co<> life = scheduler.start(a, [&] { return sleep_for_good(queue); });
  EXPECT_EQ(scheduler.step(), Scheduler::Step::ran);
  EXPECT_EQ(scheduler.step(), Scheduler::Step::deadlock);
}

Co<> wake_up_for_ever(WaitQueue& queue, FakeCpu& cpu) {
  for (;;) co_await queue.sleep_interruptibly(cpu.now() + Cycles(250'000));
}

TEST_F(SchedulerTest, ADaemonsTimersKeepNoRunAlive) {
  Strand a, daemon;
  daemon.daemon = true;
  WaitQueue queue(scheduler);
  const Co<> life = scheduler.start(a, [&] { return sleep_for_good(queue); });
  const Co<> daemon_life = scheduler.start(daemon, [&] { return wake_up_for_ever(queue, cpu); });
  int steps = 0;
  while (scheduler.step() != Scheduler::Step::deadlock) ASSERT_LT(++steps, 10'000);
  EXPECT_GT(cpu.now(), Cycles(60 * cpu.clock_hz()));
  EXPECT_LT(cpu.now(), Cycles(62 * cpu.clock_hz()));
}

// Computes in pieces of 1000 cycles, as user code between traps.
Co<> compute(Scheduler& scheduler, FakeCpu& cpu, std::vector<std::string>& log, std::string name, int pieces) {
  for (int i = 0; i < pieces; ++i) {
    cpu.run_for(Cycles(1000));
    if (scheduler.take_interrupts()) {
      log.push_back(name);
      co_await scheduler.step_aside();
    }
  }
  log.push_back(name + " ends");
}

TEST_F(SchedulerTest, SlicesEndAndOthersRun) {
  Strand a, b;
  const Co<> life_a = scheduler.start(a, [&] { return compute(scheduler, cpu, log, "a", 8); });
  const Co<> life_b = scheduler.start(b, [&] { return compute(scheduler, cpu, log, "b", 2); });
  run_all();
  EXPECT_THAT(log, ElementsAre("a", "b ends", "a", "a ends"));
  EXPECT_EQ(scheduler.statistics().preemptions, 1u) << "the second time nobody waited";
}

Co<> sleep_then_log(WaitQueue& queue, Cycles until, std::vector<std::string>& log) {
  co_await queue.sleep_interruptibly(until);
  log.push_back("woken");
}

TEST_F(SchedulerTest, WhatAnInterruptWakesGoesFirst) {
  Strand sleeper, busy;
  WaitQueue queue(scheduler);
  // Wakes in the middle of the busy strand's slice.
  const Co<> life_a = scheduler.start(sleeper, [&] { return sleep_then_log(queue, Cycles(4'200), log); });
  const Co<> life_b = scheduler.start(busy, [&] { return compute(scheduler, cpu, log, "busy", 5); });
  run_all();
  ASSERT_GE(log.size(), 3u);
  EXPECT_EQ(log[0], "busy");
  EXPECT_EQ(log[1], "woken");
  EXPECT_EQ(log.back(), "busy ends");
}

TEST_F(SchedulerTest, AccountsFollowTheStrand) {
  Strand a, b;
  const auto body = [&](CycleAccount account, uint64_t cycles) -> Co<> {
    AccountScope scope(cpu, account);
    for (int i = 0; i < 2; ++i) {
      cpu.charge(Cycles(cycles));
      co_await scheduler.yield();
    }
  };
  const Co<> life_a = scheduler.start(a, [&] { return body(CycleAccount::minor_fault, 7); });
  const Co<> life_b = scheduler.start(b, [&] { return body(CycleAccount::signal, 11); });
  run_all();
  EXPECT_EQ(cpu.ledger[CycleAccount::minor_fault], 14u);
  EXPECT_EQ(cpu.ledger[CycleAccount::signal], 22u);
  EXPECT_EQ(cpu.ledger.total(), cpu.now().value);
}

TEST_F(SchedulerTest, CpuTimeCountsOnlyWhatTheStrandRan) {
  Strand a, b;
  const Co<> life_a = scheduler.start(a, [&] { return compute(scheduler, cpu, log, "a", 6); });
  const Co<> life_b = scheduler.start(b, [&] { return compute(scheduler, cpu, log, "b", 3); });
  run_all();
  // Each ends its slices with the timer's interrupt.
  EXPECT_EQ(scheduler.cpu_time(b), Cycles(3000));
  EXPECT_EQ(scheduler.cpu_time(a), Cycles(6000 + config.costs.interrupt));
}

TEST_F(SchedulerTest, TenThousandStrandsSleepAndWake) {
  constexpr size_t kStrands = 10'000;
  std::vector<Strand> strands(kStrands);
  std::vector<Co<>> lives;
  WaitQueue queue(scheduler);
  for (Strand& strand : strands) lives.push_back(scheduler.start(strand, [&] { return sleep_for_good(queue); }));
  while (queue.size() < kStrands) ASSERT_EQ(scheduler.step(), Scheduler::Step::ran);
  queue.wake_all();
  run_all();
  for (const Co<>& life : lives) ASSERT_TRUE(life.done());
}

TEST(TimerQueueTest, RunsInOrderOfTimeThenOfAddition) {
  TimerQueue timers;
  std::string order;
  timers.add(Cycles(20), [&] { order += 'c'; });
  timers.add(Cycles(10), [&] { order += 'a'; });
  timers.add(Cycles(10), [&] { order += 'b'; });
  const TimerQueue::Id dropped = timers.add(Cycles(5), [&] { order += 'x'; });
  timers.cancel(dropped);
  EXPECT_EQ(timers.next(), Cycles(10));
  EXPECT_EQ(timers.run_due(Cycles(10)), 2u);
  EXPECT_EQ(order, "ab");
  EXPECT_EQ(timers.run_due(Cycles(100)), 1u);
  EXPECT_EQ(order, "abc");
  EXPECT_TRUE(timers.empty());
  timers.cancel(dropped);  // harmless
}

TEST(TimerQueueTest, TellsDaemonsTimersApart) {
  TimerQueue timers;
  const TimerQueue::Id daemon = timers.add(
      Cycles(1), [] {}, true);
  EXPECT_FALSE(timers.has_guest_timers());
  const TimerQueue::Id guest = timers.add(Cycles(1), [] {});
  EXPECT_TRUE(timers.has_guest_timers());
  timers.cancel(guest);
  EXPECT_FALSE(timers.has_guest_timers());
  timers.cancel(daemon);
  EXPECT_TRUE(timers.empty());
}

}  // namespace
}  // namespace faultline::os
