#include "os/process/signal_send.h"

#include <algorithm>

namespace faultline::os {

namespace {

constexpr SignalSet kStopSignals =
    SignalSet::of(kSigStop) | SignalSet::of(kSigTstp) | SignalSet::of(kSigTtin) | SignalSet::of(kSigTtou);

size_t most_pending(const Process& process) {
  return std::min<uint64_t>(PendingSignals::kMost, process.limits[kLimitSignals].current);
}

void tell_watchers(Process& process) {
  ++process.signals_sent;
  if (process.signal_watchers) process.signal_watchers->wake_all();
}

// Ends the task's sleep when a signal may do so and one waits; on another hart
// it comes out of its program.
void interrupt(Task& task) {
  if (!task.hears_signal()) return;
  if (!task.sleeping_on) return task.nap.executor().nudge(task);
  if (task.interruptible) task.sleeping_on->end_sleep(task, Wake::interrupted);
}

bool may_take(const Task& task, int signal) {
  return !task.over && (signal == kSigKill || !task.blocked.has(signal) || task.awaited.has(signal));
}

// One task takes a signal of the process, the first one if it may.
void tell_one(Process& process, int signal) {
  for (const auto& task : process.tasks) {
    if (may_take(*task, signal)) return interrupt(*task);
  }
}

// Stopping and going on happen when the signal is sent, whatever becomes of
// the signal itself.
void stop_or_resume(Process& process, int signal) {
  if (kStopSignals.has(signal)) discard_signals(process, SignalSet::of(kSigCont));
  if (signal != kSigCont && signal != kSigKill) return;
  if (signal == kSigCont) discard_signals(process, kStopSignals);
  if (process.life != Process::Life::stopped) return;
  process.life = Process::Life::running;
  process.stop_signal = 0;
  process.resumed.wake_all();
  if (signal == kSigCont) {
    process.continued = true;
    notify_parent(process, kCodeChildContinued, kSigCont);
  }
}

// A signal that would have no effect is not kept, unless it is blocked: the
// program may install a handler before it unblocks it.
bool worth_keeping(const Process& process, SignalSet blocked, int signal) {
  return blocked.has(signal) || !process.actions->ignores(signal);
}

}  // namespace

Result<> send_signal(Process& process, const SignalInfo& info) {
  if (process.life == Process::Life::zombie) return Unit{};
  stop_or_resume(process, info.signal);
  if (!worth_keeping(process, process.main_task().blocked, info.signal)) return Unit{};
  if (!process.pending.add(info, most_pending(process))) return Errno{EAGAIN};
  tell_watchers(process);
  tell_one(process, info.signal);
  return Unit{};
}

Result<> send_signal(Task& task, const SignalInfo& info) {
  Process& process = task.process();
  if (process.life == Process::Life::zombie || task.over) return Unit{};
  stop_or_resume(process, info.signal);
  if (!worth_keeping(process, task.blocked, info.signal)) return Unit{};
  if (!task.pending.add(info, most_pending(process))) return Errno{EAGAIN};
  tell_watchers(process);
  interrupt(task);
  return Unit{};
}

void force_signal(Task& task, const SignalInfo& info) {
  SignalAction& action = (*task.process().actions)[info.signal];
  const bool blocked = task.blocked.has(info.signal);
  if (blocked || action.handler == kHandlerIgnore) action = SignalAction{};
  if (blocked) task.blocked = task.blocked & ~SignalSet::of(info.signal);
  // One that is pending already would hide the address of this one.
  task.pending.discard(SignalSet::of(info.signal));
  task.pending.add(info);
}

void discard_signals(Process& process, SignalSet signals) {
  process.pending.discard(signals);
  for (const auto& task : process.tasks) task->pending.discard(signals);
}

void end_process(Process& process, const ExitStatus& status) {
  if (process.ending) return;
  process.ending = status;
  wake_to_end(process);
}

void wake_to_end(Process& process) {
  for (const auto& task : process.tasks) {
    if (task->over || !task->must_end()) continue;
    if (!task->sleeping_on) {
      task->nap.executor().nudge(*task);
    } else if (task->interruptible) {
      task->sleeping_on->end_sleep(*task, Wake::interrupted);
    }
  }
}

void pass_on_signals(Process& process) {
  for (int signal = 1; signal <= kSignals; ++signal) {
    if (process.pending.has(signal)) tell_one(process, signal);
  }
}

void set_blocked(Task& task, SignalSet blocked) {
  const SignalSet newly = blocked & ~task.blocked & task.process().pending.set();
  task.blocked = blocked;
  if (!newly.empty()) pass_on_signals(task.process());
}

void notify_parent(Process& child, int32_t code, int32_t status) {
  Process* const parent = child.parent;
  if (!parent) return;
  const bool ended = code == kCodeChildExited || code == kCodeChildKilled || code == kCodeChildDumped;
  // A number beyond all signals, which clone(2) takes, is nothing to be told by.
  const bool tells = child.exit_signal != 0 && child.exit_signal <= kSignals;
  const bool wanted = ended ? tells : ((*parent->actions)[kSigChld].flags & kSaNoChildStop) == 0;
  if (wanted) {
    SignalInfo info;
    info.signal = ended ? child.exit_signal : kSigChld;
    info.code = code;
    info.pid = child.pid();
    info.uid = child.uid;
    info.status = status;
    // At most one real-time exit signal is lost when the parent never takes any.
    (void)send_signal(*parent, info);
  }
  parent->child_events.wake_all();
}

}  // namespace faultline::os
