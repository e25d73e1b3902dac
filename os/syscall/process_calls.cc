// Making, replacing, ending and naming processes.
#include <algorithm>
#include <array>
#include <bit>

#include "loader/initial_stack.h"
#include "os/files/directory.h"
#include "os/files/file_table.h"
#include "os/kernel.h"
#include "os/memory/user_memory.h"
#include "os/process/exec.h"
#include "os/process/fork.h"
#include "os/process/process_file.h"
#include "os/process/signal_frame.h"
#include "os/process/signal_send.h"
#include "os/process/wait.h"
#include "os/syscall/groups.h"
#include "os/syscall/rusage.h"
#include "os/syscall/syscall.h"

namespace faultline::os {

namespace {

// --- making ------------------------------------------------------------------------

// clone(2) with riscv64's order of arguments: flags, stack, parent_tid, tls, child_tid.
Co<SyscallResult> sys_clone(SyscallContext& call) {
  const CloneRequest request{.flags = call.args[0] & ~uint64_t{kCloneSignalMask} & 0xffffffff,
                             .exit_signal = static_cast<int>(call.args[0] & kCloneSignalMask),
                             .stack = call.args[1],
                             .tls = call.args[3],
                             .parent_tid = call.args[2],
                             .child_tid = call.args[4],
                             .pidfd = call.args[2]};
  const bool both = (request.flags & kClonePidFd) && (request.flags & (kCloneParentSetTid | kCloneDetached));
  if (both) co_return Errno{EINVAL};
  const Result<int32_t> pid = co_await clone_task(call.kernel, call.task, request);
  if (!pid.ok()) co_return pid.error();
  co_return static_cast<uint64_t>(pid.value());
}

// struct clone_args (linux/sched.h), up to what Linux 6.1 knows.
struct CloneArgs {
  uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};
constexpr uint64_t kCloneArgsLeast = 64;  // CLONE_ARGS_SIZE_VER0
constexpr uint64_t kCloneArgsMost = 4096;

Co<SyscallResult> sys_clone3(SyscallContext& call) {
  const uint64_t size = call.args[1];
  if (size > kCloneArgsMost) co_return Errno{E2BIG};
  if (size < kCloneArgsLeast) co_return Errno{EINVAL};
  CloneArgs args{};
  UserMemory user = call.kernel.user_memory(call.task);
  const uint64_t known = std::min<uint64_t>(size, sizeof(args));
  const Result<> read = co_await user.read(call.address(0), std::span(reinterpret_cast<uint8_t*>(&args), known));
  if (!read.ok()) co_return read.error();
  for (uint64_t i = sizeof(args); i < size; ++i) {
    const Result<uint8_t> byte = co_await user.get<uint8_t>(call.address(0) + i);
    if (!byte.ok()) co_return byte.error();
    if (byte.value() != 0) co_return Errno{E2BIG};
  }
  if (args.exit_signal > kSignals) co_return Errno{EINVAL};
  if (args.flags & kCloneSignalMask || args.set_tid != 0 || args.set_tid_size != 0) co_return Errno{EINVAL};
  if ((args.stack == 0) != (args.stack_size == 0)) co_return Errno{EINVAL};
  // Linux, clone3_args_valid: who takes over a parent takes its exit signal too.
  const bool has_parent = (args.flags & (kCloneThread | kCloneParent)) != 0;
  if ((args.flags & kCloneDetached) || (has_parent && args.exit_signal != 0)) co_return Errno{EINVAL};
  const CloneRequest request{.flags = args.flags,
                             .exit_signal = static_cast<int>(args.exit_signal),
                             .stack = args.stack == 0 ? 0 : args.stack + args.stack_size,
                             .tls = args.tls,
                             .parent_tid = args.parent_tid,
                             .child_tid = args.child_tid,
                             .pidfd = args.pidfd};
  const Result<int32_t> pid = co_await clone_task(call.kernel, call.task, request);
  if (!pid.ok()) co_return pid.error();
  co_return static_cast<uint64_t>(pid.value());
}

// --- execve -------------------------------------------------------------------------

constexpr size_t kPathLimit = 4096;  // PATH_MAX, the final zero included

// The strings of argv or envp. `room` is what is left of execve's limit for
// strings and pointers together; E2BIG beyond it.
Co<Result<std::vector<std::string>>> read_strings(UserMemory& user, VirtAddr array, uint64_t& room) {
  using Answer = Result<std::vector<std::string>>;
  std::vector<std::string> strings;
  if (array.value == 0) co_return Answer(std::move(strings));  // as Linux: an empty list
  for (;; array += 8) {
    const Result<uint64_t> pointer = co_await user.get<uint64_t>(array);
    if (!pointer.ok()) co_return Answer(pointer.error());
    if (pointer.value() == 0) co_return Answer(std::move(strings));
    Result<std::string> text = co_await user.read_string(VirtAddr(pointer.value()), loader::kLongestString);
    if (!text.ok()) co_return Answer(text.error() == Errno{ENAMETOOLONG} ? Errno{E2BIG} : text.error());
    const uint64_t bytes = text->size() + 1 + sizeof(uint64_t);
    if (bytes > room) co_return Answer(Errno{E2BIG});
    room -= bytes;
    strings.push_back(std::move(*text));
  }
}

// The file that `directory` and the path mean (execveat(2)). EBADF, ENOTDIR, ENOENT, ELOOP.
Result<> place_program(SyscallContext& call, int32_t directory, uint32_t flags, ExecRequest& request) {
  constexpr int32_t kAtCurrent = -100;
  constexpr uint32_t kNoFollow = 0x100, kEmptyPath = 0x1000;
  if (flags & ~(kNoFollow | kEmptyPath)) return Errno{EINVAL};
  request.keeps_link = (flags & kNoFollow) != 0;
  if (request.path.empty() && !(flags & kEmptyPath)) return Errno{ENOENT};
  const bool from_here = directory == kAtCurrent || request.path.starts_with('/');
  if (from_here) return Unit{};
  const FileTable& files = *call.task.process().files;
  Result<OpenFilePtr> file = files.get(directory);
  if (!file.ok()) return file.error();
  std::string name = "/dev/fd/" + std::to_string(directory);
  if (request.path.empty()) {
    request.file = (*file)->inode_pointer();
  } else {
    request.start = as_directory((*file)->inode_pointer());
    if (!request.start) return Errno{ENOTDIR};
    name += "/" + request.path;
  }
  request.closes = *files.close_on_exec(directory);
  request.name = std::move(name);
  return Unit{};
}

// `first`: the argument that is the path; the vectors follow it.
Co<SyscallResult> execute(SyscallContext& call, unsigned first, int32_t directory, uint32_t flags) {
  UserMemory user = call.kernel.user_memory(call.task);
  ExecRequest request;
  Result<std::string> path = co_await user.read_string(call.address(first), kPathLimit);
  if (!path.ok()) co_return path.error();
  request.path = std::move(*path);
  const Result<> placed = place_program(call, directory, flags, request);
  if (!placed.ok()) co_return placed.error();
  const Process& process = call.task.process();
  uint64_t room = loader::string_limit(process.limits[kLimitStack].current);
  Result<std::vector<std::string>> arguments = co_await read_strings(user, call.address(first + 1), room);
  if (!arguments.ok()) co_return arguments.error();
  request.arguments = std::move(*arguments);
  Result<std::vector<std::string>> environment = co_await read_strings(user, call.address(first + 2), room);
  if (!environment.ok()) co_return environment.error();
  request.environment = std::move(*environment);
  const ExecFailure failed = co_await exec_program(call.kernel, call.task, request);
  if (failed.error) co_return Errno{failed.error};
  co_return uint64_t{0};
}

Co<SyscallResult> sys_execve(SyscallContext& call) { return execute(call, 0, -100, 0); }  // AT_FDCWD
Co<SyscallResult> sys_execveat(SyscallContext& call) { return execute(call, 1, call.integer(0), call.word(4)); }

// --- ending --------------------------------------------------------------------------

SyscallResult sys_exit(SyscallContext& call) {
  call.task.exit_code = call.integer(0) & 0xff;
  return uint64_t{0};
}

SyscallResult sys_exit_group(SyscallContext& call) {
  end_process(call.task.process(), ExitStatus{.code = call.integer(0) & 0xff});
  return uint64_t{0};
}

// --- waiting ---------------------------------------------------------------------------

Co<SyscallResult> sys_wait4(SyscallContext& call) {
  const int32_t id = call.integer(0);
  const uint32_t options = call.word(2);
  constexpr uint32_t kKnown = kWaitNoHang | kWaitStopped | kWaitContinued | kWaitNoThread | kWaitAll | kWaitClone;
  if (options & ~kKnown) co_return Errno{EINVAL};
  if (id == INT32_MIN) co_return Errno{ESRCH};
  WaitFor which;
  if (id > 0) which = {.kind = WaitFor::Kind::process, .id = id};
  if (id < -1) which = {.kind = WaitFor::Kind::group, .id = -id};
  if (id == 0) which = {.kind = WaitFor::Kind::group, .id = call.task.process().group};

  const auto event = co_await wait_for_child(call.kernel, call.task, which, options | kWaitExited);
  if (!event.ok()) co_return event.error();
  if (!event.value()) co_return uint64_t{0};
  UserMemory user = call.kernel.user_memory(call.task);
  if (call.args[1] != 0) {
    const Result<> stored = co_await user.put(call.address(1), event.value()->word);
    if (!stored.ok()) co_return stored.error();
  }
  if (call.args[3] != 0) {
    const Result<> stored = co_await user.put(call.address(3), make_rusage(call.kernel, event.value()->usage));
    if (!stored.ok()) co_return stored.error();
  }
  co_return static_cast<uint64_t>(event.value()->pid);
}

constexpr int32_t kWaitIdAll = 0;  // P_ALL, P_PID, P_PGID
constexpr int32_t kWaitIdPid = 1;
constexpr int32_t kWaitIdGroup = 2;
constexpr int32_t kWaitIdFile = 3;  // P_PIDFD

// Whose pidfd that is; waiting for it does not hang where the file may not. EINVAL, EBADF.
Result<WaitFor> wait_for_file(SyscallContext& call, uint32_t& options) {
  if (call.integer(1) < 0) return Errno{EINVAL};
  const Result<OpenFilePtr> file = call.task.process().files->get(call.integer(1));
  if (!file.ok()) return file.error();
  const ProcessFile* const target = as_process_file(*file.value());
  if (!target) return Errno{EBADF};
  if (file.value()->nonblocking()) options |= kWaitNoHang;
  const Process* const process = target->process();
  return WaitFor{.kind = WaitFor::Kind::process, .id = process ? process->pid() : 0};
}

Co<SyscallResult> wait_for_id(SyscallContext& call) {
  uint32_t options = call.word(3);
  constexpr uint32_t kEvents = kWaitExited | kWaitStopped | kWaitContinued;
  if ((options & kEvents) == 0) co_return Errno{EINVAL};
  if (options & ~(kEvents | kWaitNoHang | kWaitNoWait | kWaitNoThread | kWaitAll | kWaitClone)) co_return Errno{EINVAL};
  WaitFor which{.kind = WaitFor::Kind::any, .id = call.integer(1)};
  switch (call.integer(0)) {
    case kWaitIdAll:
      break;
    case kWaitIdPid:
      if (which.id <= 0) co_return Errno{EINVAL};
      which.kind = WaitFor::Kind::process;
      break;
    case kWaitIdGroup:
      if (which.id < 0) co_return Errno{EINVAL};
      which.kind = WaitFor::Kind::group;
      if (which.id == 0) which.id = call.task.process().group;
      break;
    case kWaitIdFile: {
      const Result<WaitFor> named = wait_for_file(call, options);
      if (!named.ok()) co_return named.error();
      which = named.value();
      break;
    }
    default:
      co_return Errno{EINVAL};
  }
  const auto event = co_await wait_for_child(call.kernel, call.task, which, options);
  if (!event.ok()) co_return event.error();
  // A file that may not hang says so; WNOHANG says nothing.
  if (!event.value() && options != call.word(3)) co_return Errno{EAGAIN};
  UserMemory user = call.kernel.user_memory(call.task);
  if (call.args[2] != 0) {
    SignalInfo info;  // all zero when no child was ready
    if (event.value()) {
      info.signal = kSigChld;
      info.code = event.value()->code;
      info.pid = event.value()->pid;
      info.uid = event.value()->uid;
      info.status = event.value()->status;
    }
    const SigInfoBytes bytes = encode_siginfo(info);
    const Result<> stored = co_await user.write(call.address(2), bytes);
    if (!stored.ok()) co_return stored.error();
  }
  if (call.args[4] != 0 && event.value()) {
    const Result<> stored = co_await user.put(call.address(4), make_rusage(call.kernel, event.value()->usage));
    if (!stored.ok()) co_return stored.error();
  }
  co_return uint64_t{0};
}

// The place for the answer is written to whatever comes of it (Linux, waitid).
Co<SyscallResult> sys_waitid(SyscallContext& call) {
  const SyscallResult done = co_await wait_for_id(call);
  if (done.ok() || call.args[2] == 0) co_return done;
  UserMemory user = call.kernel.user_memory(call.task);
  const SigInfoBytes nothing = encode_siginfo({});
  const Result<> stored = co_await user.write(call.address(2), nothing);
  co_return stored.ok() ? done : SyscallResult(stored.error());
}

// --- names -------------------------------------------------------------------------------

SyscallResult sys_getpid(SyscallContext& call) { return static_cast<uint64_t>(call.task.process().pid()); }
SyscallResult sys_getppid(SyscallContext& call) { return static_cast<uint64_t>(call.task.process().parent_pid()); }
SyscallResult sys_gettid(SyscallContext& call) { return static_cast<uint64_t>(call.task.tid()); }
SyscallResult sys_getuid(SyscallContext& call) { return uint64_t{call.task.process().uid}; }
SyscallResult sys_getgid(SyscallContext& call) { return uint64_t{call.task.process().gid}; }

SyscallResult sys_set_tid_address(SyscallContext& call) {
  call.task.clear_child_tid = call.args[0];
  return static_cast<uint64_t>(call.task.tid());
}

// A user who may change to nobody else: setting what is already so succeeds.
SyscallResult set_id(int32_t wanted, uint32_t own) {
  if (wanted == -1 || static_cast<uint32_t>(wanted) == own) return uint64_t{0};
  return Errno{EPERM};
}

SyscallResult sys_setuid(SyscallContext& call) { return set_id(call.integer(0), call.task.process().uid); }
SyscallResult sys_setgid(SyscallContext& call) { return set_id(call.integer(0), call.task.process().gid); }

template <uint32_t Process::*own>
SyscallResult sys_set_several(SyscallContext& call, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    const SyscallResult one = set_id(call.integer(i), call.task.process().*own);
    if (!one.ok()) return one;
  }
  return uint64_t{0};
}

SyscallResult sys_setreuid(SyscallContext& call) { return sys_set_several<&Process::uid>(call, 2); }
SyscallResult sys_setregid(SyscallContext& call) { return sys_set_several<&Process::gid>(call, 2); }
SyscallResult sys_setresuid(SyscallContext& call) { return sys_set_several<&Process::uid>(call, 3); }
SyscallResult sys_setresgid(SyscallContext& call) { return sys_set_several<&Process::gid>(call, 3); }

Co<SyscallResult> store_three(SyscallContext& call, uint32_t value) {
  UserMemory user = call.kernel.user_memory(call.task);
  for (unsigned i = 0; i < 3; ++i) {
    const Result<> stored = co_await user.put(call.address(i), value);
    if (!stored.ok()) co_return stored.error();
  }
  co_return uint64_t{0};
}

Co<SyscallResult> sys_getresuid(SyscallContext& call) { return store_three(call, call.task.process().uid); }
Co<SyscallResult> sys_getresgid(SyscallContext& call) { return store_three(call, call.task.process().gid); }

// No supplementary groups.
SyscallResult sys_getgroups(SyscallContext& call) {
  if (call.integer(0) < 0) return Errno{EINVAL};
  return uint64_t{0};
}

}  // namespace

void register_process_calls(SyscallTable& table) {
  table.add(220, sys_clone);
  table.add(435, sys_clone3);
  table.add(221, sys_execve);
  table.add(281, sys_execveat);
  table.add(93, sys_exit);
  table.add(94, sys_exit_group);
  table.add(260, sys_wait4);
  table.add(95, sys_waitid);
  table.add(172, sys_getpid);
  table.add(173, sys_getppid);
  table.add(178, sys_gettid);
  table.add(174, sys_getuid);
  table.add(175, sys_getuid);
  table.add(176, sys_getgid);
  table.add(177, sys_getgid);
  table.add(96, sys_set_tid_address);
  table.add(143, sys_setregid);
  table.add(144, sys_setgid);
  table.add(145, sys_setreuid);
  table.add(146, sys_setuid);
  table.add(147, sys_setresuid);
  table.add(148, sys_getresuid);
  table.add(149, sys_setresgid);
  table.add(150, sys_getresgid);
  table.add(158, sys_getgroups);
}

}  // namespace faultline::os
