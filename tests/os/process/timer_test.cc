// Timers that send signals: how fast they may go off, what is counted while
// their signal waits, and the clocks of a process's own time.
#include <gtest/gtest.h>

#include "os/process/posix_timer.h"
#include "os/process/timer_moment.h"
#include "os/process/timer_pace.h"
#include "scripted_world.h"

namespace faultline::os {
namespace {

using World = ScriptedWorld;

constexpr uint64_t kBase = 0x10000;
constexpr uint64_t kData = kBase + World::kData;
constexpr uint64_t kHandler = 0x50000;
constexpr uint64_t kExit = 94, kNanosleep = 101, kSetInterval = 103, kCreate = 107, kGet = 108, kOverrun = 109;
constexpr uint64_t kSet = 110, kClockGet = 113, kClockSleep = 115, kAction = 134, kMask = 135, kTimedWait = 137;
constexpr uint64_t kMonotonic = 1, kProcessCpu = 2;

uint64_t at(size_t step) { return kBase + World::kEntry + 4 * step; }
void append(std::vector<Step>& steps, std::vector<Step> more) { steps.insert(steps.end(), more.begin(), more.end()); }
Step answers(uint64_t value, const char* what) {
  return World::check([value, what](const State& s) { EXPECT_EQ(s.x[kA0], value) << what; });
}

// --- the parts -------------------------------------------------------------------------

TEST(TimerMomentTest, ForwardSkipsWholeIntervals) {
  uint64_t due = 100;
  EXPECT_EQ(forward(due, 10, 99), 0u) << "not due yet";
  EXPECT_EQ(due, 100u);
  EXPECT_EQ(forward(due, 10, 100), 1u);
  EXPECT_EQ(due, 110u);
  EXPECT_EQ(forward(due, 10, 145), 4u) << "110, 120, 130, 140";
  EXPECT_EQ(due, 150u);
  EXPECT_EQ(forward(due, ~uint64_t{0}, 150), 1u);
  EXPECT_EQ(due, ~uint64_t{0}) << "never";
}

struct TimerPaceTest : testing::Test {
  static constexpr uint64_t kPrice = 10, kBurst = 1000, kHandler = 4000;  // cycles of the fake hart, of a microsecond

  FakeCpu cpu;
  Timekeeping clock{cpu};
  TimerPace pace{clock};
  int expired = 0;

  void take(uint64_t signals, uint64_t now) {
    for (uint64_t i = 0; i < signals; ++i) pace.signal_taken(Cycles(now));
    pace.handler_returned(Cycles(now));
  }
  void hold() {
    (void)pace.hold([this] { ++expired; });
  }
};

TEST_F(TimerPaceTest, ABurstIsFreeAndTheRestIsPaidFor) {
  EXPECT_FALSE(pace.holds(Cycles(0)));
  take(100, 50);
  EXPECT_FALSE(pace.holds(Cycles(50)));
  take(3, 50);
  EXPECT_EQ(pace.remaining(Cycles(50)), Cycles(3 * kPrice));
  EXPECT_TRUE(pace.holds(Cycles(79)));
  EXPECT_FALSE(pace.holds(Cycles(80)));
  take(1, 50 + kBurst + 3 * kPrice);
  EXPECT_FALSE(pace.holds(Cycles(50 + kBurst + 3 * kPrice))) << "all is paid by then";
}

TEST_F(TimerPaceTest, TheTimeOfAHandlerPaysNothing) {
  take(100, 0);
  pace.signal_taken(Cycles(0));
  EXPECT_TRUE(pace.holds(Cycles(500))) << "in the handler";
  pace.handler_returned(Cycles(500));
  EXPECT_EQ(pace.remaining(Cycles(500)), Cycles(kPrice));
  EXPECT_FALSE(pace.holds(Cycles(510)));
  pace.handler_returned(Cycles(520));
  EXPECT_FALSE(pace.holds(Cycles(520))) << "that was another signal's";
}

TEST_F(TimerPaceTest, AHandlerThatNeverReturnsIsOverSomeTime) {
  take(100, 0);
  pace.signal_taken(Cycles(0));
  EXPECT_EQ(pace.remaining(Cycles(0)), Cycles(kHandler + kPrice));
  EXPECT_EQ(pace.remaining(Cycles(kHandler)), Cycles(kPrice));
  EXPECT_FALSE(pace.holds(Cycles(kHandler + kPrice)));
}

TEST_F(TimerPaceTest, WhatIsHeldHappensInTimeOrWhenTheProcessSleeps) {
  take(101, 0);
  hold();
  EXPECT_EQ(pace.release(Cycles(kPrice - 1)), 0u);
  EXPECT_EQ(pace.release(Cycles(kPrice)), 1u);
  EXPECT_EQ(expired, 1);
  take(200, 20);
  pace.held().cancel(pace.hold([this] { ++expired; }));
  hold();
  pace.release_all();
  EXPECT_EQ(expired, 2) << "and not the one that was cancelled";
  EXPECT_FALSE(pace.holds(Cycles(20)));
}

TEST(PendingTimersTest, EachTimerHasAPlaceWhateverItsSignal) {
  const auto of_timer = [](int32_t id) {
    SignalInfo info;
    info.signal = kSigUsr1;
    info.code = kCodeTimer;
    info.timer = id;
    return info;
  };
  PendingSignals pending;
  SignalInfo forged;  // by rt_sigqueueinfo
  forged.signal = kSigUsr1;
  forged.code = kCodeTimer;
  forged.pid = 7;
  EXPECT_TRUE(pending.add(forged));
  EXPECT_FALSE(pending.has_timer(7)) << "only the kernel can say";
  EXPECT_TRUE(pending.add(of_timer(1)));
  EXPECT_TRUE(pending.add(of_timer(2)));
  EXPECT_TRUE(pending.add(forged));
  const SignalSet all(~uint64_t{0});
  EXPECT_EQ(pending.take(all)->timer, SignalInfo::kNoTimer);
  EXPECT_EQ(pending.take(all)->timer, 1);
  EXPECT_TRUE(pending.has(kSigUsr1));
  EXPECT_EQ(pending.take(all)->timer, 2);
  EXPECT_FALSE(pending.take(all).has_value()) << "the second forged one found one pending";
}

TEST(CpuClockTest, NamesAreLinuxs) {
  EXPECT_FALSE(cpu_clock_name(kMonotonic));
  EXPECT_EQ(cpu_clock_name(2)->pid, 0);
  EXPECT_TRUE(cpu_clock_name(3)->of_task);
  const auto name = [](int32_t pid, int32_t bits) {
    return cpu_clock_name(static_cast<int32_t>(~static_cast<uint32_t>(pid) << 3) | bits);
  };
  EXPECT_EQ(name(5, 2)->pid, 5);
  EXPECT_TRUE(name(5, 2)->exact);
  EXPECT_EQ(name(5, 1)->clock, CpuClock::user);
  EXPECT_FALSE(name(5, 0)->exact);
  EXPECT_TRUE(name(5, 6)->of_task);
  EXPECT_FALSE(name(5, 3)) << "a clock of a device";
}

// --- whole processes ----------------------------------------------------------------------

// rt_sigaction of a handler that counts in s3 and gives up after so many.
std::vector<Step> handled(World& world, uint64_t signal) {
  return {world.store(number(kData), number(kHandler)), world.store(number(kData + 8), number(0)),
          world.store(number(kData + 16), number(0)),
          World::call(kAction, {number(signal), number(kData), number(0), number(8)}), answers(0, "rt_sigaction")};
}

// The handler counts in memory: registers come back.
void add_handler(World& world, uint64_t most) {
  world.code(kHandler,
             {world.load(kS2, number(kData + 0x800)),
              world.store(number(kData + 0x800), [](const State& s) { return s.x[kS2] + 1; }),
              World::jump_if([most](const State& s) { return s.x[kS2] < most; }, kHandler + 16),
              World::call(kExit, {number(99)}), World::set(1, reg(1)), [](State& s) -> std::optional<hw::Trap> {
                s.pc = s.x[1];
                return std::nullopt;
              }});
}

// struct sigevent at kData + 0x100, and its timer: id at kData + 0x180.
std::vector<Step> created(World& world, uint64_t clock, uint64_t signal, uint64_t notify = 0) {
  return {
      world.store(number(kData + 0x100), number(0)), world.store(number(kData + 0x108), number(signal | notify << 32)),
      World::call(kCreate, {number(clock), number(kData + 0x100), number(kData + 0x180)}), answers(0, "timer_create")};
}

// struct itimerspec (or itimerval) at kData + 0x200; each less than a second.
std::vector<Step> setting(World& world, uint64_t interval, uint64_t value) {
  return {world.store(number(kData + 0x200), number(0)), world.store(number(kData + 0x208), number(interval)),
          world.store(number(kData + 0x210), number(0)), world.store(number(kData + 0x218), number(value))};
}

std::vector<Step> set(uint64_t id, uint64_t flags = 0) {
  return {World::call(kSet, {number(id), number(flags), number(kData + 0x200), number(0)}), answers(0, "settime")};
}

std::vector<Step> blocked(World& world, uint64_t set, uint64_t how = 0) {
  return {world.store(number(kData + 0x300), number(set)),
          World::call(kMask, {number(how), number(kData + 0x300), number(0), number(8)})};
}

std::vector<Step> nap(World& world, uint64_t nanoseconds) {
  return {world.store(number(kData + 0x400), number(0)), world.store(number(kData + 0x408), number(nanoseconds)),
          World::call(kNanosleep, {number(kData + 0x400), number(0)})};
}

Step timed_wait(uint64_t set_address = kData + 0x300) {
  return World::call(kTimedWait, {number(set_address), number(kData + 0x500), number(0), number(8)});
}

// A loop of so many turns, then the end of the program with status 0.
void work_and_exit(std::vector<Step>& steps, uint64_t turns) {
  append(steps, {World::set(kS3, number(0))});
  const size_t loop = steps.size();
  append(steps, {World::set(kS3, [](const State& s) { return s.x[kS3] + 1; }),
                 World::jump_if([turns](const State& s) { return s.x[kS3] < turns; }, at(loop)),
                 World::call(kExit, {number(0)})});
}

constexpr uint64_t kUsr1Set = 1 << (kSigUsr1 - 1);

class Storm : public testing::TestWithParam<std::tuple<uint64_t, unsigned>> {};

// A timer that wants to go off every nanosecond, on a hart where the way to the
// handler alone takes hundreds of microseconds.
TEST_P(Storm, TheProgramGetsOn) {
  const auto [clock, timers] = GetParam();
  World world;
  add_handler(world, 20'000);
  std::vector<Step> steps = handled(world, kSigUsr1);
  for (unsigned i = 0; i < timers; ++i) {
    append(steps, created(world, clock, kSigUsr1));
    append(steps, setting(world, 1, 1));
    append(steps, set(i));
  }
  work_and_exit(steps, 1000);
  world.program("first", kBase, steps);
  EXPECT_EQ(world.run("first").status, 0);
  world.expect_all_given_back();
}

INSTANTIATE_TEST_SUITE_P(, Storm,
                         testing::Combine(testing::Values(uint64_t{0}, kMonotonic, kProcessCpu),
                                          testing::Values(1u, 20u)));

TEST(IntervalTimerTest, TheShortestIntervalLetsTheProgramGetOn) {
  for (const auto& [which, signal] : {std::pair(0, kSigAlrm), std::pair(1, kSigVtalrm), std::pair(2, kSigProf)}) {
    World world;
    add_handler(world, 20'000);
    std::vector<Step> steps = handled(world, static_cast<uint64_t>(signal));
    append(steps, setting(world, 1, 1));
    append(steps, {World::call(kSetInterval, {number(static_cast<uint64_t>(which)), number(kData + 0x200), number(0)}),
                   answers(0, "setitimer")});
    work_and_exit(steps, 1000);
    world.program("first", kBase, steps);
    EXPECT_EQ(world.run("first").status, 0) << which;
  }
}

TEST(PosixTimerTest, OneThatTellsNobodyDisturbsNobody) {
  World world;
  std::vector<Step> steps = created(world, kMonotonic, 0, 1);  // SIGEV_NONE
  append(steps, setting(world, 7000, 7000));
  append(steps, set(0));
  append(steps, {World::call(kGet, {number(0), number(kData + 0x600)}), answers(0, "timer_gettime"),
                 world.load(kS2, number(kData + 0x618)), World::check([](const State& s) {
                   EXPECT_GT(s.x[kS2], 0u);
                   EXPECT_LE(s.x[kS2], 7000u);
                 })});
  work_and_exit(steps, 100);
  world.program("first", kBase, steps);
  EXPECT_EQ(world.run("first").status, 0);
  EXPECT_LT(world.scheduler.statistics().timer_interrupts, 10u) << "one for each interval before";
}

TEST(PosixTimerTest, AMomentInThePastCountsWhatHasPassed) {
  World world;
  std::vector<Step> steps = blocked(world, kUsr1Set);
  append(steps, nap(world, 50'000'000));
  append(steps, created(world, kMonotonic, kSigUsr1));
  // Every 10 ms, the first time 45 ms ago: four more by now.
  append(steps, setting(world, 10'000'000, 0));
  append(steps,
         {World::call(kClockGet, {number(kMonotonic), number(kData + 0x600)}), world.load(kS2, number(kData + 0x608)),
          world.store(number(kData + 0x218), [](const State& s) { return s.x[kS2] - 45'000'000; })});
  append(steps, set(0, 1));
  append(steps, {timed_wait(), answers(kSigUsr1, "at once"), world.load(kS2, number(kData + 0x510)),
                 World::check([](const State& s) { EXPECT_EQ(s.x[kS2] >> 32, 4u) << "si_overrun"; }),
                 World::call(kOverrun, {number(0)}), answers(4, "timer_getoverrun"), World::call(kExit, {number(0)})});
  world.program("first", kBase, steps);
  EXPECT_EQ(world.run("first").status, 0);
}

TEST(PosixTimerTest, MomentsBeforeTheMachineStartedCount) {
  World world;
  std::vector<Step> steps = blocked(world, kUsr1Set);
  append(steps, created(world, 0, kSigUsr1));
  append(steps, setting(world, 0, 5));
  append(steps, {world.store(number(kData + 0x200), number(86'400))});  // a day, since 1970-01-01
  append(steps, set(0, 1));
  append(steps, {timed_wait(), answers(kSigUsr1, "at once"), World::call(kOverrun, {number(0)}),
                 answers(Timekeeping::kEpochSeconds / 86'400, "a day each"), World::call(kExit, {number(0)})});
  world.program("first", kBase, steps);
  EXPECT_EQ(world.run("first").status, 0);
}

TEST(PosixTimerTest, ItRunsAgainOnlyWhenItsSignalIsTaken) {
  World world;
  std::vector<Step> steps = blocked(world, kUsr1Set);
  append(steps, created(world, kMonotonic, kSigUsr1));
  append(steps, setting(world, 1'000'000, 1'000'000));
  append(steps, set(0));
  append(steps, nap(world, 100'000'000));
  append(steps, {timed_wait(), answers(kSigUsr1, "it waits"), World::call(kOverrun, {number(0)}),
                 World::check([](const State& s) {
                   EXPECT_GE(s.x[kA0], 99u);
                   EXPECT_LE(s.x[kA0], 103u);
                 }),
                 timed_wait(), answers(kSigUsr1, "the next one"), World::call(kOverrun, {number(0)}),
                 World::check([](const State& s) { EXPECT_LE(s.x[kA0], 1u); }), World::call(kExit, {number(0)})});
  world.program("first", kBase, steps);
  EXPECT_EQ(world.run("first").status, 0);
  EXPECT_LT(world.scheduler.statistics().timer_interrupts, 60u) << "none for what is only counted";
}

TEST(PosixTimerTest, TwoOfOneSignalAreTwoSignals) {
  World world;
  add_handler(world, 100);
  std::vector<Step> steps = handled(world, kSigUsr1);
  append(steps, blocked(world, kUsr1Set));
  for (uint64_t id = 0; id < 2; ++id) {
    append(steps, created(world, kMonotonic, kSigUsr1));
    append(steps, setting(world, 0, 1'000'000));
    append(steps, set(id));
  }
  append(steps, nap(world, 50'000'000));
  append(steps, blocked(world, kUsr1Set, 1));
  append(steps, {world.load(kS2, number(kData + 0x800)), World::call(kExit, {reg(kS2)})});
  world.program("first", kBase, steps);
  EXPECT_EQ(world.run("first").status, 2);
}

TEST(PosixTimerTest, WhatGoesOffWhileIgnoredComesLater) {
  World world;
  add_handler(world, 100);
  std::vector<Step> steps = {world.store(number(kData), number(kHandlerIgnore)),
                             World::call(kAction, {number(kSigUsr1), number(kData), number(0), number(8)})};
  append(steps, created(world, kMonotonic, kSigUsr1));
  append(steps, setting(world, 400'000'000, 10'000'000));
  append(steps, set(0));
  append(steps, nap(world, 100'000'000));
  append(steps, handled(world, kSigUsr1));
  append(steps, {world.load(kS2, number(kData + 0x800)), World::call(kExit, {reg(kS2)})});
  world.program("first", kBase, steps);
  EXPECT_EQ(world.run("first").status, 1);
}

TEST(PosixTimerTest, TheProcesssOwnTimeStandsStillWhileItSleeps) {
  World world;
  std::vector<Step> steps = blocked(world, kUsr1Set);
  append(steps, created(world, kProcessCpu, kSigUsr1));
  append(steps, setting(world, 0, 30'000'000));
  append(steps, {World::call(kClockGet, {number(kProcessCpu), number(kData + 0x600)}),
                 world.load(kS3, number(kData + 0x608))});
  append(steps, set(0));
  append(steps, nap(world, 500'000'000));
  append(steps, {World::call(136, {number(kData + 0x700), number(8)}), world.load(kS2, number(kData + 0x700)),
                 World::check([](const State& s) { EXPECT_EQ(s.x[kS2], 0u) << "nothing while it slept"; })});
  const size_t loop = steps.size();
  append(steps, {World::call(136, {number(kData + 0x700), number(8)}), world.load(kS2, number(kData + 0x700)),
                 World::jump_if([](const State& s) { return s.x[kS2] == 0; }, at(loop)),
                 World::call(kClockGet, {number(kProcessCpu), number(kData + 0x600)}),
                 world.load(kS2, number(kData + 0x608)), World::check([](const State& s) {
                   EXPECT_GE(s.x[kS2] - s.x[kS3], 30'000'000u);
                   EXPECT_LT(s.x[kS2] - s.x[kS3], 36'000'000u);
                 }),
                 World::call(kExit, {number(0)})});
  world.program("first", kBase, steps);
  EXPECT_EQ(world.run("first").status, 0);
}

// The parent sleeps until the child has run for 20 ms.
TEST(CpuClockTest, OneCanSleepOnAnothersTime) {
  World world;
  const auto childs_clock = [](const State& s) { return ~s.x[kS2] << 3 | 2; };
  std::vector<Step> steps = {World::call(220, {number(17), number(0)})};
  const size_t parent = 4;
  append(steps, {World::jump_if([](const State& s) { return s.x[kA0] != 0; }, at(parent)),
                 World::set(kS3, reg(kS3)),                      // the child works for ever
                 World::jump(at(2)), World::set(kS2, reg(kA0)),  // the parent
                 world.store(number(kData + 0x400), number(0)), world.store(number(kData + 0x408), number(20'000'000)),
                 World::call(kClockSleep, {childs_clock, number(0), number(kData + 0x400), number(0)}),
                 answers(0, "clock_nanosleep"), World::call(kClockGet, {childs_clock, number(kData + 0x600)}),
                 world.load(kS3, number(kData + 0x608)), World::check([](const State& s) {
                   EXPECT_GE(s.x[kS3], 20'000'000u);
                   EXPECT_LT(s.x[kS3], 30'000'000u);
                 }),
                 World::call(129, {reg(kS2), number(kSigKill)}), World::call(kExit, {number(0)})});
  world.program("first", kBase, steps);
  EXPECT_EQ(world.run("first").status, 0);
  world.expect_all_given_back();
}

}  // namespace
}  // namespace faultline::os
