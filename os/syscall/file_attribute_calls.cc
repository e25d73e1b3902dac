// Sizes, permissions, owners and times.
#include <cerrno>
#include <string>

#include "os/files/regular_file.h"
#include "os/syscall/file_calls.h"
#include "os/syscall/time_types.h"

namespace faultline::os {

namespace {

constexpr int64_t kTimeNow = 0x3fffffff;   // UTIME_NOW
constexpr int64_t kTimeOmit = 0x3ffffffe;  // UTIME_OMIT
constexpr uint32_t kKeepSize = 1;          // FALLOC_FL_KEEP_SIZE
constexpr uint32_t kPunchHole = 2;         // FALLOC_FL_PUNCH_HOLE

SyscallResult as_value(const Result<>& done) {
  if (!done) return done.error();
  return uint64_t{0};
}

// --- sizes ---------------------------------------------------------------------------

Co<SyscallResult> set_size(SyscallContext& call, InodePtr inode, uint64_t size) {
  if (static_cast<int64_t>(size) < 0) co_return Errno{EINVAL};
  CallIo io(call);
  auto done = co_await inode->truncate(io.context(), size);
  if (!done) signal_oversize(call, done.error());
  co_return as_value(done);
}

Co<SyscallResult> sys_truncate(SyscallContext& call) {
  if (static_cast<int64_t>(call.args[1]) < 0) co_return Errno{EINVAL};
  auto path = co_await path_argument(call, 0);
  if (!path) co_return path.error();
  Result<InodePtr> inode = vfs_of(call).find(fs_of(call).current, *path, Vfs::Last::follow);
  if (!inode) co_return inode.error();
  if ((*inode)->is(InodeType::directory)) co_return Errno{EISDIR};
  if (Result<> allowed = vfs_of(call).check_access(**inode, 2); !allowed) co_return allowed.error();
  if ((*inode)->executions != 0) co_return Errno{ETXTBSY};
  auto done = co_await set_size(call, *inode, call.args[1]);
  if (done.ok()) vfs_of(call).tell_watchers_at(fs_of(call).current, *path, Vfs::Last::follow, kWatchModify);
  co_return done;
}

Co<SyscallResult> sys_ftruncate(SyscallContext& call) {
  if (static_cast<int64_t>(call.args[1]) < 0) co_return Errno{EINVAL};
  Result<OpenFilePtr> file = file_argument(call, 0);
  if (!file) co_return file.error();
  if (!(*file)->writable()) co_return Errno{EINVAL};
  auto done = co_await set_size(call, (*file)->inode_pointer(), call.args[1]);
  if (done.ok()) tell_watchers(**file, kWatchModify);
  co_return done;
}

Co<SyscallResult> sys_fallocate(SyscallContext& call) {
  Result<OpenFilePtr> file = file_argument(call, 0);
  if (!file) co_return file.error();
  const auto offset = static_cast<int64_t>(call.args[2]), length = static_cast<int64_t>(call.args[3]);
  if (offset < 0 || length <= 0) co_return Errno{EINVAL};
  const bool punches = call.word(1) == (kPunchHole | kKeepSize);
  constexpr uint32_t kKnown = 0x7b;  // modes that file systems may have
  if ((call.word(1) & ~kKnown) || ((call.word(1) & kPunchHole) && !punches)) co_return Errno{EOPNOTSUPP};
  if (!(*file)->writable()) co_return Errno{EBADF};
  if (!punches && (call.word(1) & ~kKeepSize) != 0) co_return Errno{EOPNOTSUPP};
  const InodePtr inode = (*file)->inode_pointer();
  if (inode->is(InodeType::fifo)) co_return Errno{ESPIPE};
  auto* regular = dynamic_cast<RegularFile*>(inode.get());
  if (!regular) co_return Errno{ENODEV};
  const uint64_t end = static_cast<uint64_t>(offset) + static_cast<uint64_t>(length);
  if (end > kFileSizeMax) co_return Errno{EFBIG};
  if (punches) {
    const Result<> done = co_await regular->punch_hole(static_cast<uint64_t>(offset), end);
    co_return as_value(done);
  }
  if (end > inode->size() && !(call.word(1) & kKeepSize) && inode->sealed(kSealGrow)) co_return Errno{EPERM};
  Result<> room = regular->reserve(static_cast<uint64_t>(offset), end);
  if (!room) co_return room.error();
  regular->hold(static_cast<uint64_t>(offset), end);
  if ((call.word(1) & kKeepSize) || end <= inode->size()) co_return uint64_t{0};
  auto done = co_await set_size(call, inode, end);
  co_return done;
}

// --- permissions and owners ------------------------------------------------------------------

SyscallResult change_mode(SyscallContext& call, Inode& inode, uint32_t permissions) {
  if (Result<> owner = vfs_of(call).check_owner(inode); !owner) return owner.error();
  if (inode.is(InodeType::symlink)) return Errno{EOPNOTSUPP};
  const Attributes before = inode.attributes;
  inode.attributes.permissions = permissions & 07777;
  inode.attributes.changed = vfs_of(call).now();
  Result<> passed = inode.attributes_changed();
  if (!passed) inode.attributes = before;
  return as_value(passed);
}

// The guest is one user with one group: any other owner is refused.
SyscallResult change_owner(SyscallContext& call, Inode& inode, uint32_t uid, uint32_t gid) {
  constexpr uint32_t kKeep = ~uint32_t{0};
  if (Result<> owner = vfs_of(call).check_owner(inode); !owner && (uid != kKeep || gid != kKeep)) return owner.error();
  const bool superuser = vfs_of(call).uid() == 0;
  if (!superuser && uid != kKeep && uid != inode.attributes.uid) return Errno{EPERM};
  if (!superuser && gid != kKeep && gid != inode.attributes.gid && gid != vfs_of(call).gid()) return Errno{EPERM};
  if (uid != kKeep) inode.attributes.uid = uid;
  if (gid != kKeep) inode.attributes.gid = gid;
  if (!inode.is(InodeType::directory)) inode.attributes.permissions &= 01777u;
  inode.attributes.changed = vfs_of(call).now();
  return uint64_t{0};
}

// Who watches the file, or its directory, hears of a change by path (inotify(7)).
void tell_change_at(SyscallContext& call, unsigned directory, const std::string& path, uint32_t flags) {
  if (path.empty()) {
    Result<OpenFilePtr> file = file_argument(call, directory, true);
    if (file) tell_watchers(**file, kWatchAttributes);
    return;
  }
  Result<DirectoryPtr> start = start_of(call, directory, path);
  const Vfs::Last last = flags & kAtSymlinkNoFollow ? Vfs::Last::keep : Vfs::Last::follow;
  if (start) vfs_of(call).tell_watchers_at(*start, path, last, kWatchAttributes);
}

SyscallResult sys_fchmod(SyscallContext& call) {
  Result<OpenFilePtr> file = file_argument(call, 0);
  if (!file) return file.error();
  const SyscallResult done = change_mode(call, (*file)->inode(), call.word(1));
  if (done.ok()) tell_watchers(**file, kWatchAttributes);
  return done;
}

Co<SyscallResult> change_mode_at(SyscallContext& call, uint32_t flags) {
  if ((flags & ~(kAtSymlinkNoFollow | kAtEmptyPath)) != 0) co_return Errno{EINVAL};
  auto path = co_await path_argument(call, 1);
  if (!path) co_return path.error();
  Result<InodePtr> inode = inode_at(call, 0, *path, flags);
  if (!inode) co_return inode.error();
  const SyscallResult done = change_mode(call, **inode, call.word(2));
  if (done.ok()) tell_change_at(call, 0, *path, flags);
  co_return done;
}

Co<SyscallResult> sys_fchmodat(SyscallContext& call) { return change_mode_at(call, 0); }
Co<SyscallResult> sys_fchmodat2(SyscallContext& call) { return change_mode_at(call, call.word(3)); }

SyscallResult sys_fchown(SyscallContext& call) {
  Result<OpenFilePtr> file = file_argument(call, 0);
  if (!file) return file.error();
  const SyscallResult done = change_owner(call, (*file)->inode(), call.word(1), call.word(2));
  if (done.ok()) tell_watchers(**file, kWatchAttributes);
  return done;
}

Co<SyscallResult> sys_fchownat(SyscallContext& call) {
  const uint32_t flags = call.word(4);
  if ((flags & ~(kAtSymlinkNoFollow | kAtEmptyPath)) != 0) co_return Errno{EINVAL};
  auto path = co_await path_argument(call, 1);
  if (!path) co_return path.error();
  Result<InodePtr> inode = inode_at(call, 0, *path, flags);
  if (!inode) co_return inode.error();
  const SyscallResult done = change_owner(call, **inode, call.word(2), call.word(3));
  if (done.ok()) tell_change_at(call, 0, *path, flags);
  co_return done;
}

// --- times ----------------------------------------------------------------------------------------

struct TimePair {
  TimeSpec accessed, modified;
};

bool valid_time(const TimeSpec& time) {
  return time.nanoseconds == kTimeNow || time.nanoseconds == kTimeOmit ||
         (time.nanoseconds >= 0 && time.nanoseconds < static_cast<int64_t>(kNanosecondsPerSecond));
}

void set_time(Timestamp& to, const TimeSpec& from, Timestamp now) {
  if (from.nanoseconds == kTimeOmit) return;
  to = from.nanoseconds == kTimeNow ? now : Timestamp{from.seconds, static_cast<uint32_t>(from.nanoseconds)};
}

Co<SyscallResult> sys_utimensat(SyscallContext& call) {
  const uint32_t flags = call.word(3);
  UserMemory user = call.kernel.user_memory(call.task);
  TimePair times{{0, kTimeNow}, {0, kTimeNow}};
  if (call.args[2] != 0) {
    auto given = co_await user.get<TimePair>(call.address(2));
    if (!given) co_return given.error();
    times = *given;
  }
  // Nothing is to change: nothing is looked at (Linux, do_utimes).
  if (times.accessed.nanoseconds == kTimeOmit && times.modified.nanoseconds == kTimeOmit) co_return uint64_t{0};
  if (!valid_time(times.accessed) || !valid_time(times.modified)) co_return Errno{EINVAL};
  if ((flags & ~(kAtSymlinkNoFollow | kAtEmptyPath)) != 0) co_return Errno{EINVAL};
  Result<InodePtr> inode = Errno{EFAULT};
  std::string path;
  if (call.args[1] == 0) {
    // futimens: the descriptor itself.
    Result<OpenFilePtr> file = file_argument(call, 0);
    if (!file) co_return file.error();
    inode = (*file)->inode_pointer();
  } else {
    auto given = co_await path_argument(call, 1);
    if (!given) co_return given.error();
    path = *given;
    inode = inode_at(call, 0, path, flags);
  }
  if (!inode) co_return inode.error();
  const bool now_only = times.accessed.nanoseconds == kTimeNow && times.modified.nanoseconds == kTimeNow;
  Result<> owner = vfs_of(call).check_owner(**inode);
  if (!owner && !now_only) co_return owner.error();
  if (!owner && !vfs_of(call).check_access(**inode, 2)) co_return Errno{EACCES};
  const Timestamp now = vfs_of(call).now();
  set_time((*inode)->attributes.accessed, times.accessed, now);
  set_time((*inode)->attributes.modified, times.modified, now);
  (*inode)->attributes.changed = now;
  tell_change_at(call, 0, path, flags);
  co_return uint64_t{0};
}

}  // namespace

void register_file_attributes(SyscallTable& table) {
  table.add(45, sys_truncate);
  table.add(46, sys_ftruncate);
  table.add(47, sys_fallocate);
  table.add(52, sys_fchmod);
  table.add(53, sys_fchmodat);
  table.add(54, sys_fchownat);
  table.add(55, sys_fchown);
  table.add(88, sys_utimensat);
  table.add(452, sys_fchmodat2);
}

}  // namespace faultline::os
