// mlock(2) and its relatives.
#include "os/kernel.h"
#include "os/memory/mman.h"
#include "os/syscall/groups.h"
#include "os/syscall/populate.h"
#include "os/syscall/syscall.h"

namespace faultline::os {

namespace {

Co<SyscallResult> lock(SyscallContext& call, AreaLock how) {
  AddressSpace& space = *call.task.process().space;
  const Result<> done = space.lock(call.address(0), call.args[1], how);
  if (!done.ok()) co_return done.error();
  const PageSize page = space.page();
  const uint64_t start = page.round_down(call.args[0]);
  const uint64_t end = start + page.round_up(call.args[1] + (call.args[0] - start));
  const FaultReply::Kind present = co_await populate(call, start, end, Populate::held, OnFailure::report);
  if (present == FaultReply::Kind::resolved) co_return uint64_t{0};
  // As POSIX has it (Linux, __mlock_posix_error_return).
  co_return Errno{present == FaultReply::Kind::out_of_memory ? EAGAIN : ENOMEM};
}

Co<SyscallResult> sys_mlock(SyscallContext& call) { return lock(call, AreaLock::whole); }

Co<SyscallResult> sys_mlock2(SyscallContext& call) {
  const int flags = call.integer(2);
  if (flags & ~kMlockOnFault) co_return Errno{EINVAL};
  const SyscallResult done = co_await lock(call, flags ? AreaLock::on_fault : AreaLock::whole);
  co_return done;
}

SyscallResult sys_munlock(SyscallContext& call) {
  const Result<> done = call.task.process().space->lock(call.address(0), call.args[1], AreaLock::none);
  if (!done.ok()) return done.error();
  return uint64_t{0};
}

Co<SyscallResult> sys_mlockall(SyscallContext& call) {
  AddressSpace& space = *call.task.process().space;
  const Result<> done = space.lock_all(call.integer(0));
  if (!done.ok()) co_return done.error();
  if (call.integer(0) & kMclCurrent) {
    [[maybe_unused]] const FaultReply::Kind as_far_as_it_goes =
        co_await populate(call, 0, space.user_end().value, Populate::held, OnFailure::go_on);
  }
  co_return uint64_t{0};
}

SyscallResult sys_munlockall(SyscallContext& call) {
  call.task.process().space->unlock_all();
  return uint64_t{0};
}

}  // namespace

void register_memory_lock_calls(SyscallTable& table) {
  table.add(228, sys_mlock);
  table.add(229, sys_munlock);
  table.add(230, sys_mlockall);
  table.add(231, sys_munlockall);
  table.add(284, sys_mlock2);
}

}  // namespace faultline::os
