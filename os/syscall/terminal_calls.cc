// ioctl requests of a terminal: ioctl_tty(2), tcsetpgrp(3).
#include <cerrno>

#include "os/process/terminal.h"
#include "os/syscall/file_calls.h"

namespace faultline::os {

namespace {

enum Request : uint32_t {
  kTerminalGet = 0x5401,
  kTerminalSet = 0x5402,
  kTerminalSetDrain = 0x5403,
  kTerminalSetFlush = 0x5404,
  kMakeControlling = 0x540e,
  kGetGroup = 0x540f,
  kSetGroup = 0x5410,
  kWindowGet = 0x5413,
  kWindowSet = 0x5414,
  kGetSession = 0x5429,
};

struct Window {
  uint16_t rows = 24, columns = 80, width = 0, height = 0;
};

template <class T>
Co<SyscallResult> answer(SyscallContext& call, T value) {
  UserMemory user = call.kernel.user_memory(call.task);
  auto put = co_await user.put(call.address(2), value);
  if (!put) co_return put.error();
  co_return uint64_t{0};
}

Result<> may_change(SyscallContext& call) { return check_foreground(call.kernel, call.task, TerminalUse::change); }

Co<SyscallResult> keep_settings(SyscallContext& call) {
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<TerminalSettings> wanted = co_await user.get<TerminalSettings>(call.address(2));
  if (!wanted.ok()) co_return wanted.error();
  const Result<> allowed = may_change(call);
  if (!allowed.ok()) co_return allowed.error();
  call.kernel.terminal() = wanted.value();
  co_return uint64_t{0};
}

Co<SyscallResult> set_group(SyscallContext& call) {
  const Result<> allowed = may_change(call);
  if (!allowed.ok()) co_return allowed.error();
  Process& self = call.task.process();
  if (!has_terminal(self)) co_return Errno{ENOTTY};
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<int32_t> group = co_await user.get<int32_t>(call.address(2));
  if (!group.ok()) co_return group.error();
  if (group.value() < 0) co_return Errno{EINVAL};
  bool exists = group.value() == ProcessTable::kInitPid, same_session = exists;
  for (const auto& [pid, process] : call.kernel.processes()) {
    if (process->group != group.value()) continue;
    exists = true;
    same_session = same_session || process->session == self.session;
  }
  if (!exists) co_return Errno{ESRCH};
  if (!same_session) co_return Errno{EPERM};
  call.kernel.set_foreground_group(group.value());
  co_return uint64_t{0};
}

// The leader of another session asks for a terminal that is taken (TIOCSCTTY).
SyscallResult make_controlling(SyscallContext& call) {
  return has_terminal(call.task.process()) ? SyscallResult(uint64_t{0}) : SyscallResult(Errno{EPERM});
}

}  // namespace

Co<SyscallResult> terminal_request(SyscallContext& call, uint32_t request) {
  SyscallResult done = Errno{ENOTTY};
  const bool controlling = has_terminal(call.task.process());
  switch (request) {
    case kTerminalGet:
      done = co_await answer(call, call.kernel.terminal());
      break;
    case kWindowGet:
      done = co_await answer(call, Window{});
      break;
    case kTerminalSet:
    case kTerminalSetDrain:
    case kTerminalSetFlush:
      done = co_await keep_settings(call);
      break;
    case kWindowSet:
      done = uint64_t{0};
      break;
    case kMakeControlling:
      done = make_controlling(call);
      break;
    case kGetGroup:
      if (controlling) done = co_await answer(call, call.kernel.foreground_group());
      break;
    case kSetGroup:
      done = co_await set_group(call);
      break;
    case kGetSession:
      if (controlling) done = co_await answer(call, int32_t{ProcessTable::kInitPid});
      break;
    default:
      break;
  }
  co_return done;
}

}  // namespace faultline::os
