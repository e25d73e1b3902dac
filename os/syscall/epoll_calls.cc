// epoll(7): sets of files to wait for.
#include <algorithm>
#include <cerrno>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "os/files/event_poll.h"
#include "os/syscall/file_calls.h"
#include "os/syscall/poll_wait.h"
#include "os/syscall/time_types.h"

namespace faultline::os {

namespace {

// EPOLL_CTL_* of linux/eventpoll.h.
enum Operation : int32_t { kAdd = 1, kDelete = 2, kModify = 3 };

SyscallResult sys_epoll_create1(SyscallContext& call) {
  const uint32_t flags = call.word(0);
  if ((flags & ~uint32_t{kOpenCloseOnExec}) != 0) return Errno{EINVAL};
  Result<int> descriptor = files_of(call).add(vfs_of(call).make_event_poll(), flags != 0, descriptor_limit(call));
  if (!descriptor) return descriptor.error();
  return static_cast<uint64_t>(*descriptor);
}

Co<SyscallResult> sys_epoll_ctl(SyscallContext& call) {
  const int32_t operation = call.integer(1);
  PolledEvent wanted;
  if (operation != kDelete) {
    UserMemory user = call.kernel.user_memory(call.task);
    auto given = co_await user.get<PolledEvent>(call.address(3));
    if (!given) co_return given.error();
    wanted = *given;
  }
  Result<OpenFilePtr> set_file = file_argument(call, 0);
  if (!set_file) co_return set_file.error();
  Result<OpenFilePtr> file = file_argument(call, 2);
  if (!file) co_return file.error();
  auto* const set = dynamic_cast<EventPoll*>(&(*set_file)->inode());
  if (!set || *file == *set_file) co_return Errno{EINVAL};
  Result<> done = Errno{EINVAL};
  if (operation == kAdd) done = set->add(call.integer(2), *file, wanted);
  // Who waits alone says so from the beginning.
  const bool modifies = operation == kModify && (wanted.events & kEventExclusive) == 0;
  if (modifies) done = set->modify(call.integer(2), *file, wanted);
  if (operation == kDelete) done = set->remove(call.integer(2), *file);
  if (!done) co_return done.error();
  vfs_of(call).poll_changes().wake_all();  // who waits for this set looks again
  co_return uint64_t{0};
}

// `limit`: nanoseconds, or for ever.
Co<SyscallResult> wait_for_events(SyscallContext& call, std::optional<uint64_t> limit) {
  const int32_t most = call.integer(2);
  if (most <= 0 || most > std::numeric_limits<int32_t>::max() / static_cast<int32_t>(sizeof(PolledEvent)))
    co_return Errno{EINVAL};
  Result<OpenFilePtr> file = file_argument(call, 0);
  if (!file) co_return file.error();
  auto* const set = dynamic_cast<EventPoll*>(&(*file)->inode());
  if (!set) co_return Errno{EINVAL};
  auto masked = co_await set_mask(call, call.address(4), call.args[5]);
  if (!masked) co_return masked.error();
  bool passed = limit == uint64_t{0};
  const Cycles until = limit ? call.kernel.clock().after(*limit) : WaitQueue::kNever;
  std::vector<PolledEvent> events = set->take(static_cast<size_t>(most));
  while (events.empty() && !passed) {
    const Wake wake = co_await sleep_interruptibly(call.task, vfs_of(call).poll_changes(), until);
    // Never begun again, whatever the handler says (signal(7)).
    if (wake == Wake::interrupted) co_return Errno{EINTR};
    passed = wake == Wake::timeout;
    events = set->take(static_cast<size_t>(most));
  }
  restore_mask(call);
  UserMemory user = call.kernel.user_memory(call.task);
  const auto* bytes = reinterpret_cast<const uint8_t*>(events.data());
  auto put = co_await user.write(call.address(1), std::span(bytes, events.size() * sizeof(PolledEvent)));
  if (!put) co_return put.error();
  co_return uint64_t{events.size()};
}

Co<SyscallResult> sys_epoll_pwait(SyscallContext& call) {
  constexpr uint64_t kMillisecond = 1'000'000;
  std::optional<uint64_t> limit;
  if (call.integer(3) >= 0) limit = static_cast<uint64_t>(call.integer(3)) * kMillisecond;
  auto got = co_await wait_for_events(call, limit);
  co_return got;
}

Co<SyscallResult> sys_epoll_pwait2(SyscallContext& call) {
  std::optional<uint64_t> limit;
  if (call.args[3] != 0) {
    UserMemory user = call.kernel.user_memory(call.task);
    auto time = co_await user.get<TimeSpec>(call.address(3));
    if (!time) co_return time.error();
    if (!time->valid()) co_return Errno{EINVAL};
    limit = time->total();
  }
  auto got = co_await wait_for_events(call, limit);
  co_return got;
}

}  // namespace

void register_epoll_calls(SyscallTable& table) {
  table.add(20, sys_epoll_create1);
  table.add(21, sys_epoll_ctl);
  table.add(22, sys_epoll_pwait);
  table.add(441, sys_epoll_pwait2);
}

}  // namespace faultline::os
