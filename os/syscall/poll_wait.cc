#include "os/syscall/poll_wait.h"

#include <cerrno>
#include <utility>

#include "os/process/signal_send.h"
#include "os/syscall/time_types.h"

namespace faultline::os {

Deadline deadline_after(SyscallContext& call, uint64_t nanoseconds) {
  return {.when = call.kernel.clock().after(nanoseconds), .passed = nanoseconds == 0};
}

Co<Result<Deadline>> deadline_argument(SyscallContext& call, unsigned i) {
  if (call.args[i] == 0) co_return Deadline{};
  UserMemory user = call.kernel.user_memory(call.task);
  auto time = co_await user.get<TimeSpec>(call.address(i));
  if (!time) co_return time.error();
  if (!time->valid()) co_return Errno{EINVAL};
  co_return deadline_after(call, time->total());
}

Co<Result<>> set_mask(SyscallContext& call, VirtAddr mask, uint64_t bytes) {
  if (mask.value == 0) co_return Unit{};
  if (bytes != sizeof(uint64_t)) co_return Errno{EINVAL};
  UserMemory user = call.kernel.user_memory(call.task);
  auto bits = co_await user.get<uint64_t>(mask);
  if (!bits) co_return bits.error();
  call.task.saved_mask = call.task.blocked;
  set_blocked(call.task, SignalSet(*bits) & ~kUnblockable);
  co_return Unit{};
}

void restore_mask(SyscallContext& call) {
  if (!call.task.saved_mask) return;
  set_blocked(call.task, *std::exchange(call.task.saved_mask, std::nullopt));
}

Co<bool> wait_for_change(SyscallContext& call, Deadline& deadline) {
  const Wake wake = co_await sleep_interruptibly(call.task, vfs_of(call).poll_changes(), deadline.when);
  if (wake == Wake::timeout) deadline.passed = true;
  co_return wake != Wake::interrupted;
}

}  // namespace faultline::os
