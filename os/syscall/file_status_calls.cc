// stat and its relatives: what is known about a file without opening it.
#include <cerrno>
#include <cstring>
#include <span>

#include "os/files/regular_file.h"
#include "os/syscall/file_calls.h"

namespace faultline::os {

namespace {

// struct stat of riscv64 (asm-generic/stat.h).
struct Stat {
  uint64_t device;
  uint64_t inode;
  uint32_t mode;
  uint32_t links;
  uint32_t uid;
  uint32_t gid;
  uint64_t device_number;
  uint64_t pad1;
  int64_t size;
  int32_t block_size;
  int32_t pad2;
  int64_t blocks;
  int64_t accessed, accessed_nanoseconds;
  int64_t modified, modified_nanoseconds;
  int64_t changed, changed_nanoseconds;
  uint32_t unused[2];
};
static_assert(sizeof(Stat) == 128);

struct StatxTime {
  int64_t seconds;
  uint32_t nanoseconds;
  int32_t reserved;
};

// struct statx (linux/stat.h).
struct Statx {
  uint32_t mask;
  uint32_t block_size;
  uint64_t attributes;
  uint32_t links;
  uint32_t uid;
  uint32_t gid;
  uint16_t mode;
  uint16_t spare0;
  uint64_t inode;
  uint64_t size;
  uint64_t blocks;
  uint64_t attributes_mask;
  StatxTime accessed, born, changed, modified;
  uint32_t number_major, number_minor;
  uint32_t device_major, device_minor;
  uint64_t mount;
  uint64_t spare[13];
};
static_assert(sizeof(Statx) == 256);

// struct statfs of 64-bit machines (asm-generic/statfs.h).
struct StatFs {
  int64_t type, block_size, blocks, free, available, files, free_files;
  int32_t id[2];
  int64_t name_length, fragment_size, flags, spare[4];
};
static_assert(sizeof(StatFs) == 120);

constexpr uint32_t kStatxBasic = 0x7ff;

uint64_t blocks_of(const Inode& inode) {
  const auto* file = dynamic_cast<const RegularFile*>(&inode);
  return file ? file->disk_sectors() : 0;
}

int32_t block_size(SyscallContext& call) { return static_cast<int32_t>(vfs_of(call).disk().page().bytes()); }

Stat stat_of(SyscallContext& call, const Inode& inode) {
  const Attributes& a = inode.attributes;
  Stat stat{};
  stat.device = inode.mount().device;
  stat.inode = inode.number();
  stat.mode = inode.mode();
  stat.links = a.links;
  stat.uid = a.uid;
  stat.gid = a.gid;
  stat.device_number = a.device_number;
  stat.size = static_cast<int64_t>(inode.size());
  stat.block_size = block_size(call);
  stat.blocks = static_cast<int64_t>(blocks_of(inode));
  stat.accessed = a.accessed.seconds;
  stat.accessed_nanoseconds = a.accessed.nanoseconds;
  stat.modified = a.modified.seconds;
  stat.modified_nanoseconds = a.modified.nanoseconds;
  stat.changed = a.changed.seconds;
  stat.changed_nanoseconds = a.changed.nanoseconds;
  return stat;
}

StatxTime statx_time(Timestamp time) { return {time.seconds, time.nanoseconds, 0}; }

Statx statx_of(SyscallContext& call, const Inode& inode) {
  const Attributes& a = inode.attributes;
  Statx stat{};
  stat.mask = kStatxBasic;
  stat.block_size = static_cast<uint32_t>(block_size(call));
  stat.links = a.links;
  stat.uid = a.uid;
  stat.gid = a.gid;
  stat.mode = static_cast<uint16_t>(inode.mode());
  stat.inode = inode.number();
  stat.size = inode.size();
  stat.blocks = blocks_of(inode);
  stat.accessed = statx_time(a.accessed);
  stat.modified = statx_time(a.modified);
  stat.changed = statx_time(a.changed);
  stat.number_major = static_cast<uint32_t>(a.device_number >> 8);
  stat.number_minor = static_cast<uint32_t>(a.device_number & 0xff);
  stat.device_minor = inode.mount().device;
  return stat;
}

Co<SyscallResult> sys_fstat(SyscallContext& call) {
  Result<OpenFilePtr> file = file_argument(call, 0, true);
  if (!file) co_return file.error();
  UserMemory user = call.kernel.user_memory(call.task);
  auto put = co_await user.put(call.address(1), stat_of(call, (*file)->inode()));
  if (!put) co_return put.error();
  co_return uint64_t{0};
}

Co<SyscallResult> sys_newfstatat(SyscallContext& call) {
  const uint32_t flags = call.word(3);
  if ((flags & ~(kAtSymlinkNoFollow | kAtNoAutomount | kAtEmptyPath)) != 0) co_return Errno{EINVAL};
  auto path = co_await path_argument(call, 1);
  if (!path) co_return path.error();
  Result<InodePtr> inode = inode_at(call, 0, *path, flags);
  if (!inode) co_return inode.error();
  UserMemory user = call.kernel.user_memory(call.task);
  auto put = co_await user.put(call.address(2), stat_of(call, **inode));
  if (!put) co_return put.error();
  co_return uint64_t{0};
}

Co<SyscallResult> sys_statx(SyscallContext& call) {
  const uint32_t flags = call.word(2);
  constexpr uint32_t kSyncFlags = 0x6000;  // AT_STATX_FORCE_SYNC, AT_STATX_DONT_SYNC
  if ((flags & ~(kAtSymlinkNoFollow | kAtNoAutomount | kAtEmptyPath | kSyncFlags)) != 0) co_return Errno{EINVAL};
  if ((flags & kSyncFlags) == kSyncFlags || (call.word(3) & 0x80000000u)) co_return Errno{EINVAL};
  auto path = co_await path_argument(call, 1);
  if (!path) co_return path.error();
  Result<InodePtr> inode = inode_at(call, 0, *path, flags);
  if (!inode) co_return inode.error();
  UserMemory user = call.kernel.user_memory(call.task);
  auto put = co_await user.put(call.address(4), statx_of(call, **inode));
  if (!put) co_return put.error();
  co_return uint64_t{0};
}

// f_type (linux/magic.h). What no directory names lies in file systems of its own.
int64_t magic_of(const Inode& inode) {
  constexpr int64_t kPipes = 0x50495045, kSockets = 0x534f434b, kUnnamed = 0x09041934;
  if (inode.mount().device != Vfs::kAnonymousDevice) return static_cast<int64_t>(inode.mount().magic);
  if (inode.is(InodeType::fifo)) return kPipes;
  if (inode.is(InodeType::socket)) return kSockets;
  return inode.is(InodeType::unnamed) ? kUnnamed : static_cast<int64_t>(inode.mount().magic);
}

Co<SyscallResult> put_statfs(SyscallContext& call, const Inode& inode) {
  const DiskContent& disk = vfs_of(call).disk();
  const unsigned shift = disk.page().shift;
  StatFs stat{};
  stat.type = magic_of(inode);
  stat.block_size = stat.fragment_size = block_size(call);
  stat.blocks = static_cast<int64_t>(disk.file_area_bytes() >> shift);
  stat.free = stat.available = static_cast<int64_t>(disk.free_bytes() >> shift);
  stat.id[0] = static_cast<int32_t>(inode.mount().device);
  stat.name_length = kNameMax;
  UserMemory user = call.kernel.user_memory(call.task);
  auto put = co_await user.put(call.address(1), stat);
  if (!put) co_return put.error();
  co_return uint64_t{0};
}

Co<SyscallResult> sys_statfs(SyscallContext& call) {
  auto path = co_await path_argument(call, 0);
  if (!path) co_return path.error();
  Result<InodePtr> inode = vfs_of(call).find(fs_of(call).current, *path, Vfs::Last::follow);
  if (!inode) co_return inode.error();
  auto put = co_await put_statfs(call, **inode);
  co_return put;
}

Co<SyscallResult> sys_fstatfs(SyscallContext& call) {
  Result<OpenFilePtr> file = file_argument(call, 0, true);
  if (!file) co_return file.error();
  auto put = co_await put_statfs(call, (*file)->inode());
  co_return put;
}

Co<SyscallResult> check_access_at(SyscallContext& call, uint32_t flags) {
  const uint32_t wanted = call.word(2);
  constexpr uint32_t kAtEffectiveAccess = 0x200;
  if ((wanted & ~7u) != 0) co_return Errno{EINVAL};
  if ((flags & ~(kAtSymlinkNoFollow | kAtEmptyPath | kAtEffectiveAccess)) != 0) co_return Errno{EINVAL};
  auto path = co_await path_argument(call, 1);
  if (!path) co_return path.error();
  Result<InodePtr> inode = inode_at(call, 0, *path, flags);
  if (!inode) co_return inode.error();
  Result<> allowed = vfs_of(call).check_access(**inode, wanted);
  if (!allowed) co_return allowed.error();
  co_return uint64_t{0};
}

Co<SyscallResult> sys_faccessat(SyscallContext& call) { return check_access_at(call, 0); }
Co<SyscallResult> sys_faccessat2(SyscallContext& call) { return check_access_at(call, call.word(3)); }

}  // namespace

void register_file_status(SyscallTable& table) {
  table.add(43, sys_statfs);
  table.add(44, sys_fstatfs);
  table.add(48, sys_faccessat);
  table.add(79, sys_newfstatat);
  table.add(80, sys_fstat);
  table.add(291, sys_statx);
  table.add(439, sys_faccessat2);
}

}  // namespace faultline::os
