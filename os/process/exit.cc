#include "os/process/exit.h"

#include <algorithm>
#include <utility>

#include "os/files/file_table.h"
#include "os/files/vfs.h"
#include "os/kernel.h"
#include "os/memory/address_space.h"
#include "os/process/address_space_release.h"
#include "os/process/process_group.h"
#include "os/process/signal_send.h"
#include "os/process/system_v_ipc.h"

namespace faultline::os {

namespace {

// Who takes over the children: the nearest ancestor that asked for it, or else
// pid 1 (null), which is no guest.
Process* reaper_of(const Process& process) {
  Process* ancestor = process.parent;
  while (ancestor && !ancestor->subreaper) ancestor = ancestor->parent;
  return ancestor;
}

// prctl(2), PR_SET_PDEATHSIG.
void tell_of_death(const Process& parent, Process& child) {
  for (const auto& task : child.tasks) {
    if (task->death_signal == 0) continue;
    SignalInfo info;
    info.signal = task->death_signal;
    info.code = kCodeUser;
    info.pid = parent.pid();
    info.uid = parent.uid;
    (void)send_signal(child, info);
  }
}

bool nobody_waits(const Process& process) {
  if (!process.parent) return true;
  const SignalAction& action = (*process.parent->actions)[kSigChld];
  return process.exit_signal == kSigChld && (action.handler == kHandlerIgnore || (action.flags & kSaNoChildWait) != 0);
}

int32_t child_code(const ExitStatus& exit) {
  if (exit.signal == 0) return kCodeChildExited;
  return exit.core ? kCodeChildDumped : kCodeChildKilled;
}

void announce_end(Kernel& kernel, Process& process) {
  const bool unwanted = nobody_waits(process);
  notify_parent(process, child_code(process.exit), process.exit.signal ? process.exit.signal : process.exit.code);
  if (unwanted) reap(kernel, process);
}

// pid 1 takes every zombie at once.
void orphan_children(Kernel& kernel, Process& process) {
  Process* const reaper = reaper_of(process);
  for (Process* child : std::exchange(process.children, {})) {
    tell_of_death(process, *child);
    const bool loses_keeper = has_keeper(*child);
    child->parent = reaper;
    child->exit_signal = kSigChld;
    if (reaper) reaper->children.push_back(child);
    if (loses_keeper) hang_up_if_orphaned(kernel.processes(), child->group);
    if (child->life == Process::Life::zombie) announce_end(kernel, *child);
  }
}

// Others of its process go on.
void end_thread(Kernel& kernel, Task& task) {
  Process& process = task.process();
  process.ended_cpu_time += kernel.scheduler().cpu_time(task);
  process.task_ended.wake_all();
  pass_on_signals(process);
  if (&task != &process.main_task()) kernel.bury(task);
}

void tear_down(Kernel& kernel, Task& task) {
  Process& process = task.process();
  if (!process.ending) process.ending = process.exit;
  kernel.ipc().process_ended(process.pid());
  kernel.before_teardown(process);
  stop_interval_timers(process);
  delete_all_timers(process);
  process.files.reset();
  process.fs.reset();
  process.execution.reset();
  release_space(kernel, process);

  process.exit = *process.ending;
  process.ended_cpu_time += kernel.scheduler().cpu_time(task);
  process.usage.system_cycles = process.ended_cpu_time.value - process.usage.user_cycles;
  process.life = Process::Life::zombie;
  orphan_children(kernel, process);
  if (has_keeper(process)) hang_up_if_orphaned(kernel.processes(), process.group);
  kernel.record_end(process);
  kernel.vfs().poll_changes().wake_all();  // pidfd_open(2)
  announce_end(kernel, process);
}

}  // namespace

Co<> exit_task(Kernel& kernel, Task& task) {
  Process& process = task.process();
  AccountScope account(kernel.cpu(), CycleAccount::exec);
  kernel.cpu().charge(Cycles(kernel.costs().exit));
  // The last task to begin its end speaks for all (Linux, synchronize_group_exit).
  process.exit = ExitStatus{.code = task.exit_code.value_or(0)};
  co_await leave_memory(kernel, task);
  task.over = true;
  if (process.live_tasks() != 0) {
    end_thread(kernel, task);
  } else {
    tear_down(kernel, task);
  }
}

Co<bool> end_other_tasks(Kernel& kernel, Task& task) {
  Process& process = task.process();
  if (process.ending || process.exec_task) co_return false;
  if (process.tasks.size() == 1) co_return true;
  process.exec_task = &task;
  wake_to_end(process);
  while (process.live_tasks() > 1) co_await process.task_ended.sleep();
  process.exec_task = nullptr;
  if (process.ending) co_return false;
  kernel.make_first(task);
  co_return true;
}

void reap(Kernel& kernel, Process& zombie) {
  if (Process* const parent = std::exchange(zombie.parent, nullptr)) {
    std::erase(parent->children, &zombie);
    parent->children_usage.add(zombie.usage);
    parent->children_usage.add(zombie.children_usage);
  }
  kernel.bury(zombie);
}

}  // namespace faultline::os
