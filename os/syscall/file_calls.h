// What the file system calls share.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "os/files/directory.h"
#include "os/files/file_table.h"
#include "os/files/fs_context.h"
#include "os/files/vfs.h"
#include "os/kernel.h"
#include "os/memory/memory_manager.h"
#include "os/memory/user_memory.h"
#include "os/process/process.h"
#include "os/process/task.h"
#include "os/syscall/syscall.h"

namespace faultline::os {

inline constexpr int32_t kAtCurrent = -100;  // AT_FDCWD
inline constexpr uint32_t kAtSymlinkNoFollow = 0x100;
inline constexpr uint32_t kAtRemoveDirectory = 0x200;
inline constexpr uint32_t kAtSymlinkFollow = 0x400;
inline constexpr uint32_t kAtNoAutomount = 0x800;
inline constexpr uint32_t kAtEmptyPath = 0x1000;

// No call moves more (MAX_RW_COUNT: the largest int, rounded down to a page).
inline constexpr uint64_t kMostBytes = 0x7ffff000;

class TaskSleeper final : public Sleeper {
 public:
  explicit TaskSleeper(Task& task) : task_(task) {}
  Co<Wake> sleep(WaitQueue& queue) override { return sleep_interruptibly(task_, queue); }
  Co<Wake> sleep_until(WaitQueue& queue, Cycles until) override { return sleep_interruptibly(task_, queue, until); }

 private:
  Task& task_;
};

// An IoContext and what it refers to; lives in the frame of the call.
class CallIo {
 public:
  explicit CallIo(SyscallContext& call);
  // Reads and writes go to a buffer of the kernel's, from address 0 on.
  CallIo(SyscallContext& call, std::span<uint8_t> buffer);
  IoContext& context() { return context_; }

 private:
  CallIo(SyscallContext& call, const UserMemory& user);

  UserMemory user_;
  TaskSleeper sleeper_;
  IoContext context_;
};

inline Vfs& vfs_of(SyscallContext& call) { return call.kernel.vfs(); }
inline FileTable& files_of(SyscallContext& call) { return *call.task.process().files; }
inline FsContext& fs_of(SyscallContext& call) { return *call.task.process().fs; }
inline uint64_t descriptor_limit(SyscallContext& call) { return call.task.process().limits[kLimitFiles].current; }

SocketCredentials credentials_of(SyscallContext& call);

// The open file of argument `i`. EBADF, also for one opened with O_PATH unless
// `path_only` is welcome.
Result<OpenFilePtr> file_argument(SyscallContext& call, unsigned i, bool path_only = false);

// A path in user memory. EFAULT, ENAMETOOLONG.
Co<Result<std::string>> path_argument(SyscallContext& call, unsigned i);

// Where a relative path begins: EBADF, ENOTDIR. An absolute path needs none.
Result<DirectoryPtr> start_of(SyscallContext& call, unsigned i, const std::string& path);

// The inode that (directory, path, flags) of newfstatat and the like names.
// AT_EMPTY_PATH and AT_SYMLINK_NOFOLLOW are honoured.
Result<InodePtr> inode_at(SyscallContext& call, unsigned directory, const std::string& path, uint32_t flags);

// The file under the lowest free descriptor. EMFILE.
SyscallResult hand_out(SyscallContext& call, OpenFilePtr file, bool close_on_exec);
// Both files get a descriptor, and the program both numbers where argument `i`
// points, or neither.
Co<SyscallResult> hand_out_pair(SyscallContext& call, unsigned i, std::pair<OpenFilePtr, OpenFilePtr> files,
                                bool close_on_exec);

// Raises SIGXFSZ where a change of a file's size ended in EFBIG.
void signal_oversize(SyscallContext& call, Errno error);
// After a write: raises SIGPIPE where nobody was left to read, or the above.
void signal_failed_write(SyscallContext& call, const IoContext& io, const Result<uint64_t>& written);

// Writes these bytes of a regular file to the disk, and waits: what O_SYNC and
// O_DSYNC ask for after a write. EIO.
Co<Result<>> sync_bytes(SyscallContext& call, OpenFilePtr file, uint64_t offset, uint64_t bytes);

// The locking commands of fcntl; EINVAL for a command that is none.
Co<SyscallResult> record_lock(SyscallContext& call, OpenFilePtr file, uint32_t command);

// ioctl of a terminal; ENOTTY for a request that is none.
Co<SyscallResult> terminal_request(SyscallContext& call, uint32_t request);

// The groups within the group.
void register_file_open(SyscallTable& table);
void register_file_io(SyscallTable& table);
void register_file_paths(SyscallTable& table);
void register_file_positions(SyscallTable& table);
void register_file_status(SyscallTable& table);
void register_file_attributes(SyscallTable& table);
void register_file_descriptors(SyscallTable& table);
void register_file_locks(SyscallTable& table);
void register_file_poll(SyscallTable& table);
void register_file_sync(SyscallTable& table);
void register_file_transfer(SyscallTable& table);
void register_epoll(SyscallTable& table);
void register_event_files(SyscallTable& table);
void register_notify_calls(SyscallTable& table);
void register_extended_attributes(SyscallTable& table);
void register_posix_queues(SyscallTable& table);

}  // namespace faultline::os
