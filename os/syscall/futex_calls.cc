// futex(2) and the lists of robust locks.
#include "os/syscall/futex_calls.h"

#include <algorithm>
#include <optional>

#include "os/kernel.h"
#include "os/memory/address_space.h"
#include "os/memory/user_memory.h"
#include "os/syscall/groups.h"
#include "os/syscall/syscall.h"
#include "os/syscall/time_types.h"

namespace faultline::os {

namespace {

enum FutexOperation : uint32_t {
  kFutexWait = 0,
  kFutexWake = 1,
  kFutexRequeue = 3,
  kFutexCompareRequeue = 4,
  kFutexWakeOperation = 5,
  kFutexLock = 6,
  kFutexUnlock = 7,
  kFutexTryLock = 8,
  kFutexWaitBitset = 9,
  kFutexWakeBitset = 10,
  kFutexLockOfClock = 13,  // FUTEX_LOCK_PI2
};
constexpr uint32_t kFutexCommand = ~0x180u;  // without FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME
constexpr uint32_t kFutexRealtime = 0x100;
// When a wait ends at the latest. FUTEX_WAIT counts from now, the bitset
// variant names a moment.
Co<Result<Cycles>> time_limit(SyscallContext& call, bool absolute) {
  if (call.args[3] == 0) co_return WaitQueue::kNever;
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<TimeSpec> time = co_await user.get<TimeSpec>(call.address(3));
  if (!time.ok()) co_return time.error();
  if (!time.value().valid()) co_return Errno{EINVAL};
  const Timekeeping& clock = call.kernel.clock();
  const uint64_t total = time.value().total();
  if (!absolute) co_return clock.after(total);
  const bool realtime = (call.word(1) & kFutexRealtime) || (call.word(1) & kFutexCommand) == kFutexLock;
  const uint64_t now = realtime ? clock.realtime() : clock.monotonic();
  co_return clock.after(total > now ? total - now : 0);
}

Co<SyscallResult> wait(SyscallContext& call, uint32_t bits, bool absolute) {
  const Result<Cycles> until = co_await time_limit(call, absolute);
  if (!until.ok()) co_return until.error();
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<> waited = co_await call.kernel.futexes().wait(call.task, user, call.address(0), call.word(2), bits,
                                                              until.value(), is_own_futex(call));
  if (waited.ok()) co_return uint64_t{0};
  if (waited.error() != kRestartSys || call.args[3] == 0) co_return waited.error();
  // A time limit that counts from now would begin anew.
  call.task.restart_deadline = until.value();
  call.task.restart_futex =
      Task::FutexWait{.address = call.args[0], .expected = call.word(2), .bits = bits, .own = is_own_futex(call)};
  co_return kRestartBlock;
}

Co<SyscallResult> requeue(SyscallContext& call, bool compare) {
  if (call.args[0] % 4 != 0 || call.args[4] % 4 != 0) co_return Errno{EINVAL};
  if (call.integer(2) < 0 || call.integer(3) < 0) co_return Errno{EINVAL};
  if (compare) {
    UserMemory user = call.kernel.user_memory(call.task);
    const Result<uint32_t> word = co_await user.get<uint32_t>(call.address(0));
    if (!word.ok()) co_return word.error();
    if (word.value() != call.word(5)) co_return Errno{EAGAIN};
  }
  co_return call.kernel.futexes().requeue(*call.task.process().space, call.address(0), call.address(4), call.word(2),
                                          call.word(3), is_own_futex(call));
}

// A word that others may share must be there, to know which page it lies in.
bool is_reachable(SyscallContext& call, unsigned argument) {
  return is_own_futex(call) || call.task.process().space->find_area(call.address(argument)) != nullptr;
}

Co<SyscallResult> wake(SyscallContext& call, uint32_t bits) {
  if (call.args[0] % 4 != 0 || bits == 0) co_return Errno{EINVAL};
  if (!is_reachable(call, 0)) co_return Errno{EFAULT};
  // Linux wakes one even when asked for none or fewer.
  const uint64_t count = static_cast<uint64_t>(std::max(call.integer(2), 1));
  co_return call.kernel.futexes().wake(*call.task.process().space, call.address(0), count, bits, is_own_futex(call));
}

// FUTEX_WAKE_OP: what is done to the second word and what its old value is
// compared with, packed into one argument: 4 bits each for the operation and the
// comparison, 12 for each one's operand, which has a sign.
struct WakeOperation {
  explicit WakeOperation(uint32_t packed)
      : operation((packed >> 28) & 7),
        comparison((packed >> 24) & 15),
        operand(sign_extend((packed >> 12) & 0xfff)),
        compared(sign_extend(packed & 0xfff)) {
    const bool shifts = (packed >> 31) != 0;  // FUTEX_OP_OPARG_SHIFT
    if (shifts) operand = static_cast<int32_t>(1u << (static_cast<uint32_t>(operand) & 31));
  }
  static int32_t sign_extend(uint32_t bits) { return static_cast<int32_t>(bits << 20) >> 20; }

  bool known() const { return operation <= 4; }
  uint32_t apply(uint32_t old) const {
    const auto with = static_cast<uint32_t>(operand);
    switch (operation) {
      case 0:
        return with;
      case 1:
        return old + with;
      case 2:
        return old | with;
      case 3:
        return old & ~with;
      default:
        return old ^ with;
    }
  }
  // Nothing: there is no such comparison.
  std::optional<bool> compare(uint32_t word) const {
    const auto old = static_cast<int32_t>(word);
    switch (comparison) {
      case 0:
        return old == compared;
      case 1:
        return old != compared;
      case 2:
        return old < compared;
      case 3:
        return old <= compared;
      case 4:
        return old > compared;
      case 5:
        return old >= compared;
      default:
        return std::nullopt;
    }
  }

  uint32_t operation, comparison;
  int32_t operand, compared;
};

Co<SyscallResult> wake_operation(SyscallContext& call) {
  if (call.args[0] % 4 != 0 || call.args[4] % 4 != 0) co_return Errno{EINVAL};
  const WakeOperation operation(call.word(5));
  if (!operation.known()) co_return Errno{ENOSYS};
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<uint32_t> old =
      co_await user.update(call.address(4), [operation](uint32_t word) { return operation.apply(word); });
  if (!old.ok()) co_return old.error();
  const std::optional<bool> holds = operation.compare(old.value());
  if (!holds) co_return Errno{ENOSYS};
  AddressSpace& space = *call.task.process().space;
  const auto wake = [&](unsigned word, int32_t count) {
    return call.kernel.futexes().wake(space, call.address(word), static_cast<uint64_t>(std::max(count, 1)),
                                      FutexTable::kAnyBit, is_own_futex(call));
  };
  uint64_t woken = wake(0, call.integer(2));
  if (*holds) woken += wake(4, call.integer(3));
  co_return woken;
}

Co<SyscallResult> lock(SyscallContext& call) {
  const Result<Cycles> until = co_await time_limit(call, true);
  if (!until.ok()) co_return until.error();
  const SyscallResult done = co_await lock_owned(call, until.value(), true);
  co_return done;
}

Co<SyscallResult> refuse(SyscallContext&) { co_return Errno{ENOSYS}; }

Co<SyscallResult> sys_futex(SyscallContext& call) {
  const uint32_t command = call.word(1) & kFutexCommand;
  // Linux 6.1: only waits for a moment may choose their clock.
  const bool has_clock = command == kFutexWaitBitset || command == kFutexLockOfClock;
  if ((call.word(1) & kFutexRealtime) && !has_clock) return refuse(call);
  switch (command) {
    case kFutexWakeOperation:
      return wake_operation(call);
    case kFutexWait:
      return wait(call, FutexTable::kAnyBit, false);
    case kFutexWaitBitset:
      return wait(call, call.word(5), true);
    case kFutexWake:
      return wake(call, FutexTable::kAnyBit);
    case kFutexWakeBitset:
      return wake(call, call.word(5));
    case kFutexLock:
    case kFutexLockOfClock:
      return lock(call);
    case kFutexTryLock:
      return lock_owned(call, WaitQueue::kNever, false);
    case kFutexUnlock:
      return unlock_owned(call);
    case kFutexRequeue:
      return requeue(call, false);
    case kFutexCompareRequeue:
      return requeue(call, true);
    default:
      return refuse(call);
  }
}

constexpr uint64_t kRobustHeadBytes = 24;  // struct robust_list_head

SyscallResult sys_set_robust_list(SyscallContext& call) {
  if (call.args[1] != kRobustHeadBytes) return Errno{EINVAL};
  call.task.robust_list = call.args[0];
  return uint64_t{0};
}

Co<SyscallResult> sys_get_robust_list(SyscallContext& call) {
  const int32_t tid = call.integer(0);
  const Task* const task = tid == 0 ? &call.task : call.kernel.processes().find_task(tid);
  if (!task) co_return Errno{ESRCH};
  const uint64_t head = task->robust_list;
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<> size = co_await user.put(call.address(2), kRobustHeadBytes);
  if (!size.ok()) co_return size.error();
  const Result<> stored = co_await user.put(call.address(1), head);
  if (!stored.ok()) co_return stored.error();
  co_return uint64_t{0};
}

}  // namespace

void register_futex_calls(SyscallTable& table) {
  table.add(98, sys_futex);
  table.add(99, sys_set_robust_list);
  table.add(100, sys_get_robust_list);
}

}  // namespace faultline::os
