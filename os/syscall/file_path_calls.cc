// Names: making, removing, renaming them, links, the current directory.
#include <algorithm>
#include <cerrno>
#include <span>
#include <string>

#include "os/syscall/file_calls.h"

namespace faultline::os {

namespace {

SyscallResult as_value(const Result<>& done) {
  if (!done) return done.error();
  return uint64_t{0};
}

Co<SyscallResult> sys_mkdirat(SyscallContext& call) {
  auto path = co_await path_argument(call, 1);
  if (!path) co_return path.error();
  Result<DirectoryPtr> start = start_of(call, 0, *path);
  if (!start) co_return start.error();
  co_return as_value(vfs_of(call).make_directory(*start, *path, call.word(2) & 01777 & ~fs_of(call).umask));
}

// Linux, may_mknod.
Result<> check_node_type(uint32_t mode) {
  const auto type = static_cast<InodeType>(mode & 0170000);
  switch (type) {
    case InodeType::unnamed:
    case InodeType::fifo:
    case InodeType::character:
    case InodeType::block:
    case InodeType::regular:
    case InodeType::socket:
      return Unit{};
    case InodeType::directory:
      return Errno{EPERM};
    default:
      return Errno{EINVAL};
  }
}

Co<SyscallResult> sys_mknodat(SyscallContext& call) {
  if (Result<> known = check_node_type(call.word(2)); !known) co_return known.error();
  auto path = co_await path_argument(call, 1);
  if (!path) co_return path.error();
  Result<DirectoryPtr> start = start_of(call, 0, *path);
  if (!start) co_return start.error();
  co_return as_value(vfs_of(call).make_node(*start, *path, call.word(2) & ~fs_of(call).umask));
}

Co<SyscallResult> sys_unlinkat(SyscallContext& call) {
  const uint32_t flags = call.word(2);
  if ((flags & ~kAtRemoveDirectory) != 0) co_return Errno{EINVAL};
  auto path = co_await path_argument(call, 1);
  if (!path) co_return path.error();
  Result<DirectoryPtr> start = start_of(call, 0, *path);
  if (!start) co_return start.error();
  co_return as_value(vfs_of(call).remove(*start, *path, flags != 0));
}

Co<SyscallResult> sys_symlinkat(SyscallContext& call) {
  auto target = co_await path_argument(call, 0);
  if (!target) co_return target.error();
  if (target->empty()) co_return Errno{ENOENT};
  auto path = co_await path_argument(call, 2);
  if (!path) co_return path.error();
  Result<DirectoryPtr> start = start_of(call, 1, *path);
  if (!start) co_return start.error();
  co_return as_value(vfs_of(call).make_symlink(*start, *path, *target));
}

Co<SyscallResult> sys_linkat(SyscallContext& call) {
  const uint32_t flags = call.word(4);
  if ((flags & ~(kAtSymlinkFollow | kAtEmptyPath)) != 0) co_return Errno{EINVAL};
  auto from = co_await path_argument(call, 1);
  if (!from) co_return from.error();
  const uint32_t look = (flags & kAtEmptyPath) | (flags & kAtSymlinkFollow ? 0 : kAtSymlinkNoFollow);
  Result<InodePtr> inode = inode_at(call, 0, *from, look);
  if (!inode) co_return inode.error();
  auto to = co_await path_argument(call, 3);
  if (!to) co_return to.error();
  Result<DirectoryPtr> start = start_of(call, 2, *to);
  if (!start) co_return start.error();
  co_return as_value(vfs_of(call).link(*inode, *start, *to));
}

Co<SyscallResult> sys_renameat2(SyscallContext& call) {
  constexpr uint32_t kNoReplace = 1, kExchange = 2, kWhiteout = 4;
  const uint32_t flags = call.word(4);
  if (flags & ~(kNoReplace | kExchange | kWhiteout)) co_return Errno{EINVAL};
  if ((flags & kExchange) && (flags & (kNoReplace | kWhiteout))) co_return Errno{EINVAL};
  auto from = co_await path_argument(call, 1);
  if (!from) co_return from.error();
  Result<DirectoryPtr> from_start = start_of(call, 0, *from);
  if (!from_start) co_return from_start.error();
  auto to = co_await path_argument(call, 3);
  if (!to) {
    // The way to the old name is gone first.
    Result<PathResult> place = vfs_of(call).resolve(*from_start, *from, Vfs::Last::keep);
    co_return place ? to.error() : place.error();
  }
  if (flags & kWhiteout) co_return Errno{EPERM};
  Result<DirectoryPtr> to_start = start_of(call, 2, *to);
  if (!to_start) co_return to_start.error();
  co_return as_value(vfs_of(call).rename(*from_start, *from, *to_start, *to, call.word(4)));
}

Co<SyscallResult> sys_readlinkat(SyscallContext& call) {
  const auto room = call.integer(3);
  if (room <= 0) co_return Errno{EINVAL};
  auto path = co_await path_argument(call, 1);
  if (!path) co_return path.error();
  Result<InodePtr> inode = inode_at(call, 0, *path, kAtSymlinkNoFollow | kAtEmptyPath);
  if (!inode) co_return inode.error();
  if (path->empty() && !(*inode)->is(InodeType::symlink)) co_return Errno{ENOENT};
  Result<std::string> target = (*inode)->link_target();
  if (!target) co_return target.error();
  const size_t length = std::min(target->size(), static_cast<size_t>(room));
  UserMemory user = call.kernel.user_memory(call.task);
  auto put = co_await user.write(call.address(2),
                                 std::span<const uint8_t>(reinterpret_cast<const uint8_t*>(target->data()), length));
  if (!put) co_return put.error();
  co_return length;
}

Co<SyscallResult> sys_getcwd(SyscallContext& call) {
  Result<std::string> path = vfs_of(call).path_of(*fs_of(call).current);
  if (!path) co_return path.error();
  const size_t length = path->size() + 1;
  if (call.args[1] < length) co_return Errno{ERANGE};
  UserMemory user = call.kernel.user_memory(call.task);
  auto put = co_await user.write(call.address(0),
                                 std::span<const uint8_t>(reinterpret_cast<const uint8_t*>(path->c_str()), length));
  if (!put) co_return put.error();
  co_return length;
}

SyscallResult enter(SyscallContext& call, const InodePtr& inode) {
  DirectoryPtr directory = as_directory(inode);
  if (!directory) return Errno{ENOTDIR};
  if (Result<> allowed = vfs_of(call).check_access(*directory, 1); !allowed) return allowed.error();
  fs_of(call).current = std::move(directory);
  return uint64_t{0};
}

Co<SyscallResult> sys_chdir(SyscallContext& call) {
  auto path = co_await path_argument(call, 0);
  if (!path) co_return path.error();
  Result<InodePtr> inode = vfs_of(call).find(fs_of(call).current, *path, Vfs::Last::follow);
  if (!inode) co_return inode.error();
  co_return enter(call, *inode);
}

SyscallResult sys_fchdir(SyscallContext& call) {
  Result<OpenFilePtr> file = file_argument(call, 0, true);
  if (!file) return file.error();
  return enter(call, (*file)->inode_pointer());
}

SyscallResult sys_umask(SyscallContext& call) {
  const uint32_t before = fs_of(call).umask;
  fs_of(call).umask = call.word(0) & 0777;
  return uint64_t{before};
}

// chroot, mount, umount2: for a superuser that no guest is.
SyscallResult sys_not_permitted(SyscallContext&) { return Errno{EPERM}; }

}  // namespace

void register_file_paths(SyscallTable& table) {
  table.add(17, sys_getcwd);
  table.add(33, sys_mknodat);
  table.add(34, sys_mkdirat);
  table.add(35, sys_unlinkat);
  table.add(36, sys_symlinkat);
  table.add(37, sys_linkat);
  table.add(39, sys_not_permitted);
  table.add(40, sys_not_permitted);
  table.add(49, sys_chdir);
  table.add(50, sys_fchdir);
  table.add(51, sys_not_permitted);
  table.add(78, sys_readlinkat);
  table.add(166, sys_umask);
  table.add(276, sys_renameat2);
}

}  // namespace faultline::os
