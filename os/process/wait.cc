#include "os/process/wait.h"

#include <utility>

#include "os/kernel.h"
#include "os/process/exit.h"

namespace faultline::os {

namespace {

constexpr uint32_t kWordContinued = 0xffff;

bool matches(const Process& child, WaitFor which, uint32_t options) {
  // A child that tells its end by another signal than SIGCHLD is a "clone" child.
  const bool clone_child = child.exit_signal != kSigChld;
  if (!(options & kWaitAll) && clone_child != ((options & kWaitClone) != 0)) return false;
  switch (which.kind) {
    case WaitFor::Kind::any:
      return true;
    case WaitFor::Kind::process:
      return child.pid() == which.id;
    case WaitFor::Kind::group:
      return child.group == which.id;
  }
  return false;
}

WaitEvent describe_end(const Process& child) {
  const ExitStatus& exit = child.exit;
  WaitEvent event{.pid = child.pid(), .uid = child.uid, .word = exit.wait_word(), .usage = child.usage};
  if (exit.signal == 0) {
    event.code = kCodeChildExited;
    event.status = exit.code & 0xff;
  } else {
    event.code = exit.core ? kCodeChildDumped : kCodeChildKilled;
    event.status = exit.signal;
  }
  event.usage.add(child.children_usage);
  return event;
}

// What this child has to report now, if anything; taken unless WNOWAIT.
std::optional<WaitEvent> take_event(Kernel& kernel, Process& child, uint32_t options) {
  const bool keep = (options & kWaitNoWait) != 0;
  if (child.life == Process::Life::zombie) {
    if (!(options & kWaitExited)) return std::nullopt;
    const WaitEvent event = describe_end(child);
    if (!keep) reap(kernel, child);
    return event;
  }
  if (child.life == Process::Life::stopped && child.stop_signal != 0 && (options & kWaitStopped)) {
    const int signal = keep ? child.stop_signal : std::exchange(child.stop_signal, 0);
    return WaitEvent{.pid = child.pid(),
                     .uid = child.uid,
                     .code = kCodeChildStopped,
                     .status = signal,
                     .word = static_cast<uint32_t>(signal) << 8 | 0x7f,
                     .usage = child.usage};
  }
  if (child.continued && (options & kWaitContinued)) {
    if (!keep) child.continued = false;
    return WaitEvent{.pid = child.pid(),
                     .uid = child.uid,
                     .code = kCodeChildContinued,
                     .status = kSigCont,
                     .word = kWordContinued,
                     .usage = child.usage};
  }
  return std::nullopt;
}

}  // namespace

Co<Result<std::optional<WaitEvent>>> wait_for_child(Kernel& kernel, Task& task, WaitFor which, uint32_t options) {
  using Answer = Result<std::optional<WaitEvent>>;
  Process& process = task.process();
  for (;;) {
    bool any = false;
    for (Process* child : process.children) {
      if (!matches(*child, which, options)) continue;
      // One whose end nobody may see is not waited for (WSTOPPED alone).
      any = any || child->life != Process::Life::zombie || (options & kWaitExited);
      std::optional<WaitEvent> event = take_event(kernel, *child, options);
      if (event) co_return Answer(std::move(event));
    }
    if (!any) co_return Answer(Errno{ECHILD});
    if (options & kWaitNoHang) co_return Answer(std::optional<WaitEvent>{});
    const Wake wake = co_await sleep_interruptibly(task, process.child_events);
    if (wake == Wake::interrupted) co_return Answer(kRestartSys);
  }
}

}  // namespace faultline::os
