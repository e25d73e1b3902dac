// Processes from their first instruction to their last, on scripts.
#include <gmock/gmock.h>

#include "scripted_world.h"

namespace faultline::os {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using World = ScriptedWorld;

constexpr uint64_t kBase = 0x10000;
constexpr uint64_t kEntry = kBase + World::kEntry;
constexpr uint64_t kData = kBase + World::kData;
constexpr uint64_t kFork = 220, kExec = 221, kWait = 260, kExit = 94, kKill = 129, kAction = 134, kMask = 135;
constexpr uint64_t kGetPid = 172, kGetParent = 173, kSleep = 101, kSetTimer = 103, kSuspend = 133, kSetLimit = 164;
constexpr uint64_t kSaSigInfoFlag = 4, kSaRestartFlag = 0x10000000;
constexpr uint64_t kVforkFlags = 0x4000 | 0x100 | 17;

uint64_t at(size_t step) { return kEntry + 4 * step; }
bool is_child(const State& state) { return state.x[kA0] == 0; }
Value word_of_status(uint64_t address) { return number(address); }

TEST(KernelTest, TheFirstProcessEndsWithItsStatusAndGivesEverythingBack) {
  World world;
  world.program("first", kBase, {world.store(number(kData), number(1)), World::call(kExit, {number(7)})});
  const RunOutcome outcome = world.run("first");
  EXPECT_EQ(outcome.reason, RunOutcome::Reason::exited);
  EXPECT_EQ(outcome.status, 7);
  EXPECT_GT(world.kernel.frames_at_exit().anonymous, 0u);
  world.expect_all_given_back();
  ASSERT_EQ(world.kernel.process_records().size(), 1u);
  const ProcessRecord& record = world.kernel.process_records()[0];
  EXPECT_EQ(record.command, "first");
  EXPECT_EQ(record.exit.code, 7);
  EXPECT_EQ(record.usage.instructions, 1u);
  ASSERT_EQ(world.kernel.syscall_counts().size(), 1u);
  EXPECT_EQ(world.kernel.syscall_counts()[0].name, "exit_group");
}

TEST(KernelTest, TheStackHoldsTheArguments) {
  World world;
  world.program("first", kBase,
                {world.load(kS2, reg(kSp)), world.load(kS3, [](const State& s) { return s.x[kSp] + 16; }),  // argv[1]
                 world.load(kS3, reg(kS3)), World::check([](const State& s) {
                   EXPECT_EQ(s.x[kSp] % 16, 0u);
                   EXPECT_EQ(s.x[kS2], 2u);                            // argc
                   EXPECT_EQ(s.x[kS3] & 0xffffffffff, 0x6f6c6c6568u);  // "hello"
                 }),
                 World::call(kExit, {number(0)})});
  EXPECT_EQ(world.run("first", {"hello"}).status, 0);
}

TEST(KernelTest, ForkReturnsTwiceWithSeparateMemory) {
  World world;
  const std::vector<Step> steps = {world.store(number(kData), number(1)),                                    // 0
                                   World::call(kGetPid),                                                     // 1
                                   World::set(kS2, reg(kA0)),                                                // 2
                                   World::call(kFork, {number(17), number(0)}),                              // 3
                                   World::jump_if(is_child, at(10)),                                         // 4
                                   World::set(kS3, reg(kA0)),                                                // 5
                                   World::call(kWait, {reg(kS3), number(kData + 8), number(0), number(0)}),  // 6
                                   world.load(kA1, number(kData)),                                           // 7
                                   world.load(kA2, number(kData + 8)),                                       // 8
                                   World::jump(at(16)),                                                      // 9
                                   World::call(kGetParent),  // 10, the child
                                   World::check([](const State& s) { EXPECT_EQ(s.x[kA0], s.x[kS2]); }),
                                   World::call(kGetPid),
                                   World::check([](const State& s) { EXPECT_GT(s.x[kA0], s.x[kS2]); }),
                                   world.store(number(kData), number(2)),
                                   World::call(kExit, {number(5)}),   // 15
                                   World::check([](const State& s) {  // 16, the parent again
                                     EXPECT_EQ(s.x[kA0], s.x[kS3]) << "wait4 answers the child's pid";
                                     EXPECT_EQ(s.x[kA1], 1u) << "what the child wrote is its own";
                                     EXPECT_EQ(s.x[kA2] & 0xffffffff, 5u << 8);
                                   }),
                                   World::call(kExit, {number(0)})};
  world.program("first", kBase, steps);
  EXPECT_EQ(world.run("first").status, 0);
  EXPECT_EQ(world.kernel.process_records().size(), 2u);
  // The page where the bss begins, zeroed by exec, and the child's write; then
  // the parent is its page's last owner.
  EXPECT_EQ(world.memory.faults().cow, 2u);
  EXPECT_EQ(world.memory.faults().cow_reuse, 1u);
  world.expect_all_given_back();
}

TEST(KernelTest, VforkSharesMemoryAndStopsTheParent) {
  World world;
  world.program(
      "first", kBase,
      {world.store(number(kData), number(1)),  // 0
       World::call(kFork, {number(kVforkFlags), number(0)}), World::jump_if(is_child, at(5)),
       world.load(kA1, number(kData)),                                                        // 3
       World::call(kExit, {reg(kA1)}), World::call(kSleep, {number(kData + 64), number(0)}),  // 5, the child: {0, 0}
       world.store(number(kData), number(2)), World::call(kExit, {number(0)})});
  EXPECT_EQ(world.run("first").status, 2);
  world.expect_all_given_back();
}

TEST(KernelTest, ExecReplacesTheProgramAndKeepsThePid) {
  World world;
  constexpr uint64_t kOther = 0x40000;
  world.program("second", kOther,
                {World::call(kGetPid),
                 World::check([](const State& s) { EXPECT_EQ(s.x[kA0], uint64_t{ProcessTable::kFirstPid}); }),
                 World::check([](const State& s) { EXPECT_EQ(s.x[kS2], 0u) << "registers are clear"; }),
                 World::call(kExit, {number(9)})});
  world.program("first", kBase,
                {World::set(kS2, number(1)), world.store(number(kData), number(0x646e6f6365732f)),  // "/second"
                 World::call(kExec, {number(kData), number(0), number(0)}), World::call(kExit, {number(1)})});
  EXPECT_EQ(world.run("first").status, 9);
  EXPECT_EQ(world.kernel.process_records()[0].command, "second");
  world.expect_all_given_back();
}

TEST(KernelTest, AFailedExecChangesNothing) {
  World world;
  world.program(
      "first", kBase,
      {world.store(number(kData), number(0x646e6f6365732f)), World::call(kExec, {number(kData), number(0), number(0)}),
       World::call(kExit, {[](const State& s) { return -s.x[kA0]; }})});
  EXPECT_EQ(world.run("first").status, ENOENT);
  world.expect_all_given_back();
}

TEST(KernelTest, AProgramThatCannotRunIsSaidSo) {
  World world;
  world.program("first", kBase, {});
  const RunOutcome outcome = world.run("missing");
  EXPECT_EQ(outcome.reason, RunOutcome::Reason::not_started);
  EXPECT_THAT(outcome.message, HasSubstr("missing"));
  world.expect_all_given_back();
}

// Installs `handler` for `signal`: writes the action and makes the call.
std::vector<Step> install(World& world, int signal, uint64_t handler, uint64_t flags) {
  return {world.store(number(kData + 0x100), number(handler)), world.store(number(kData + 0x108), number(flags)),
          world.store(number(kData + 0x110), number(0)),
          World::call(kAction, {number(static_cast<uint64_t>(signal)), number(kData + 0x100), number(0), number(8)})};
}

std::vector<Step> operator+(std::vector<Step> a, const std::vector<Step>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

constexpr uint64_t kHandler = 0x90000;
constexpr uint64_t kWild = 0x123456780;  // nothing is mapped there
constexpr uint64_t kReturnAddress = 1;
Step return_from_handler() {
  return [](State& state) -> std::optional<hw::Trap> {
    state.pc = state.x[kReturnAddress];
    return std::nullopt;
  };
}

TEST(KernelTest, ASegvHandlerSeesTheAddressAndMovesOn) {
  World world;
  const auto context_pc = [](const State& s) { return s.x[kA2] + 176; };
  world.code(kHandler,
             {World::check([](const State& s) { EXPECT_EQ(s.x[kA0], 11u); }),
              world.load(kS3, [](const State& s) { return s.x[kA1] + 16; }),  // si_addr
              World::check([](const State& s) { EXPECT_EQ(s.x[kS3], kWild); }),
              world.load(kS3, [](const State& s) { return s.x[kA1] + 8; }),  // si_code
              World::check([](const State& s) { EXPECT_EQ(s.x[kS3] & 0xffffffff, 1u); }), world.load(kS3, context_pc),
              world.store(context_pc, [](const State& s) { return s.x[kS3] + 4; }), return_from_handler()});
  world.program("first", kBase,
                install(world, kSigSegv, kHandler, kSaSigInfoFlag) +
                    std::vector<Step>{World::set(kS3, number(77)), world.store(number(kWild), number(1)),
                                      World::check([](const State& s) { EXPECT_EQ(s.x[kS3], 77u); }),
                                      World::call(kExit, {number(3)})});
  const RunOutcome outcome = world.run("first");
  EXPECT_EQ(outcome.status, 3);
  EXPECT_FALSE(outcome.crash.has_value());
  EXPECT_EQ(world.memory.faults().protection, 1u);
  world.expect_all_given_back();
}

TEST(KernelTest, ACrashIsReported) {
  World world;
  world.program("first", kBase, {World::set(kS2, number(1)), world.store(number(8), number(1))});
  const RunOutcome outcome = world.run("first");
  EXPECT_EQ(outcome.reason, RunOutcome::Reason::killed);
  EXPECT_EQ(outcome.signal, kSigSegv);
  ASSERT_TRUE(outcome.crash.has_value());
  EXPECT_EQ(outcome.crash->pc, at(1));
  EXPECT_EQ(outcome.crash->address, 8u);
  EXPECT_THAT(world.said, testing::IsEmpty());  // whoever started the run tells it
  world.expect_all_given_back();
}

TEST(KernelTest, AHandlerWithoutAStackIsTheEnd) {
  World world;
  world.code(kHandler, {return_from_handler()});
  world.program("first", kBase,
                install(world, kSigSegv, kHandler, 0) +
                    std::vector<Step>{World::set(kSp, number(0x1000)), world.store(number(8), number(1))});
  const RunOutcome outcome = world.run("first");
  EXPECT_EQ(outcome.signal, kSigSegv);
  world.expect_all_given_back();
}

TEST(KernelTest, KillEndsASleepingChild) {
  World world;
  world.program("first", kBase,
                {World::call(kFork, {number(17), number(0)}),  // 0
                 World::jump_if(is_child, at(8)),              // 1
                 World::set(kS2, reg(kA0)),
                 World::call(124),  // sched_yield: the child goes to sleep
                 World::call(kKill, {reg(kS2), number(9)}),
                 World::call(kWait, {number(~uint64_t{0}), number(kData), number(0), number(0)}),
                 world.load(kA1, word_of_status(kData)), World::call(kExit, {reg(kA1)}),
                 World::call(kSuspend, {number(kData + 8), number(8)}),  // 8, the child
                 World::call(kExit, {number(1)})});
  EXPECT_EQ(world.run("first").status, 9) << "the wait status of a process that SIGKILL ended";
  world.expect_all_given_back();
}

TEST(KernelTest, SleepingTakesSimulatedTime) {
  World world;
  world.program("first", kBase,
                {world.store(number(kData), number(3)), World::call(kSleep, {number(kData), number(0)}),
                 World::call(kExit, {reg(kA0)})});
  EXPECT_EQ(world.run("first").status, 0);
  EXPECT_GE(world.cpu.now(), Cycles(3'000'000));
  EXPECT_GE(world.cpu.ledger[CycleAccount::idle], 2'900'000u);
}

// A handler for SIGALRM, a timer in 10 ms, and a call that would sleep longer.
RunOutcome interrupted_wait(World& world, uint64_t flags) {
  world.code(kHandler,
             {World::set(kS3, number(1)), world.store(number(kData + 0x200), number(1)), return_from_handler()});
  const uint64_t after_install = at(4);
  world.program(
      "first", kBase,
      install(world, kSigAlrm, kHandler, flags) +
          std::vector<Step>{World::call(kFork, {number(17), number(0)}),         // 4
                            World::jump_if(is_child, after_install + 4 * 7),     // 5
                            world.store(number(kData + 0x318), number(10'000)),  // 6: it_value
                            World::call(kSetTimer, {number(0), number(kData + 0x300), number(0)}),
                            World::call(kWait, {number(~uint64_t{0}), number(0), number(0), number(0)}),
                            world.load(kA1, number(kData + 0x200)),
                            World::call(kExit, {[](const State& s) {
                                          return s.x[kA1] == 0 ? 100 : s.x[kA0] == -uint64_t{EINTR} ? 4 : 0;
                                        }}),
                            world.store(number(kData), number(1)),  // the child
                            World::call(kSleep, {number(kData), number(0)}), World::call(kExit, {number(0)})});
  return world.run("first");
}

TEST(KernelTest, AHandlerInterruptsAWait) {
  World world;
  EXPECT_EQ(interrupted_wait(world, 0).status, 4);
}

TEST(KernelTest, SaRestartBeginsTheWaitAgain) {
  World world;
  EXPECT_EQ(interrupted_wait(world, kSaRestartFlag).status, 0);
}

TEST(KernelTest, OrphansRunOnAndTheFirstStatusCounts) {
  World world;
  bool orphan_ran = false;
  world.program(
      "first", kBase,
      {World::call(kFork, {number(17), number(0)}), World::jump_if(is_child, at(3)), World::call(kExit, {number(6)}),
       world.store(number(kData), number(1)),  // 3, the child
       World::call(kSleep, {number(kData), number(0)}), World::call(kGetParent), World::check([&](const State& s) {
         EXPECT_EQ(s.x[kA0], 1u);
         orphan_ran = true;
       }),
       World::call(kExit, {number(1)})});
  EXPECT_EQ(world.run("first").status, 6);
  EXPECT_TRUE(orphan_ran);
  EXPECT_GE(world.cpu.now(), Cycles(1'000'000));
  world.expect_all_given_back();
}

TEST(KernelTest, AProcessThatSleepsForGoodIsADeadlock) {
  World world;
  world.program("first", kBase, {World::call(kSuspend, {number(kData), number(8)})});
  const RunOutcome outcome = world.run("first");
  EXPECT_EQ(outcome.reason, RunOutcome::Reason::deadlock);
  EXPECT_THAT(outcome.message, HasSubstr("2 (first) waits in rt_sigsuspend"));
}

TEST(KernelTest, TheStopFlagEndsARunThatWouldNot) {
  World world;
  int rounds = 0;
  world.program("first", kBase,
                {World::check([&](const State&) { world.stop = ++rounds > 1000; }), World::jump(at(0))});
  const RunOutcome outcome = world.run("first");
  EXPECT_EQ(outcome.reason, RunOutcome::Reason::interrupted);
  EXPECT_EQ(outcome.status, 130);
  ASSERT_EQ(world.kernel.process_records().size(), 1u);
  EXPECT_FALSE(world.kernel.process_records()[0].ended);
}

TEST(KernelTest, ForkBombsEndAtTheLimit) {
  World world;
  // RLIMIT_NPROC is 5; every process forks until it cannot.
  world.program("first", kBase,
                {world.store(number(kData), number(5)), world.store(number(kData + 8), number(5)),
                 World::call(kSetLimit, {number(6), number(kData)}), World::call(kFork, {number(17), number(0)}),  // 3
                 World::jump_if([](const State& s) { return int64_t(s.x[kA0]) >= 0; }, at(3)),
                 World::call(kExit, {[](const State& s) { return -s.x[kA0]; }})});
  EXPECT_EQ(world.run("first").status, EAGAIN);
  EXPECT_EQ(world.kernel.processes_made() >= 5, true);
  world.expect_all_given_back();
}

TEST(KernelTest, UnknownCallsAreNamedOnceAndAnswerEnosys) {
  World world;
  world.program("first", kBase,
                {World::call(425), World::call(425), World::call(999'999), World::call(~uint64_t{0}),
                 World::call(kExit, {[](const State& s) { return -s.x[kA0]; }})});
  EXPECT_EQ(world.run("first").status, ENOSYS);
  EXPECT_THAT(world.said, ElementsAre(HasSubstr("io_uring_setup (425)"), HasSubstr("999999")));
  EXPECT_EQ(world.kernel.syscall_counts().front().count, 1u);
  EXPECT_EQ(world.kernel.syscall_counts().back().name, "syscall_1024");
  EXPECT_EQ(world.kernel.syscall_counts().back().count, 2u);
}

TEST(KernelTest, BlockedSignalsWaitUntilUnblocked) {
  World world;
  world.code(kHandler, {world.store(number(kData + 0x200), number(1)), return_from_handler()});
  world.program(
      "first", kBase,
      install(world, kSigUsr1, kHandler, 0) +
          std::vector<Step>{world.store(number(kData), number(1u << (kSigUsr1 - 1))),
                            World::call(kMask, {number(0), number(kData), number(0), number(8)}), World::call(kGetPid),
                            World::set(kS2, reg(kA0)), World::call(kKill, {reg(kS2), number(kSigUsr1)}),
                            world.load(kA1, number(kData + 0x200)),
                            World::check([](const State& s) { EXPECT_EQ(s.x[kA1], 0u); }),
                            World::call(kMask, {number(1), number(kData), number(0), number(8)}),
                            World::check([](const State& s) { EXPECT_EQ(s.x[kA0], 0u) << "the call's own answer"; }),
                            world.load(kA1, number(kData + 0x200)), World::call(kExit, {reg(kA1)})});
  EXPECT_EQ(world.run("first").status, 1);
  world.expect_all_given_back();
}

TEST(KernelTest, TwoRunsAreEqual) {
  const auto cycles = [] {
    World world;
    EXPECT_EQ(interrupted_wait(world, 0).status, 4);
    return world.cpu.now();
  };
  EXPECT_EQ(cycles(), cycles());
}

}  // namespace
}  // namespace faultline::os
