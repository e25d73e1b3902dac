#include "os/syscall/file_calls.h"

#include <cerrno>

#include "os/process/signal_send.h"
#include "os/syscall/groups.h"

namespace faultline::os {

SocketCredentials credentials_of(SyscallContext& call) {
  const Process& process = call.task.process();
  return {.pid = process.pid(), .uid = process.uid, .gid = process.gid};
}

CallIo::CallIo(SyscallContext& call) : CallIo(call, call.kernel.user_memory(call.task)) {}

CallIo::CallIo(SyscallContext& call, std::span<uint8_t> buffer)
    : CallIo(call, call.kernel.memory().kernel_buffer(*call.task.process().space, buffer)) {}

CallIo::CallIo(SyscallContext& call, const UserMemory& user)
    : user_(user),
      sleeper_(call.task),
      context_{.user = user_,
               .cpu = call.kernel.cpu(),
               .cache = vfs_of(call).cache(),
               .costs = call.kernel.costs(),
               .sleeper = sleeper_,
               .now = vfs_of(call).now(),
               .file_size_limit = call.task.process().limits[kLimitFileSize].current,
               .caller = credentials_of(call)} {}

Result<OpenFilePtr> file_argument(SyscallContext& call, unsigned i, bool path_only) {
  Result<OpenFilePtr> file = files_of(call).get(call.integer(i));
  if (file && (*file)->path_only() && !path_only) return Errno{EBADF};
  return file;
}

Co<Result<std::string>> path_argument(SyscallContext& call, unsigned i) {
  UserMemory user = call.kernel.user_memory(call.task);
  auto path = co_await user.read_string(call.address(i), kPathMax);
  co_return path;
}

Result<DirectoryPtr> start_of(SyscallContext& call, unsigned i, const std::string& path) {
  if (path.empty()) return Errno{ENOENT};
  if (!path.empty() && path.front() == '/') return vfs_of(call).root();
  if (call.integer(i) == kAtCurrent) return fs_of(call).current;
  Result<OpenFilePtr> file = file_argument(call, i, true);
  if (!file) return file.error();
  DirectoryPtr directory = as_directory((*file)->inode_pointer());
  if (!directory) return Errno{ENOTDIR};
  return directory;
}

Result<InodePtr> inode_at(SyscallContext& call, unsigned directory, const std::string& path, uint32_t flags) {
  if (path.empty() && (flags & kAtEmptyPath)) {
    if (call.integer(directory) == kAtCurrent) return InodePtr(fs_of(call).current);
    Result<OpenFilePtr> file = file_argument(call, directory, true);
    if (!file) return file.error();
    return (*file)->inode_pointer();
  }
  Result<DirectoryPtr> start = start_of(call, directory, path);
  if (!start) return start.error();
  return vfs_of(call).find(*start, path, flags & kAtSymlinkNoFollow ? Vfs::Last::keep : Vfs::Last::follow);
}

namespace {

void signal_self(SyscallContext& call, int signal) {
  SignalInfo info;
  info.signal = signal;
  info.code = kCodeUser;
  info.pid = call.task.process().pid();
  info.uid = call.task.process().uid;
  (void)send_signal(call.task, info).ok();
}

}  // namespace

void signal_oversize(SyscallContext& call, Errno error) {
  const bool limited = call.task.process().limits[kLimitFileSize].current != ResourceLimit::kInfinity;
  if (error == Errno{EFBIG} && limited) signal_self(call, kSigXfsz);
}

void signal_failed_write(SyscallContext& call, const IoContext& io, const Result<uint64_t>& written) {
  if (io.reader_gone) signal_self(call, kSigPipe);
  if (!written) signal_oversize(call, written.error());
}

void register_file_calls(SyscallTable& table) {
  register_file_open(table);
  register_file_io(table);
  register_file_paths(table);
  register_file_positions(table);
  register_file_status(table);
  register_file_attributes(table);
  register_file_descriptors(table);
  register_file_locks(table);
  register_file_poll(table);
  register_file_sync(table);
  register_file_transfer(table);
  register_epoll(table);
  register_event_files(table);
  register_notify_calls(table);
  register_extended_attributes(table);
  register_posix_queues(table);
}

}  // namespace faultline::os
