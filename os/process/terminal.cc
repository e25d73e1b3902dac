#include "os/process/terminal.h"

#include "os/kernel.h"
#include "os/process/process_group.h"
#include "os/process/signal_send.h"

namespace faultline::os {

bool has_terminal(const Process& process) { return process.session == ProcessTable::kInitPid; }

// As Linux's __tty_check_change and n_tty_write.
Result<> check_foreground(Kernel& kernel, Task& task, TerminalUse use) {
  const Process& process = task.process();
  if (!has_terminal(process) || process.group == kernel.foreground_group()) return Unit{};
  if (use == TerminalUse::write && !(kernel.terminal().local & TerminalSettings::kStopOutput)) return Unit{};
  const int signal = use == TerminalUse::read ? kSigTtin : kSigTtou;
  if (task.blocked.has(signal) || (*process.actions)[signal].handler == kHandlerIgnore) {
    return use == TerminalUse::read ? Result<>(Errno{EIO}) : Result<>(Unit{});
  }
  if (is_orphaned_group(kernel.processes(), process.group)) return Errno{EIO};
  SignalInfo info;
  info.signal = signal;
  info.code = kCodeKernel;
  for (const auto& [pid, member] : kernel.processes()) {
    if (member->group == process.group) (void)send_signal(*member, info);
  }
  return kRestartSys;
}

}  // namespace faultline::os
