// Files that stand for events: eventfd(2), signalfd(2), timerfd_create(2), pidfd_open(2).
#include <cerrno>

#include "os/process/process_file.h"
#include "os/process/signal_file.h"
#include "os/process/signal_frame.h"
#include "os/process/signal_send.h"
#include "os/process/timer_file.h"
#include "os/syscall/file_calls.h"
#include "os/syscall/time_types.h"

namespace faultline::os {

namespace {

constexpr uint32_t kFileFlags = kOpenNonBlocking | kOpenCloseOnExec;

// --- eventfd -------------------------------------------------------------------------

SyscallResult sys_eventfd2(SyscallContext& call) {
  constexpr uint32_t kSemaphore = 1;  // EFD_SEMAPHORE; the others are open(2)'s
  const uint32_t flags = call.word(1);
  if ((flags & ~(kSemaphore | kFileFlags)) != 0) return Errno{EINVAL};
  OpenFilePtr file = vfs_of(call).make_event_counter(call.word(0), (flags & kSemaphore) != 0, flags);
  return hand_out(call, std::move(file), (flags & kOpenCloseOnExec) != 0);
}

// --- signalfd ------------------------------------------------------------------------

Co<SyscallResult> sys_signalfd4(SyscallContext& call) {
  const uint32_t flags = call.word(3);
  if (call.args[2] != sizeof(uint64_t)) co_return Errno{EINVAL};
  UserMemory user = call.kernel.user_memory(call.task);
  auto bits = co_await user.get<uint64_t>(call.address(1));
  if (!bits) co_return bits.error();
  if (flags & ~kFileFlags) co_return Errno{EINVAL};
  const SignalSet wanted = SignalSet(*bits) & ~kUnblockable;
  if (call.integer(0) == -1) {
    auto made = std::make_shared<SignalFile>(call.kernel, vfs_of(call).new_unnamed(), wanted);
    co_return hand_out(call, Vfs::open_unnamed(std::move(made), flags, "anon_inode:[signalfd]"),
                       (flags & kOpenCloseOnExec) != 0);
  }
  Result<OpenFilePtr> file = file_argument(call, 0);
  if (!file) co_return file.error();
  auto* const signals = dynamic_cast<SignalFile*>(&(*file)->inode());
  if (!signals) co_return Errno{EINVAL};
  signals->want(wanted);
  vfs_of(call).poll_changes().wake_all();
  co_return static_cast<uint64_t>(call.integer(0));
}

// --- timerfd -------------------------------------------------------------------------

SyscallResult sys_timerfd_create(SyscallContext& call) {
  const int32_t clock = call.integer(0);
  const uint32_t flags = call.word(1);
  const bool known = clock == kClockRealtime || clock == kClockMonotonic || clock == kClockBoottime;
  if ((flags & ~kFileFlags) || !known) return Errno{EINVAL};
  auto made = std::make_shared<TimerFile>(call.kernel, vfs_of(call).new_unnamed(), is_realtime(clock));
  return hand_out(call, Vfs::open_unnamed(std::move(made), flags, "anon_inode:[timerfd]"),
                  (flags & kOpenCloseOnExec) != 0);
}

struct ITimerSpec {
  TimeSpec interval, value;
};

ITimerSpec spec_of(const TimerSetting& timer) { return {TimeSpec::of(timer.interval), TimeSpec::of(timer.remaining)}; }

Result<OpenFilePtr> timer_argument(SyscallContext& call) {
  Result<OpenFilePtr> file = file_argument(call, 0);
  if (file && !dynamic_cast<TimerFile*>(&(*file)->inode())) return Errno{EINVAL};
  return file;
}

TimerFile& timer_of(const OpenFilePtr& file) { return static_cast<TimerFile&>(file->inode()); }

Co<SyscallResult> sys_timerfd_settime(SyscallContext& call) {
  constexpr uint32_t kAbsolute = 1, kCancelOnSet = 2;  // TFD_TIMER_ABSTIME, TFD_TIMER_CANCEL_ON_SET
  UserMemory user = call.kernel.user_memory(call.task);
  auto wanted = co_await user.get<ITimerSpec>(call.address(2));
  if (!wanted) co_return wanted.error();
  const bool valid = wanted->interval.valid() && wanted->value.valid();
  if ((call.word(1) & ~(kAbsolute | kCancelOnSet)) || !valid) co_return Errno{EINVAL};
  Result<OpenFilePtr> file = timer_argument(call);
  if (!file) co_return file.error();
  TimerFile& timer = timer_of(*file);
  const ITimerSpec old = spec_of(timer.get());
  timer.set({.interval = wanted->interval.total(), .remaining = wanted->value.total()},
            (call.word(1) & kAbsolute) != 0);
  if (call.args[3] == 0) co_return uint64_t{0};
  auto put = co_await user.put(call.address(3), old);
  if (!put) co_return put.error();
  co_return uint64_t{0};
}

Co<SyscallResult> sys_timerfd_gettime(SyscallContext& call) {
  Result<OpenFilePtr> file = timer_argument(call);
  if (!file) co_return file.error();
  const ITimerSpec now = spec_of(timer_of(*file).get());
  UserMemory user = call.kernel.user_memory(call.task);
  auto put = co_await user.put(call.address(1), now);
  if (!put) co_return put.error();
  co_return uint64_t{0};
}

// --- pidfd -----------------------------------------------------------------------------

SyscallResult sys_pidfd_open(SyscallContext& call) {
  const uint32_t flags = call.word(1);
  if ((flags & ~kOpenNonBlocking) || call.integer(0) <= 0) return Errno{EINVAL};
  const Process* const process = call.kernel.processes().find(call.integer(0));
  if (!process) return Errno{call.kernel.processes().find_by_task(call.integer(0)) ? EINVAL : ESRCH};
  auto [file, inode] = make_process_file(call.kernel, flags);
  inode->stand_for(*process);
  return hand_out(call, std::move(file), true);
}

Co<SyscallResult> sys_pidfd_send_signal(SyscallContext& call) {
  const int32_t signal = call.integer(1);
  if (call.word(3) != 0) co_return Errno{EINVAL};
  Result<OpenFilePtr> file = file_argument(call, 0);
  if (!file) co_return file.error();
  const ProcessFile* const target = as_process_file(**file);
  if (!target) co_return Errno{EBADF};
  SignalInfo info;
  info.signal = signal;
  info.code = kCodeUser;
  info.pid = call.task.process().pid();
  info.uid = call.task.process().uid;
  if (call.args[2] != 0) {
    SigInfoBytes bytes{};
    UserMemory user = call.kernel.user_memory(call.task);
    auto read = co_await user.read(call.address(2), bytes);
    if (!read) co_return read.error();
    info = decode_siginfo(bytes);
    if (info.signal != signal) co_return Errno{EINVAL};
    const bool pretends = info.code >= 0 || info.code == kCodeTkill;
    if (pretends && target->process() != &call.task.process()) co_return Errno{EPERM};
  }
  Process* const process = target->process();
  if (!process) co_return Errno{ESRCH};
  if (signal < 0 || signal > kSignals) co_return Errno{EINVAL};
  if (signal == 0) co_return uint64_t{0};
  const Result<> sent = send_signal(*process, info);
  if (!sent) co_return sent.error();
  co_return uint64_t{0};
}

// Another process's open file under a descriptor of the caller.
SyscallResult sys_pidfd_getfd(SyscallContext& call) {
  if (call.word(2) != 0) return Errno{EINVAL};
  Result<OpenFilePtr> file = file_argument(call, 0);
  if (!file) return file.error();
  const ProcessFile* const target = as_process_file(**file);
  if (!target) return Errno{EBADF};
  const Process* const process = target->process();
  if (!process || !process->files) return Errno{ESRCH};
  Result<OpenFilePtr> wanted = process->files->get(call.integer(1));
  if (!wanted) return wanted.error();
  return hand_out(call, *wanted, true);
}

}  // namespace

void register_event_files(SyscallTable& table) {
  table.add(19, sys_eventfd2);
  table.add(74, sys_signalfd4);
  table.add(85, sys_timerfd_create);
  table.add(86, sys_timerfd_settime);
  table.add(87, sys_timerfd_gettime);
  table.add(424, sys_pidfd_send_signal);
  table.add(434, sys_pidfd_open);
  table.add(438, sys_pidfd_getfd);
}

}  // namespace faultline::os
