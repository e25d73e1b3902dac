#include "os/process/signal_delivery.h"

#include <utility>

#include "os/kernel.h"
#include "os/memory/user_memory.h"
#include "os/process/process_group.h"
#include "os/process/signal_frame.h"
#include "os/process/signal_send.h"

namespace faultline::os {

namespace {

constexpr unsigned kStackPointer = 2;
constexpr unsigned kReturnAddress = 1;
constexpr unsigned kArgument0 = 10;
constexpr unsigned kSyscallNumber = 17;  // a7
constexpr uint64_t kEcallBytes = 4;
constexpr uint64_t kRestartSyscall = 128;  // restart_syscall(2)

// An interrupted call begins again: the ecall is executed once more with the
// registers that it had.
void restart_call(Task& task) {
  const Task::Restart restart = std::exchange(task.restart, {});
  if (restart.code == 0) return;
  task.state.pc -= kEcallBytes;
  task.state.x[kArgument0] = restart.argument0;
  if (restart.code == kRestartBlock.value) task.state.x[kSyscallNumber] = kRestartSyscall;
}

// The same before a handler runs, which sees EINTR unless its action says
// otherwise.
void restart_for_handler(Task& task, const SignalAction& action) {
  if (task.restart.code == kRestartSys.value && (action.flags & kSaRestart)) {
    restart_call(task);
  } else if (std::exchange(task.restart, {}).code != 0) {
    task.state.x[kArgument0] = static_cast<uint64_t>(-int64_t{EINTR});
  }
}

// Where the frame goes, or 0 when it would overflow the alternate stack that
// the program already runs on (Linux, get_sigframe).
uint64_t frame_address(const Task& task, const SignalAction& action) {
  const AlternateStack& alternate = task.alternate_stack;
  uint64_t sp = task.state.x[kStackPointer];
  if (alternate.in_use(sp)) {
    if (!alternate.contains(sp - kSignalFrameBytes)) return 0;
  } else if ((action.flags & kSaOnStack) && alternate.size != 0) {
    sp = alternate.base + alternate.size;
  }
  return (sp - kSignalFrameBytes) & ~uint64_t{15};
}

// Runs the handler next. False when its frame cannot be made.
Co<bool> enter_handler(Kernel& kernel, Task& task, const SignalInfo& info, const SignalAction& action) {
  restart_for_handler(task, action);
  const SignalSet mask = task.saved_mask.value_or(task.blocked);
  task.saved_mask.reset();

  const uint64_t address = frame_address(task, action);
  if (address == 0) co_return false;
  const SignalFrame frame =
      encode_frame(info, task.state, mask, describe(task.alternate_stack, task.state.x[kStackPointer]));
  UserMemory user = kernel.user_memory(task);
  const Result<> written = co_await user.write(VirtAddr(address), frame);
  if (!written.ok()) co_return false;

  if (task.alternate_stack.disarms_itself) task.alternate_stack = {};
  hw::HartState& state = task.state;
  state.x[kReturnAddress] = task.process().signal_trampoline;
  state.x[kStackPointer] = address;
  state.x[kArgument0] = static_cast<uint64_t>(info.signal);
  state.x[kArgument0 + 1] = address;
  state.x[kArgument0 + 2] = address + kUcontextOffset;
  state.pc = action.handler & ~uint64_t{1};
  state.reserved = false;

  SignalSet blocked = task.blocked | SignalSet(action.mask);
  if (!(action.flags & kSaNoDefer)) blocked = blocked | SignalSet::of(info.signal);
  set_blocked(task, blocked & ~kUnblockable);
  co_return true;
}

void end_by_signal(Process& process, int signal) {
  const bool core = default_action(signal) == DefaultAction::core && process.limits[kLimitCore].current != 0;
  end_process(process, ExitStatus{.code = 0, .signal = signal, .core = core});
}

// Each task of a stopped process comes here on its way to user mode.
Co<> stay_stopped(Task& task) {
  Process& process = task.process();
  while (process.life == Process::Life::stopped && !task.dying()) {
    co_await process.resumed.sleep_interruptibly();
  }
}

Co<> stop(Task& task, int signal) {
  Process& process = task.process();
  process.life = Process::Life::stopped;
  process.stop_signal = signal;
  process.continued = false;
  for (const auto& other : process.tasks) other->nap.executor().nudge(*other);
  notify_parent(process, kCodeChildStopped, signal);
  co_await stay_stopped(task);
}

// SIGSEGV that cannot be handled, since it is the handler's stack that failed.
void give_up_handler(Task& task, int signal) {
  if (signal == kSigSegv) (*task.process().actions)[kSigSegv] = SignalAction{};
  SignalInfo info;
  info.signal = kSigSegv;
  info.code = kCodeKernel;
  force_signal(task, info);
}

Co<> deliver_one(Kernel& kernel, Task& task, SignalInfo info) {
  Process& process = task.process();
  const SignalAction action = (*process.actions)[info.signal];
  if (process.actions->ignores(info.signal)) co_return;
  if (!action.catches()) {
    switch (default_action(info.signal)) {
      case DefaultAction::stop: {
        // Nobody could start an orphaned group again; only SIGSTOP stops it.
        if (info.signal != kSigStop && is_orphaned_group(kernel.processes(), process.group)) co_return;
        co_await stop(task, info.signal);
        co_return;
      }
      case DefaultAction::terminate:
      case DefaultAction::core:
        end_by_signal(process, info.signal);
        kernel.note_fatal_signal(task, info);
        co_return;
      case DefaultAction::ignore:
      case DefaultAction::resume:
        co_return;
    }
  }
  if (action.flags & kSaResetHand) (*process.actions)[info.signal].handler = kHandlerDefault;
  kernel.cpu().charge(Cycles(kernel.costs().signal_deliver));
  const bool entered = co_await enter_handler(kernel, task, info, action);
  if (!entered) give_up_handler(task, info.signal);
}

}  // namespace

std::optional<SignalInfo> take_signal(Kernel& kernel, Task& task, SignalSet wanted) {
  Process& process = task.process();
  std::optional<SignalInfo> info = task.pending.take(wanted);
  if (!info) {
    info = process.pending.take(wanted);
    if (info && info->signal == kSigAlrm) alarm_taken(kernel, process);
  }
  if (!info || info->timer == SignalInfo::kNoTimer) return info;
  if (info->timer != SignalInfo::kIntervalTimer) timer_signal_taken(kernel, process, *info);
  process.timer_pace.signal_taken(read_cpu_clock(kernel, process, CpuClock::user));
  return info;
}

Co<> deliver_signals(Kernel& kernel, Task& task) {
  AccountScope account(kernel.cpu(), CycleAccount::signal);
  co_await stay_stopped(task);
  while (!task.must_end()) {
    const std::optional<SignalInfo> info = take_signal(kernel, task, ~task.blocked | kUnblockable);
    if (!info) break;
    co_await deliver_one(kernel, task, *info);
  }
  if (task.must_end()) co_return;
  restart_call(task);
  if (task.saved_mask) set_blocked(task, *std::exchange(task.saved_mask, std::nullopt));
}

Co<SyscallResult> return_from_signal(Kernel& kernel, Task& task) {
  AccountScope account(kernel.cpu(), CycleAccount::signal);
  Process& process = task.process();
  process.timer_pace.handler_returned(read_cpu_clock(kernel, process, CpuClock::user));
  SignalFrame frame;
  UserMemory user = kernel.user_memory(task);
  const Result<> read = co_await user.read(VirtAddr(task.state.x[kStackPointer]), frame);
  if (!read.ok()) {
    SignalInfo info;
    info.signal = kSigSegv;
    info.code = kCodeKernel;
    force_signal(task, info);
    co_return task.state.x[kArgument0];
  }
  const DecodedFrame decoded = decode_frame(frame);
  task.state = decoded.state;
  set_blocked(task, decoded.mask);
  task.restart = {};
  if (decoded.stack.flags & StackRecord::kDisabled) {
    task.alternate_stack = {};
  } else if (!task.alternate_stack.in_use(task.state.x[kStackPointer])) {
    task.alternate_stack = alternate_stack_of(decoded.stack);
  }
  kernel.cpu().charge(Cycles(kernel.costs().signal_deliver / 2));
  co_return task.state.x[kArgument0];
}

}  // namespace faultline::os
