// Process groups, the terminal, nice values, timers and locks, on scripts.
#include <gmock/gmock.h>

#include <cstring>

#include "scripted_world.h"

namespace faultline::os {
namespace {

using testing::HasSubstr;
using World = ScriptedWorld;

constexpr uint64_t kBase = 0x10000;
constexpr uint64_t kData = kBase + World::kData;
constexpr uint64_t kFork = 220, kExit = 94, kIoctl = 29, kSuspend = 133, kSetGroup = 154, kGetSession = 156;
constexpr uint64_t kSetSession = 157, kSetPriority = 140, kGetPriority = 141, kSetScheduler = 119, kGetScheduler = 120;
constexpr uint64_t kFutex = 98, kSetRobustList = 99, kSetTimer = 103, kGetTimer = 102, kStop = 19;
constexpr uint64_t kTerminalGetGroup = 0x540f, kTerminalSetGroup = 0x5410, kTerminalGetSession = 0x5429;

uint64_t at(size_t step) { return kBase + World::kEntry + 4 * step; }
bool is_child(const State& state) { return state.x[kA0] == 0; }
Step answers(uint64_t value, const char* what) {
  return World::check([value, what](const State& s) { EXPECT_EQ(s.x[kA0], value) << what; });
}
Step fails(int error, const char* what) { return answers(-static_cast<uint64_t>(error), what); }

void append(std::vector<Step>& steps, std::vector<Step> more) { steps.insert(steps.end(), more.begin(), more.end()); }

TEST(SessionTest, TheFirstProcessLeadsAGroupAndNoSession) {
  World world;
  world.program("first", kBase,
                {World::call(kGetSession, {number(0)}), answers(1, "the shell's session"), World::call(kSetSession),
                 fails(EPERM, "a group's leader"), World::call(kSetGroup, {number(0), number(0)}),
                 answers(0, "it may lead its group"), World::call(kExit, {number(0)})});
  EXPECT_EQ(world.run("first").status, 0);
}

// ioctl(0, request, kData), with the word there being `value` before.
std::vector<Step> terminal(World& world, uint64_t request, uint64_t value = 0) {
  return {world.store(number(kData), number(value)), World::call(kIoctl, {number(0), number(request), number(kData)})};
}

TEST(SessionTest, TheTerminalKnowsItsSessionAndForegroundGroup) {
  World world;
  world.terminal = true;
  std::vector<Step> steps = terminal(world, kTerminalGetGroup);
  const auto expect_word = [&world, &steps](uint64_t value, const char* what) {
    append(steps, {answers(0, what), world.load(kA1, number(kData)),
                   World::check([value, what](const State& s) { EXPECT_EQ(s.x[kA1] & 0xffffffff, value) << what; })});
  };
  expect_word(ProcessTable::kFirstPid, "the first process's group is in the foreground");
  append(steps, terminal(world, kTerminalGetSession));
  expect_word(1, "tcgetsid");
  append(steps, terminal(world, kTerminalSetGroup, 999));
  append(steps, {fails(ESRCH, "a group that is not there")});
  append(steps, terminal(world, kTerminalSetGroup, 0xffffffff));
  append(steps, {fails(EINVAL, "a negative group")});
  append(steps, terminal(world, kTerminalSetGroup, ProcessTable::kFirstPid));
  append(steps, {answers(0, "its own group")});
  append(steps, {World::call(kFork, {number(17), number(0)})});
  const size_t child = steps.size() + 3;
  append(steps, {World::jump_if(is_child, at(child)),
                 World::call(260, {number(~uint64_t{0}), number(0), number(0), number(0)}),
                 World::call(kExit, {number(0)}), World::call(kSetSession)});
  append(steps, terminal(world, kTerminalGetGroup));
  append(steps, {fails(ENOTTY, "no terminal of the new session")});
  append(steps, terminal(world, kTerminalGetSession));
  append(steps, {fails(ENOTTY, "no terminal of the new session"), World::call(kExit, {number(0)})});
  world.program("first", kBase, steps);
  EXPECT_EQ(world.run("first").status, 0);
}

// A child in a group of its own, whose parent, in the foreground, ends with what
// wait tells of it: the signal that stopped it, or its status and 100.
RunOutcome background(World& world, std::vector<Step> child) {
  world.terminal = true;
  std::vector<Step> steps = {World::call(kFork, {number(17), number(0)}),
                             World::jump_if(is_child, at(8)),
                             World::set(kS2, reg(kA0)),
                             World::call(260, {number(~uint64_t{0}), number(kData), number(2), number(0)}),
                             world.load(kA1, number(kData)),
                             World::set(kS3, reg(kA1)),
                             World::call(129, {reg(kS2), number(kSigKill)}),
                             World::call(kExit, {[](const State& s) {
                                           const uint64_t word = s.x[kS3] & 0xffff;
                                           return (word & 0xff) == 0x7f ? word >> 8 : 100 + (word >> 8);
                                         }}),
                             World::call(kSetGroup, {number(0), number(0)})};
  append(steps, std::move(child));
  world.program("first", kBase, steps);
  return world.run("first");
}

Step read_terminal() { return World::call(63, {number(0), number(kData), number(1)}); }

TEST(TerminalTest, AReadInTheBackgroundStopsTheGroup) {
  World world;
  EXPECT_EQ(background(world, {read_terminal(), World::call(kExit, {number(1)})}).status, kSigTtin);
}

TEST(TerminalTest, WhoBlocksOrIgnoresSigttinReadsNothing) {
  World blocked;
  EXPECT_EQ(background(blocked, {blocked.store(number(kData), number(1 << (kSigTtin - 1))),
                                 World::call(135, {number(0), number(kData), number(0), number(8)}), read_terminal(),
                                 fails(EIO, "read"), World::call(kExit, {number(1)})})
                .status,
            101);
  World ignored;
  EXPECT_EQ(background(ignored, {ignored.store(number(kData), number(kHandlerIgnore)),
                                 World::call(134, {number(kSigTtin), number(kData), number(0), number(8)}),
                                 read_terminal(), fails(EIO, "read"), World::call(kExit, {number(1)})})
                .status,
            101);
}

TEST(TerminalTest, AWriteInTheBackgroundStopsWhereTheTerminalSaysSo) {
  const Step write_nothing = World::call(64, {number(1), number(kData), number(0)});
  World world;
  EXPECT_EQ(background(world, {write_nothing, answers(0, "write"), World::call(kExit, {number(1)})}).status, 101);
  World stopping;
  stopping.terminal = true;
  // tcgetattr, and tcsetattr with TOSTOP: SIGTTOU blocked, the child may.
  std::vector<Step> child = {
      stopping.store(number(kData), number(1 << (kSigTtou - 1))),
      World::call(135, {number(0), number(kData), number(0), number(8)}),
      World::call(kIoctl, {number(0), number(0x5401), number(kData)}),
      stopping.load(kS2, number(kData + 8)),
      stopping.store(number(kData + 8), [](const State& s) { return s.x[kS2] | 0x100ull << 32; }),
      World::call(kIoctl, {number(0), number(0x5402), number(kData)}),
      answers(0, "TCSETS"),
      stopping.store(number(kData), number(1 << (kSigTtou - 1))),
      World::call(135, {number(1), number(kData), number(0), number(8)}),
      write_nothing,
      World::call(kExit, {number(1)})};
  EXPECT_EQ(background(stopping, child).status, kSigTtou);
}

TEST(TerminalTest, ANewSessionHasNone) {
  World world;
  uint64_t name = 0;
  std::memcpy(&name, "/dev/tty", 8);
  const auto open = [](uint64_t flags) {
    return World::call(56, {number(~uint64_t{99}), number(kData), number(flags), number(0)});
  };
  world.terminal = true;
  std::vector<Step> steps = {world.store(number(kData), number(name)), world.store(number(kData + 8), number(0)),
                             open(2), answers(3, "/dev/tty")};
  append(steps, {World::call(kFork, {number(17), number(0)})});
  const size_t child = steps.size() + 3;
  append(steps, {World::jump_if(is_child, at(child)),
                 World::call(260, {number(~uint64_t{0}), number(0), number(0), number(0)}),
                 World::call(kExit, {number(0)}), World::call(kSetSession), open(2), fails(ENXIO, "/dev/tty"),
                 open(010000000), answers(4, "O_PATH"), World::call(kExit, {number(0)})});
  world.program("first", kBase, steps);
  EXPECT_EQ(world.run("first").status, 0);
}

TEST(SessionTest, ALongDeadlockIsToldShortly) {
  World world;
  std::vector<Step> steps;
  constexpr size_t kChildren = 40;
  for (size_t i = 0; i < kChildren; ++i) {
    append(steps, {World::call(kFork, {number(17), number(0)}), World::jump_if(is_child, at(2 * kChildren))});
  }
  append(steps, {World::call(kSuspend, {number(kData), number(8)})});
  world.program("first", kBase, steps);
  const RunOutcome outcome = world.run("first");
  EXPECT_EQ(outcome.reason, RunOutcome::Reason::deadlock);
  EXPECT_THAT(outcome.message, HasSubstr("2 (first) waits in rt_sigsuspend"));
  EXPECT_THAT(outcome.message, testing::EndsWith(", and 33 more"));
  EXPECT_LT(outcome.message.size(), 500u);
}

TEST(SessionTest, AStoppedGroupThatIsOrphanedIsHungUp) {
  World world;
  const auto child_of = [](size_t step) { return World::jump_if(is_child, at(step)); };
  world.program(
      "first", kBase,
      {World::call(kFork, {number(17), number(0)}),
       child_of(5),  // 0
                     // 2, the first: waits until the child is stopped, and ends.
       World::call(260, {number(~uint64_t{0}), number(kData), number(2), number(0)}), world.load(kA1, number(kData)),
       World::call(kExit, {[](const State& s) { return (s.x[kA1] >> 8) & 0xff; }}),
       World::call(kSetGroup, {number(0), number(0)}),  // 5, the child
       World::call(172), World::set(kS2, reg(kA0)), World::call(129, {reg(kS2), number(kStop)}),
       World::call(kExit, {number(0)})});
  const RunOutcome outcome = world.run("first");
  EXPECT_EQ(outcome.reason, RunOutcome::Reason::exited) << outcome.message;
  EXPECT_EQ(outcome.status, 19);
  ASSERT_EQ(world.kernel.process_records().size(), 2u);
  EXPECT_EQ(world.kernel.process_records()[1].exit.signal, kSigHup);
  world.expect_all_given_back();
}

TEST(SchedulingTest, NiceValuesAreKeptAndBounded) {
  World world;
  const auto set_nice = [](int nice) {
    return World::call(kSetPriority, {number(0), number(0), number(static_cast<uint64_t>(int64_t{nice}))});
  };
  const Step get_nice = World::call(kGetPriority, {number(0), number(0)});
  world.program("first", kBase,
                {get_nice,
                 answers(20, "nice 0"),
                 set_nice(5),
                 answers(0, "nicer"),
                 get_nice,
                 answers(15, "nice 5"),
                 set_nice(4),
                 fails(EACCES, "RLIMIT_NICE is 0"),
                 set_nice(1000),
                 answers(0, "bounded"),
                 get_nice,
                 answers(1, "nice 19"),
                 World::call(kGetPriority, {number(3), number(0)}),
                 fails(EINVAL, "which"),
                 World::call(kGetPriority, {number(0), number(999)}),
                 fails(ESRCH, "who"),
                 World::call(kGetPriority, {number(1), number(0)}),
                 answers(1, "the group's"),
                 World::call(kSetPriority, {number(2), number(4711), number(0)}),
                 fails(ESRCH, "no such user"),
                 World::call(kFork, {number(17), number(0)}),
                 get_nice,
                 answers(1, "the child has it too"),
                 World::call(kExit, {number(0)})});
  EXPECT_EQ(world.run("first").status, 0);
}

TEST(SchedulingTest, PoliciesAreKeptAsFarAsAnybodyMaySetThem) {
  World world;
  const auto set = [](uint64_t pid, uint64_t policy) {
    return World::call(kSetScheduler, {number(pid), number(policy), number(kData)});
  };
  const Step get = World::call(kGetScheduler, {number(0)});
  world.program("first", kBase,
                {get,
                 answers(0, "SCHED_OTHER"),
                 set(0, 3),
                 answers(0, "SCHED_BATCH"),
                 get,
                 answers(3, "kept"),
                 set(0, 1),
                 fails(EINVAL, "SCHED_FIFO needs a priority"),
                 world.store(number(kData), number(5)),
                 set(0, 1),
                 fails(EPERM, "SCHED_FIFO is for the privileged"),
                 set(0, 0),
                 fails(EINVAL, "SCHED_OTHER has no priority"),
                 world.store(number(kData), number(0)),
                 set(0, 77),
                 fails(EINVAL, "no policy"),
                 set(999, 0),
                 fails(ESRCH, "nobody"),
                 set(~uint64_t{0}, 0),
                 fails(EINVAL, "a negative pid"),
                 World::call(125, {number(1)}),
                 answers(99, "the highest"),
                 World::call(126, {number(0)}),
                 answers(0, "none"),
                 World::call(125, {number(77)}),
                 fails(EINVAL, "no policy"),
                 World::call(kExit, {number(0)})});
  EXPECT_EQ(world.run("first").status, 0);
}

// A list of one lock at kData + 0x100, whose word lies 8 bytes behind the entry.
std::vector<Step> robust_list(World& world, uint64_t word) {
  return {world.store(number(kData), number(kData + 0x100)),  // head: first entry
          world.store(number(kData + 8), number(8)),          // offset
          world.store(number(kData + 16), number(0)),
          world.store(number(kData + 0x100), number(kData)),  // the entry: back to the head
          world.store(number(kData + 0x108), number(word)),
          World::call(kSetRobustList, {number(kData), number(24)})};
}

// The child shares the memory (CLONE_VM) and ends; what is in the word then?
uint64_t word_after_death(uint64_t word) {
  World world;
  std::vector<Step> steps = {
      World::call(kFork, {number(0x100 | 17), number(0)}), World::jump_if(is_child, at(5)),
      World::call(260, {number(~uint64_t{0}), number(0), number(0), number(0)}), world.load(kS2, number(kData + 0x108)),
      World::call(kExit, {[](const State& s) { return (s.x[kS2] & 0xffff) == 0 ? (s.x[kS2] >> 28) & 0xff : 100; }})};
  append(steps, robust_list(world, word));
  append(steps, {World::call(kExit, {number(0)})});
  world.program("first", kBase, steps);
  const RunOutcome outcome = world.run("first");
  EXPECT_EQ(outcome.reason, RunOutcome::Reason::exited);
  return static_cast<uint64_t>(outcome.status);
}

TEST(RobustListTest, TheLocksOfATaskThatEndsAreMarked) {
  constexpr uint64_t kChild = ProcessTable::kFirstPid + 1;
  EXPECT_EQ(word_after_death(kChild), 4u) << "FUTEX_OWNER_DIED";
  EXPECT_EQ(word_after_death(kChild | 0x80000000), 12u) << "and FUTEX_WAITERS is kept";
  EXPECT_EQ(word_after_death(kChild + 1), 100u) << "another's lock is left alone";
}

TEST(RobustListTest, ABadListEndsNothing) {
  for (const uint64_t entry : {kData + 0x100, uint64_t{0x123456780}, kData + 3}) {
    World world;
    std::vector<Step> steps = robust_list(world, ProcessTable::kFirstPid);
    // An entry that leads to itself, to nowhere, or is not aligned.
    append(steps, {world.store(number(kData + 0x100), number(entry)), World::call(kExit, {number(3)})});
    world.program("first", kBase, steps);
    EXPECT_EQ(world.run("first").status, 3);
    world.expect_all_given_back();
  }
}

TEST(FutexTest, OnlyWaitsForAMomentChooseTheirClock) {
  World world;
  world.program("first", kBase,
                {World::call(kFutex, {number(kData), number(0x100 | 0), number(1), number(0)}),
                 fails(ENOSYS, "FUTEX_WAIT | FUTEX_CLOCK_REALTIME"),
                 World::call(kFutex, {number(kData), number(0x100 | 9), number(1), number(0), number(0), number(1)}),
                 fails(EAGAIN, "FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME"), World::call(kExit, {number(0)})});
  EXPECT_EQ(world.run("first").status, 0);
}

// A timer of the process's own time of 10 ms (10'000 cycles of the fake hart).
RunOutcome spin_until(World& world, uint64_t which) {
  world.program("first", kBase,
                {world.store(number(kData + 24), number(10'000)),
                 World::call(kSetTimer, {number(which), number(kData), number(0)}), answers(0, "setitimer"),
                 World::call(kGetTimer, {number(which), number(kData + 64)}), world.load(kA1, number(kData + 88)),
                 World::check([](const State& s) { EXPECT_LE(s.x[kA1], 10'000u); }), World::jump(at(4))});
  return world.run("first");
}

TEST(TimerTest, TheProcesssOwnTimeEnds) {
  for (const auto& [which, signal] : {std::pair(1, kSigVtalrm), std::pair(2, kSigProf)}) {
    World world;
    const RunOutcome outcome = spin_until(world, static_cast<uint64_t>(which));
    EXPECT_EQ(outcome.signal, signal);
    const Usage& usage = world.kernel.process_records()[0].usage;
    EXPECT_GE(usage.user_cycles + (which == 2 ? usage.system_cycles : 0), 10'000u);
    EXPECT_LT(usage.user_cycles, 10'200u);
    world.expect_all_given_back();
  }
}

}  // namespace
}  // namespace faultline::os
