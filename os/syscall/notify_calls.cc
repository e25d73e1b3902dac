// inotify_init1(2), inotify_add_watch(2), inotify_rm_watch(2): of what the guest itself
// does to files. What others do on the host is not heard.
#include <cerrno>
#include <memory>

#include "os/files/notify_file.h"
#include "os/syscall/file_calls.h"

namespace faultline::os {

namespace {

SyscallResult sys_inotify_init1(SyscallContext& call) {
  const uint32_t flags = call.word(0);
  if (flags & ~(kOpenNonBlocking | kOpenCloseOnExec)) return Errno{EINVAL};
  auto made = std::make_shared<NotifyFile>(vfs_of(call).new_unnamed());
  OpenFilePtr file = Vfs::open_unnamed(std::move(made), flags, "anon_inode:inotify");
  file->flags &= ~uint32_t{kOpenAccessMode};  // it is only read
  return hand_out(call, std::move(file), (flags & kOpenCloseOnExec) != 0);
}

Result<OpenFilePtr> notify_argument(SyscallContext& call) {
  Result<OpenFilePtr> file = file_argument(call, 0);
  if (file && !dynamic_cast<NotifyFile*>(&(*file)->inode())) return Errno{EINVAL};
  return file;
}

NotifyFile& notify_of(const OpenFilePtr& file) { return static_cast<NotifyFile&>(file->inode()); }

Co<SyscallResult> sys_inotify_add_watch(SyscallContext& call) {
  constexpr uint32_t kKnown = kWatchAllEvents | 0xe000 | kWatchOnlyDirectory | kWatchNoFollow | kWatchNoUnlinked |
                              kWatchMaskCreate | kWatchMaskAdd | kWatchDirectory | kWatchOneShot;
  const uint32_t mask = call.word(2);
  if ((mask & kKnown) == 0) co_return Errno{EINVAL};
  if ((mask & kWatchMaskAdd) && (mask & kWatchMaskCreate)) co_return Errno{EINVAL};
  Result<OpenFilePtr> file = notify_argument(call);
  if (!file) co_return file.error();
  const OpenFilePtr held = *file;
  auto path = co_await path_argument(call, 1);
  if (!path) co_return path.error();
  Vfs& vfs = vfs_of(call);
  const Vfs::Last last = (mask & kWatchNoFollow) ? Vfs::Last::keep : Vfs::Last::follow;
  Result<InodePtr> inode = vfs.find(fs_of(call).current, *path, last);
  if (!inode) co_return inode.error();
  if ((mask & kWatchOnlyDirectory) && !(*inode)->is(InodeType::directory)) co_return Errno{ENOTDIR};
  if (Result<> allowed = vfs.check_access(**inode, 4); !allowed) co_return allowed.error();
  Result<int32_t> number = notify_of(held).watch(*inode, mask);
  if (!number) co_return number.error();
  co_return static_cast<uint64_t>(*number);
}

SyscallResult sys_inotify_rm_watch(SyscallContext& call) {
  Result<OpenFilePtr> file = notify_argument(call);
  if (!file) return file.error();
  Result<> gone = notify_of(*file).unwatch(call.integer(1));
  if (!gone) return gone.error();
  return uint64_t{0};
}

}  // namespace

void register_notify_calls(SyscallTable& table) {
  table.add(26, sys_inotify_init1);
  table.add(27, sys_inotify_add_watch);
  table.add(28, sys_inotify_rm_watch);
}

}  // namespace faultline::os
