// Signals: actions, masks, sending, waiting. See signal(7).
#include "os/kernel.h"
#include "os/memory/address_space.h"
#include "os/memory/user_memory.h"
#include "os/process/signal_delivery.h"
#include "os/process/signal_frame.h"
#include "os/process/signal_send.h"
#include "os/process/signal_trampoline.h"
#include "os/syscall/groups.h"
#include "os/syscall/syscall.h"
#include "os/syscall/time_types.h"

namespace faultline::os {

namespace {

constexpr uint64_t kSetBytes = 8;  // sizeof(sigset_t) of the kernel

bool valid_signal(int32_t signal) { return signal >= 1 && signal <= kSignals; }

Co<SyscallResult> sys_rt_sigaction(SyscallContext& call) {
  const int32_t signal = call.integer(0);
  if (call.args[3] != kSetBytes || !valid_signal(signal)) co_return Errno{EINVAL};
  Process& process = call.task.process();
  UserMemory user = call.kernel.user_memory(call.task);
  const SignalAction old = (*process.actions)[signal];
  if (call.args[1] != 0) {
    const Result<SignalAction> wanted = co_await user.get<SignalAction>(call.address(1));
    if (!wanted.ok()) co_return wanted.error();
    if (kUnblockable.has(signal)) co_return Errno{EINVAL};
    SignalAction action = wanted.value();
    action.mask &= ~kUnblockable.bits();
    if (action.catches()) {
      const Result<> mapped = co_await map_signal_trampoline(call.kernel, process);
      if (!mapped.ok()) co_return mapped.error();
    }
    const bool was_ignored = process.actions->ignores(signal);
    (*process.actions)[signal] = action;
    // POSIX: what is pending and now ignored is gone.
    if (process.actions->ignores(signal)) {
      discard_signals(process, SignalSet::of(signal));
    } else if (was_ignored) {
      resume_ignored_timers(process, signal);
    }
  }
  if (call.args[2] != 0) {
    const Result<> stored = co_await user.put(call.address(2), old);
    if (!stored.ok()) co_return stored.error();
  }
  co_return uint64_t{0};
}

constexpr int32_t kMaskBlock = 0;  // SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK
constexpr int32_t kMaskUnblock = 1;
constexpr int32_t kMaskSet = 2;

Co<SyscallResult> sys_rt_sigprocmask(SyscallContext& call) {
  if (call.args[3] != kSetBytes) co_return Errno{EINVAL};
  UserMemory user = call.kernel.user_memory(call.task);
  const SignalSet old = call.task.blocked;
  if (call.args[1] != 0) {
    const Result<uint64_t> given = co_await user.get<uint64_t>(call.address(1));
    if (!given.ok()) co_return given.error();
    const SignalSet set = SignalSet(given.value()) & ~kUnblockable;
    switch (call.integer(0)) {
      case kMaskBlock:
        set_blocked(call.task, old | set);
        break;
      case kMaskUnblock:
        set_blocked(call.task, old & ~set);
        break;
      case kMaskSet:
        set_blocked(call.task, set);
        break;
      default:
        co_return Errno{EINVAL};
    }
  }
  if (call.args[2] != 0) {
    const Result<> stored = co_await user.put(call.address(2), old.bits());
    if (!stored.ok()) co_return stored.error();
  }
  co_return uint64_t{0};
}

Co<SyscallResult> sys_rt_sigpending(SyscallContext& call) {
  if (call.args[1] > kSetBytes) co_return Errno{EINVAL};
  const SignalSet waiting = (call.task.pending.set() | call.task.process().pending.set()) & call.task.blocked;
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<> stored = co_await user.put(call.address(0), waiting.bits());
  if (!stored.ok()) co_return stored.error();
  co_return uint64_t{0};
}

Co<SyscallResult> sys_rt_sigsuspend(SyscallContext& call) {
  if (call.args[1] != kSetBytes) co_return Errno{EINVAL};
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<uint64_t> mask = co_await user.get<uint64_t>(call.address(0));
  if (!mask.ok()) co_return mask.error();
  call.task.saved_mask = call.task.blocked;
  set_blocked(call.task, SignalSet(mask.value()) & ~kUnblockable);
  Wake wake = Wake::woken;
  while (wake != Wake::interrupted) wake = co_await sleep_interruptibly(call.task, call.task.nap);
  co_return kRestartNoHandler;
}

Co<SyscallResult> sys_rt_sigtimedwait(SyscallContext& call) {
  if (call.args[3] != kSetBytes) co_return Errno{EINVAL};
  Task& task = call.task;
  UserMemory user = call.kernel.user_memory(task);
  const Result<uint64_t> given = co_await user.get<uint64_t>(call.address(0));
  if (!given.ok()) co_return given.error();
  const SignalSet wanted = SignalSet(given.value()) & ~kUnblockable;
  Cycles until = WaitQueue::kNever;
  if (call.args[2] != 0) {
    const Result<TimeSpec> limit = co_await user.get<TimeSpec>(call.address(2));
    if (!limit.ok()) co_return limit.error();
    if (!limit.value().valid()) co_return Errno{EINVAL};
    until = call.kernel.clock().after(limit.value().total());
  }
  std::optional<SignalInfo> info = take_signal(call.kernel, task, wanted);
  Wake wake = Wake::woken;
  while (!info && wake == Wake::woken && call.kernel.cpu().now() < until) {
    task.awaited = wanted;
    wake = co_await sleep_interruptibly(task, task.nap, until);
    task.awaited = {};
    info = take_signal(call.kernel, task, wanted);
  }
  if (!info) co_return Errno{wake == Wake::interrupted ? EINTR : EAGAIN};
  if (call.args[1] != 0) {
    const SigInfoBytes bytes = encode_siginfo(*info);
    const Result<> stored = co_await user.write(call.address(1), bytes);
    if (!stored.ok()) co_return stored.error();
  }
  co_return static_cast<uint64_t>(info->signal);
}

Co<SyscallResult> sys_rt_sigreturn(SyscallContext& call) { return return_from_signal(call.kernel, call.task); }

Co<SyscallResult> sys_sigaltstack(SyscallContext& call) {
  constexpr uint64_t kLeastBytes = 2048;  // MINSIGSTKSZ
  Task& task = call.task;
  UserMemory user = call.kernel.user_memory(task);
  const uint64_t sp = task.state.x[2];
  const StackRecord old = describe(task.alternate_stack, sp);
  if (call.args[0] != 0) {
    const Result<StackRecord> wanted = co_await user.get<StackRecord>(call.address(0));
    if (!wanted.ok()) co_return wanted.error();
    const int32_t mode = wanted.value().flags & ~StackRecord::kAutoDisarm;
    if (task.alternate_stack.in_use(sp)) co_return Errno{EPERM};
    // What is so already needs no room (Linux, do_sigaltstack).
    const bool same =
        old.size == 0 && wanted.value().size == 0 && wanted.value().base == 0 && wanted.value().flags == 0;
    if (mode != 0 && mode != StackRecord::kDisabled && mode != StackRecord::kOnStack) co_return Errno{EINVAL};
    if (mode == StackRecord::kDisabled) {
      task.alternate_stack = {};
    } else {
      if (wanted.value().size < kLeastBytes && !same) co_return Errno{ENOMEM};
      if (!same) task.alternate_stack = alternate_stack_of(wanted.value());
    }
  }
  if (call.args[1] != 0) {
    const Result<> stored = co_await user.put(call.address(1), old);
    if (!stored.ok()) co_return stored.error();
  }
  co_return uint64_t{0};
}

// --- sending ---------------------------------------------------------------------------

SignalInfo info_from(SyscallContext& call, int32_t signal, int32_t code) {
  SignalInfo info;
  info.signal = signal;
  info.code = code;
  info.pid = call.task.process().pid();
  info.uid = call.task.process().uid;
  return info;
}

// Signal 0 asks only whether the process is there.
Result<> send_checked(Process& process, const SignalInfo& info) {
  if (info.signal == 0) return Unit{};
  return send_signal(process, info);
}

// kill(2): one process, a group, or everybody but the sender. pid 1 is there,
// and takes no signal of anybody.
SyscallResult sys_kill(SyscallContext& call) {
  const int32_t pid = call.integer(0);
  const int32_t signal = call.integer(1);
  const bool valid = signal >= 0 && signal <= kSignals;  // who is not there comes first
  if (pid == INT32_MIN) return Errno{ESRCH};
  Process& self = call.task.process();
  const SignalInfo info = info_from(call, signal, kCodeUser);
  if (pid == 1) return Errno{valid ? EPERM : EINVAL};
  if (pid > 0) {
    Process* const process = call.kernel.processes().find_by_task(pid);
    if (!process) return Errno{ESRCH};
    if (!valid) return Errno{EINVAL};
    const Result<> sent = send_checked(*process, info);
    if (!sent.ok()) return sent.error();
    return uint64_t{0};
  }
  const int32_t group = pid == 0 ? self.group : -pid;
  bool any = false;
  for (const auto& [number, process] : call.kernel.processes()) {
    if (pid == -1 ? process.get() == &self : process->group != group) continue;
    any = true;
    if (valid) (void)send_checked(*process, info);
  }
  if (!any) return Errno{ESRCH};
  if (!valid) return Errno{EINVAL};
  return uint64_t{0};
}

SyscallResult send_to_task(SyscallContext& call, int32_t group, int32_t tid, const SignalInfo& info) {
  if (tid <= 0) return Errno{EINVAL};
  Task* const task = call.kernel.processes().find_task(tid);
  if (!task || (group > 0 && task->process().pid() != group)) return Errno{ESRCH};
  if (info.signal < 0 || info.signal > kSignals) return Errno{EINVAL};
  if (info.signal == 0) return uint64_t{0};
  const Result<> sent = send_signal(*task, info);
  if (!sent.ok()) return sent.error();
  return uint64_t{0};
}

SyscallResult sys_tkill(SyscallContext& call) {
  return send_to_task(call, 0, call.integer(0), info_from(call, call.integer(1), kCodeTkill));
}

SyscallResult sys_tgkill(SyscallContext& call) {
  if (call.integer(0) <= 0) return Errno{EINVAL};
  return send_to_task(call, call.integer(0), call.integer(1), info_from(call, call.integer(2), kCodeTkill));
}

// The siginfo of rt_sigqueueinfo comes from the sender, who may not pretend to
// be the kernel or another process's kill.
Co<Result<SignalInfo>> read_siginfo(SyscallContext& call, int32_t pid, int32_t signal, VirtAddr from) {
  SigInfoBytes bytes{};
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<> read = co_await user.read(from, bytes);
  if (!read.ok()) co_return read.error();
  SignalInfo info = decode_siginfo(bytes);
  info.signal = signal;
  const bool pretends = info.code >= 0 || info.code == kCodeTkill;
  if (pretends && pid != call.task.process().pid()) co_return Errno{EPERM};
  co_return info;
}

Co<SyscallResult> sys_rt_sigqueueinfo(SyscallContext& call) {
  const int32_t pid = call.integer(0);
  const int32_t signal = call.integer(1);
  const Result<SignalInfo> info = co_await read_siginfo(call, pid, signal, call.address(2));
  if (!info.ok()) co_return info.error();
  Process* const process = call.kernel.processes().find_by_task(pid);
  if (!process) co_return Errno{ESRCH};
  if (signal < 0 || signal > kSignals) co_return Errno{EINVAL};
  const Result<> sent = send_checked(*process, info.value());
  if (!sent.ok()) co_return sent.error();
  co_return uint64_t{0};
}

Co<SyscallResult> sys_rt_tgsigqueueinfo(SyscallContext& call) {
  const int32_t signal = call.integer(2);
  if (call.integer(0) <= 0) co_return Errno{EINVAL};
  const Result<SignalInfo> info = co_await read_siginfo(call, call.integer(0), signal, call.address(3));
  if (!info.ok()) co_return info.error();
  co_return send_to_task(call, call.integer(0), call.integer(1), info.value());
}

}  // namespace

void register_signal_calls(SyscallTable& table) {
  table.add(129, sys_kill);
  table.add(130, sys_tkill);
  table.add(131, sys_tgkill);
  table.add(132, sys_sigaltstack);
  table.add(133, sys_rt_sigsuspend);
  table.add(134, sys_rt_sigaction);
  table.add(135, sys_rt_sigprocmask);
  table.add(136, sys_rt_sigpending);
  table.add(137, sys_rt_sigtimedwait);
  table.add(138, sys_rt_sigqueueinfo);
  table.add(139, sys_rt_sigreturn);
  table.add(240, sys_rt_tgsigqueueinfo);
}

}  // namespace faultline::os
