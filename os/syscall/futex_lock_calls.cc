// futex(2): locks whose owner the kernel knows (FUTEX_LOCK_PI and its relatives). Nobody
// has a priority here, so there is none to inherit; what is left is who owns the lock.
#include <cerrno>

#include "os/kernel.h"
#include "os/memory/user_memory.h"
#include "os/syscall/futex_calls.h"
#include "os/syscall/syscall.h"

namespace faultline::os {

Co<SyscallResult> lock_owned(SyscallContext& call, Cycles until, bool waits) {
  UserMemory user = call.kernel.user_memory(call.task);
  FutexTable& futexes = call.kernel.futexes();
  const bool own = is_own_futex(call);
  uint32_t gone = 0;
  for (;;) {
    const Result<FutexTable::Lock> taken = co_await futexes.take_lock(call.task, user, call.address(0), gone, own);
    if (!taken.ok()) co_return taken.error();
    if (taken.value().owner == 0) co_return uint64_t{0};
    if (!waits) co_return Errno{EAGAIN};
    gone = taken.value().owner;
    const Task* const owner = call.kernel.processes().find_task(static_cast<int32_t>(gone));
    if (!owner || owner->over) co_return Errno{ESRCH};
    const Result<bool> got = co_await futexes.wait_for_lock(call.task, user, call.address(0), gone, until, own);
    if (!got.ok()) co_return got.error();
    if (got.value()) co_return uint64_t{0};
  }
}

Co<SyscallResult> unlock_owned(SyscallContext& call) {
  if (call.args[0] % 4 != 0) co_return Errno{EINVAL};
  UserMemory user = call.kernel.user_memory(call.task);
  const auto tid = static_cast<uint32_t>(call.task.tid());
  const Result<uint32_t> word = co_await user.get<uint32_t>(call.address(0));
  if (!word.ok()) co_return word.error();
  if ((word.value() & FutexTable::kOwnerMask) != tid) co_return Errno{EPERM};
  const Result<> passed = co_await call.kernel.futexes().pass_lock(user, call.address(0), tid, 0, is_own_futex(call));
  if (!passed.ok()) co_return passed.error();
  co_return uint64_t{0};
}

}  // namespace faultline::os
