// epoll(7).
#include <algorithm>
#include <cerrno>
#include <vector>

#include "os/files/epoll_set.h"
#include "os/syscall/poll_wait.h"

namespace faultline::os {

namespace {

SyscallResult sys_epoll_create1(SyscallContext& call) {
  const uint32_t flags = call.word(0);
  if (flags & ~kOpenCloseOnExec) return Errno{EINVAL};
  auto set = std::make_shared<EpollSet>(vfs_of(call).new_unnamed());
  return hand_out(call, Vfs::open_unnamed(std::move(set), 0, "anon_inode:[eventpoll]"), flags != 0);
}

EpollSet* set_of(const OpenFilePtr& file) { return dynamic_cast<EpollSet*>(&file->inode()); }

Co<SyscallResult> sys_epoll_ctl(SyscallContext& call) {
  enum Operation : int32_t { kAdd = 1, kRemove = 2, kChange = 3 };
  const int32_t operation = call.integer(1);
  EpollEvent event;
  if (operation != kRemove) {
    UserMemory user = call.kernel.user_memory(call.task);
    auto given = co_await user.get<EpollEvent>(call.address(3));
    if (!given) co_return given.error();
    event = *given;
  }
  Result<OpenFilePtr> holder = file_argument(call, 0);
  if (!holder) co_return holder.error();
  Result<OpenFilePtr> file = file_argument(call, 2);
  if (!file) co_return file.error();
  if (!EpollSet::may_watch((*file)->inode())) co_return Errno{EPERM};
  EpollSet* const set = set_of(*holder);
  if (!set || *holder == *file) co_return Errno{EINVAL};
  Result<> done = Errno{EINVAL};
  if (operation == kAdd) done = set->add(call.integer(2), *file, event);
  if (operation == kRemove) done = set->remove(call.integer(2), *file);
  if (operation == kChange) done = set->change(call.integer(2), *file, event);
  if (!done) co_return done.error();
  co_return uint64_t{0};
}

Co<SyscallResult> wait_for_events(SyscallContext& call, Deadline deadline) {
  if (call.args[4] != 0 && call.args[5] != sizeof(uint64_t)) co_return Errno{EINVAL};
  constexpr int32_t kMost = 0x7fffffff / sizeof(EpollEvent);
  constexpr size_t kPiece = 4096;  // events that one call hands out at most
  const int32_t most = call.integer(2);
  if (most <= 0 || most > kMost) co_return Errno{EINVAL};
  Result<OpenFilePtr> file = file_argument(call, 0);
  if (!file) co_return file.error();
  EpollSet* const set = set_of(*file);
  if (!set) co_return Errno{EINVAL};
  auto masked = co_await set_mask(call, call.address(4), call.args[5]);
  if (!masked) co_return masked.error();
  std::vector<EpollEvent> events(std::min<size_t>(static_cast<size_t>(most), kPiece));
  size_t found = set->take_ready(events);
  while (found == 0 && !deadline.passed) {
    const bool goes_on = co_await wait_for_change(call, deadline);
    if (!goes_on) co_return Errno{EINTR};
    found = set->take_ready(events);
  }
  restore_mask(call);
  UserMemory user = call.kernel.user_memory(call.task);
  const auto* bytes = reinterpret_cast<const uint8_t*>(events.data());
  auto put = co_await user.write(call.address(1), std::span<const uint8_t>(bytes, found * sizeof(EpollEvent)));
  if (!put) co_return put.error();
  co_return found;
}

Co<SyscallResult> sys_epoll_pwait(SyscallContext& call) {
  constexpr uint64_t kNanosecondsPerMillisecond = 1'000'000;
  const int32_t limit = call.integer(3);
  Deadline deadline;
  if (limit >= 0) deadline = deadline_after(call, static_cast<uint64_t>(limit) * kNanosecondsPerMillisecond);
  return wait_for_events(call, deadline);
}

Co<SyscallResult> sys_epoll_pwait2(SyscallContext& call) {
  auto deadline = co_await deadline_argument(call, 3);
  if (!deadline) co_return deadline.error();
  auto done = co_await wait_for_events(call, *deadline);
  co_return done;
}

}  // namespace

void register_epoll(SyscallTable& table) {
  table.add(20, sys_epoll_create1);
  table.add(21, sys_epoll_ctl);
  table.add(22, sys_epoll_pwait);
  table.add(441, sys_epoll_pwait2);
}

}  // namespace faultline::os
