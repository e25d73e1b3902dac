// ioctl requests of a terminal: ioctl_tty(2), tcsetpgrp(3).
#include <algorithm>
#include <cerrno>

#include "os/process/process_group.h"
#include "os/process/signal_send.h"
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

// struct termios of the kernel (asm-generic/termbits.h), as a fresh line
// discipline has it: cooked, echoing, 38400 baud.
struct Terminal {
  uint32_t input = 0x500;   // ICRNL | IXON
  uint32_t output = 0x5;    // OPOST | ONLCR
  uint32_t control = 0xbf;  // B38400 | CS8 | CREAD
  uint32_t local = 0x8a3b;  // ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN
  uint8_t line = 0;
  uint8_t characters[19] = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0};
};
static_assert(sizeof(Terminal) == 36);

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

// The terminal belongs to the session that the run was started in.
bool controls(const Process& process) { return process.session == ProcessTable::kInitPid; }

// A process in the background that would change the terminal is stopped, if it
// has not arranged otherwise (Linux, tty_check_change).
Result<> check_foreground(SyscallContext& call) {
  Process& process = call.task.process();
  if (!controls(process) || process.group == call.kernel.foreground_group()) return Unit{};
  const uint64_t handler = (*process.actions)[kSigTtou].handler;
  if (call.task.blocked.has(kSigTtou) || handler == kHandlerIgnore) return Unit{};
  if (is_orphaned_group(call.kernel.processes(), process.group)) return Errno{EIO};
  SignalInfo info;
  info.signal = kSigTtou;
  info.code = kCodeKernel;
  for (const auto& [pid, member] : call.kernel.processes()) {
    if (member->group == process.group) (void)send_signal(*member, info);
  }
  return kRestartSys;
}

Co<SyscallResult> set_group(SyscallContext& call) {
  const Result<> allowed = check_foreground(call);
  if (!allowed.ok()) co_return allowed.error();
  Process& self = call.task.process();
  if (!controls(self)) co_return Errno{ENOTTY};
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
  return controls(call.task.process()) ? SyscallResult(uint64_t{0}) : SyscallResult(Errno{EPERM});
}

}  // namespace

// Settings are taken without effect: the host's terminal is not the guest's.
Co<SyscallResult> terminal_request(SyscallContext& call, uint32_t request) {
  SyscallResult done = Errno{ENOTTY};
  const bool controlling = controls(call.task.process());
  switch (request) {
    case kTerminalGet:
      done = co_await answer(call, Terminal{});
      break;
    case kWindowGet:
      done = co_await answer(call, Window{});
      break;
    case kTerminalSet:
    case kTerminalSetDrain:
    case kTerminalSetFlush: {
      const Result<> allowed = check_foreground(call);
      done = allowed.ok() ? SyscallResult(uint64_t{0}) : SyscallResult(allowed.error());
      break;
    }
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
