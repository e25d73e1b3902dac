// openat, close, pipes, anonymous files.
#include <array>
#include <cerrno>
#include <utility>

#include "os/syscall/file_calls.h"

namespace faultline::os {

namespace {

constexpr size_t kAnonymousNameMost = 249;  // memfd_create(2)
constexpr uint32_t kMemfdCloseOnExec = 1;
constexpr uint32_t kMemfdAllowSealing = 2;
constexpr uint32_t kCloseRangeUnshare = 2;
constexpr uint32_t kCloseRangeCloseOnExec = 4;

SyscallResult as_value(const Result<int>& descriptor) {
  if (!descriptor) return descriptor.error();
  return static_cast<uint64_t>(descriptor.value());
}

Co<SyscallResult> sys_openat(SyscallContext& call) {
  const uint32_t flags = call.word(2);
  if ((flags & kOpenAccessMode) == kOpenAccessMode) co_return Errno{EINVAL};
  auto path = co_await path_argument(call, 1);
  if (!path) co_return path.error();
  Result<DirectoryPtr> start = start_of(call, 0, *path);
  if (!start) co_return start.error();
  TaskSleeper sleeper(call.task);
  const uint32_t permissions = call.word(3) & 07777 & ~fs_of(call).umask;
  auto file = co_await vfs_of(call).open(*start, *path, flags, permissions, sleeper);
  if (!file) co_return file.error();
  // /dev/tty is the terminal of whoever opens it.
  const bool others_terminal = (*file)->inode().is_terminal() && !has_terminal(call.task.process());
  if (others_terminal && !(flags & kOpenPath)) co_return Errno{ENXIO};
  co_return as_value(files_of(call).add(*file, (flags & kOpenCloseOnExec) != 0, descriptor_limit(call)));
}

SyscallResult sys_close(SyscallContext& call) {
  Result<> closed = files_of(call).close(call.integer(0));
  if (!closed) return closed.error();
  return uint64_t{0};
}

SyscallResult sys_close_range(SyscallContext& call) {
  const uint32_t first = call.word(0), last = call.word(1), flags = call.word(2);
  if (first > last || (flags & ~(kCloseRangeUnshare | kCloseRangeCloseOnExec)) != 0) return Errno{EINVAL};
  auto& files = call.task.process().files;
  if (flags & kCloseRangeUnshare) files = files->duplicate();
  if (flags & kCloseRangeCloseOnExec) {
    files->set_close_on_exec_range(first, last);
  } else {
    files->close_range(first, last);
  }
  return uint64_t{0};
}

Co<SyscallResult> sys_pipe2(SyscallContext& call) {
  const uint32_t flags = call.word(1);
  if ((flags & ~(kOpenCloseOnExec | kOpenNonBlocking | kOpenDirect)) != 0) co_return Errno{EINVAL};
  auto done = co_await hand_out_pair(call, 0, vfs_of(call).make_pipe(flags), (flags & kOpenCloseOnExec) != 0);
  co_return done;
}

Co<SyscallResult> sys_memfd_create(SyscallContext& call) {
  const uint32_t flags = call.word(1);
  if ((flags & ~(kMemfdCloseOnExec | kMemfdAllowSealing)) != 0) co_return Errno{EINVAL};
  UserMemory user = call.kernel.user_memory(call.task);
  auto name = co_await user.read_string(call.address(0), kAnonymousNameMost + 1);
  if (!name) co_return name.error() == Errno{ENAMETOOLONG} ? Errno{EINVAL} : name.error();
  OpenFilePtr file =
      vfs_of(call).make_anonymous_file(*name, 0, (flags & kMemfdAllowSealing) ? 0u : uint32_t{kSealSeals});
  co_return as_value(files_of(call).add(std::move(file), (flags & kMemfdCloseOnExec) != 0, descriptor_limit(call)));
}

}  // namespace

SyscallResult hand_out(SyscallContext& call, OpenFilePtr file, bool close_on_exec) {
  return as_value(files_of(call).add(std::move(file), close_on_exec, descriptor_limit(call)));
}

Co<SyscallResult> hand_out_pair(SyscallContext& call, unsigned argument, std::pair<OpenFilePtr, OpenFilePtr> files,
                                bool close_on_exec) {
  FileTable& table = files_of(call);
  Result<int> first = table.add(std::move(files.first), close_on_exec, descriptor_limit(call));
  if (!first) co_return first.error();
  Result<int> second = table.add(std::move(files.second), close_on_exec, descriptor_limit(call));
  Result<> given = second ? Result<>(Unit{}) : Result<>(second.error());
  if (given) {
    UserMemory user = call.kernel.user_memory(call.task);
    given = co_await user.put(call.address(argument), std::array<int32_t, 2>{*first, *second});
  }
  if (given) co_return uint64_t{0};
  (void)table.close(*first).ok();
  if (second) (void)table.close(*second).ok();
  co_return given.error();
}

void register_file_open(SyscallTable& table) {
  table.add(56, sys_openat);
  table.add(57, sys_close);
  table.add(59, sys_pipe2);
  table.add(279, sys_memfd_create);
  table.add(436, sys_close_range);
}

}  // namespace faultline::os
