#include "os/process/signal.h"

#include <gtest/gtest.h>

#include <cstring>

#include "fake_cpu.h"
#include "os/process/process_table.h"
#include "os/process/scheduler.h"
#include "os/process/signal_frame.h"
#include "os/process/signal_send.h"

namespace faultline::os {
namespace {

SignalInfo info_of(int signal, uint64_t value = 0) {
  SignalInfo info;
  info.signal = signal;
  info.code = kCodeQueue;
  info.value = value;
  return info;
}

TEST(PendingSignalsTest, StandardSignalsDoNotQueueRealTimeOnesDo) {
  PendingSignals pending;
  EXPECT_TRUE(pending.add(info_of(kSigUsr1, 1)));
  EXPECT_TRUE(pending.add(info_of(kSigUsr1, 2)));
  EXPECT_TRUE(pending.add(info_of(40, 1)));
  EXPECT_TRUE(pending.add(info_of(40, 2)));
  const SignalSet all(~uint64_t{0});
  EXPECT_EQ(pending.take(all)->value, 1u);
  EXPECT_FALSE(pending.has(kSigUsr1));
  EXPECT_EQ(pending.take(all)->value, 1u);
  EXPECT_TRUE(pending.has(40));
  EXPECT_EQ(pending.take(all)->value, 2u);
  EXPECT_FALSE(pending.take(all).has_value());
}

TEST(PendingSignalsTest, FaultsComeFirstThenLowNumbers) {
  PendingSignals pending;
  for (int signal : std::initializer_list<int>{kSigTerm, kSigHup, kSigSegv, 50}) pending.add(info_of(signal));
  const SignalSet all(~uint64_t{0});
  EXPECT_EQ(pending.take(all)->signal, kSigSegv);
  EXPECT_EQ(pending.take(all)->signal, kSigHup);
  EXPECT_EQ(pending.take(~SignalSet::of(kSigTerm))->signal, 50);
  EXPECT_FALSE(pending.take(~SignalSet::of(kSigTerm)).has_value());
  EXPECT_EQ(pending.take(all)->signal, kSigTerm);
}

TEST(PendingSignalsTest, AFloodOfRealTimeSignalsEnds) {
  PendingSignals pending;
  int kept = 0;
  while (kept < 100'000 && pending.add(info_of(60))) ++kept;
  EXPECT_LT(kept, 100'000);
  EXPECT_TRUE(pending.add(info_of(kSigTerm))) << "a standard signal still arrives";
}

TEST(SignalActionsTest, ExecKeepsWhatIsIgnored) {
  SignalActions actions;
  actions[kSigUsr1].handler = 0x1234;
  actions[kSigUsr2].handler = kHandlerIgnore;
  actions.reset_for_exec();
  EXPECT_EQ(actions[kSigUsr1].handler, kHandlerDefault);
  EXPECT_EQ(actions[kSigUsr2].handler, kHandlerIgnore);
  EXPECT_TRUE(actions.ignores(kSigUsr2));
  EXPECT_TRUE(actions.ignores(kSigChld)) << "by default";
  actions[kSigKill].handler = kHandlerIgnore;
  EXPECT_FALSE(actions.ignores(kSigKill));
}

// Offsets worked out by hand from the uapi headers of Linux for RISC-V.
TEST(SignalFrameTest, LiesInMemoryAsLinuxLaysItOut) {
  hw::HartState state;
  for (size_t i = 1; i < 32; ++i) state.x[i] = 0x1000 + i;
  for (size_t i = 0; i < 32; ++i) state.f[i] = 0x2000 + i;
  state.pc = 0x10234;
  state.fflags = 0x11;
  state.frm = 3;
  SignalInfo info;
  info.signal = kSigSegv;
  info.code = kCodeSegvAccErr;
  info.address = 0xdeadbeef000;
  const StackRecord stack{.base = 0x7000, .flags = 1, .size = 0x4000};
  const SignalFrame frame = encode_frame(info, state, SignalSet(0x42), stack);

  const auto word = [&](size_t offset) {
    uint64_t value;
    std::memcpy(&value, frame.data() + offset, 8);
    return value;
  };
  EXPECT_EQ(word(0) & 0xffffffff, 11u);                           // si_signo
  EXPECT_EQ(word(8) & 0xffffffff, 2u);                            // si_code
  EXPECT_EQ(word(16), 0xdeadbeef000u);                            // si_addr
  EXPECT_EQ(word(128 + 16), 0x7000u);                             // uc_stack.ss_sp
  EXPECT_EQ(word(128 + 32), 0x4000u);                             // uc_stack.ss_size
  EXPECT_EQ(word(128 + 40), 0x42u);                               // uc_sigmask
  EXPECT_EQ(word(128 + 176), 0x10234u);                           // uc_mcontext: pc first
  EXPECT_EQ(word(128 + 176 + 8 * 10), 0x100au);                   // a0
  EXPECT_EQ(word(128 + 432), 0x2000u);                            // f0
  EXPECT_EQ(word(128 + 432 + 256) & 0xffffffff, 3u << 5 | 0x11);  // fcsr

  const DecodedFrame decoded = decode_frame(frame);
  EXPECT_EQ(decoded.state.x, state.x);
  EXPECT_EQ(decoded.state.f, state.f);
  EXPECT_EQ(decoded.state.pc, state.pc);
  EXPECT_EQ(decoded.state.frm, 3);
  EXPECT_EQ(decoded.state.fflags, 0x11);
  EXPECT_EQ(decoded.mask.bits(), 0x42u);
  EXPECT_EQ(decoded.stack.size, 0x4000u);
}

TEST(SignalFrameTest, ForgedFramesGiveLegalStates) {
  SignalFrame frame;
  frame.fill(0xff);
  const DecodedFrame decoded = decode_frame(frame);
  EXPECT_EQ(decoded.state.pc % 2, 0u);
  EXPECT_LE(decoded.state.frm, 7);
  EXPECT_LE(decoded.state.fflags, 31);
  EXPECT_EQ(decoded.state.x[0], 0u);
  EXPECT_FALSE(decoded.mask.has(kSigKill));
  EXPECT_FALSE(decoded.mask.has(kSigStop));
}

struct SendTest : testing::Test {
  FakeCpu cpu;
  OsConfig config;
  Scheduler scheduler{cpu, config};
  ProcessTable table{scheduler};
  Process& process = *table.create();
  Task& task = process.main_task();
};

TEST_F(SendTest, AnIgnoredSignalIsDroppedUnlessBlocked) {
  ASSERT_TRUE(send_signal(process, info_of(kSigChld)).ok());
  EXPECT_FALSE(process.pending.has(kSigChld));
  task.blocked = SignalSet::of(kSigChld);
  ASSERT_TRUE(send_signal(process, info_of(kSigChld)).ok());
  EXPECT_TRUE(process.pending.has(kSigChld));
  EXPECT_FALSE(task.signal_pending());
}

TEST_F(SendTest, ContinueAndStopCancelEachOther) {
  task.blocked = ~SignalSet();
  (void)send_signal(process, info_of(kSigTstp));
  EXPECT_TRUE(process.pending.has(kSigTstp));
  (void)send_signal(process, info_of(kSigCont));
  EXPECT_FALSE(process.pending.has(kSigTstp));
  EXPECT_TRUE(process.pending.has(kSigCont));
  (void)send_signal(process, info_of(kSigStop));
  EXPECT_FALSE(process.pending.has(kSigCont));
}

TEST_F(SendTest, AForcedSignalThatIsBlockedFallsBackToItsDefault) {
  (*process.actions)[kSigSegv].handler = 0x5000;
  task.blocked = SignalSet::of(kSigSegv);
  force_signal(task, info_of(kSigSegv));
  EXPECT_EQ((*process.actions)[kSigSegv].handler, kHandlerDefault);
  EXPECT_TRUE(task.signal_pending());
}

Co<> sleep_and_log(Task& task, Wake& wake) { wake = co_await sleep_interruptibly(task, task.nap); }

TEST_F(SendTest, ASignalEndsAnInterruptibleSleepUnlessBlocked) {
  Wake wake = Wake::woken;
  task.loop = scheduler.start(task, [&] { return sleep_and_log(task, wake); });
  ASSERT_EQ(scheduler.step(), Scheduler::Step::ran);
  task.blocked = SignalSet::of(kSigUsr1);
  (void)send_signal(process, info_of(kSigUsr1));
  EXPECT_EQ(scheduler.step(), Scheduler::Step::deadlock) << "it sleeps on";
  (void)send_signal(process, info_of(kSigTerm));
  ASSERT_EQ(scheduler.step(), Scheduler::Step::ran);
  EXPECT_TRUE(task.loop.done());
  EXPECT_EQ(wake, Wake::interrupted);
}

TEST_F(SendTest, NoSleepBeginsWhileASignalWaits) {
  (void)send_signal(process, info_of(kSigTerm));
  Wake wake = Wake::woken;
  task.loop = scheduler.start(task, [&] { return sleep_and_log(task, wake); });
  ASSERT_EQ(scheduler.step(), Scheduler::Step::ran);
  EXPECT_TRUE(task.loop.done());
  EXPECT_EQ(wake, Wake::interrupted);
}

TEST(ProcessTableTest, PidsRiseAndAreUsedAgainOnlyAfterTheWrap) {
  FakeCpu cpu;
  OsConfig config;
  Scheduler scheduler(cpu, config);
  ProcessTable table(scheduler);
  Process& first = *table.create();
  Process& second = *table.create();
  EXPECT_EQ(first.pid(), ProcessTable::kFirstPid);
  EXPECT_EQ(second.pid(), first.pid() + 1);
  EXPECT_EQ(first.parent_pid(), 1);
  const int32_t gone = second.pid();
  table.take(second).reset();
  EXPECT_EQ(table.create()->pid(), gone + 1);
  EXPECT_EQ(table.find(gone), nullptr);
}

TEST(ProcessTableTest, TheNumberOfAGroupOrSessionIsNotFree) {
  FakeCpu cpu;
  OsConfig config;
  Scheduler scheduler(cpu, config);
  ProcessTable table(scheduler);
  Process& leader = *table.create();
  Process& member = *table.create();
  Process& other = *table.create();
  member.group = leader.pid();
  const int32_t group = leader.pid(), session = other.pid() + 1;
  other.session = session;
  table.take(leader).reset();
  // Round once: every number is made and gone, but for those that are taken.
  for (int32_t made = 0; made < 2 * ProcessTable::kPidMax; ++made) {
    Process& process = *table.create();
    ASSERT_FALSE(made > 10 && (process.pid() == group || process.pid() == session)) << process.pid();
    table.take(process).reset();
  }
  member.group = member.pid();
  bool again = false;
  for (int32_t made = 0; made < ProcessTable::kPidMax && !again; ++made) {
    Process& process = *table.create();
    again = process.pid() == group;
    table.take(process).reset();
  }
  EXPECT_TRUE(again) << "once the group is gone";
}

TEST(ProcessTableTest, AFullTableIsToldOf) {
  FakeCpu cpu(uint64_t{1} << 20);
  OsConfig config;
  Scheduler scheduler(cpu, config);
  ProcessTable table(scheduler);
  Process* last = nullptr;
  while (Process* const made = table.create()) last = made;
  EXPECT_EQ(table.size(), static_cast<size_t>(ProcessTable::kPidMax - ProcessTable::kFirstPid));
  const int32_t pid = last->pid();
  table.take(*last).reset();
  ASSERT_NE(last = table.create(), nullptr);
  EXPECT_EQ(last->pid(), pid);
}

}  // namespace
}  // namespace faultline::os
