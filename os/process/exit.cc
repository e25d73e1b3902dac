#include "os/process/exit.h"

#include <algorithm>
#include <utility>

#include "os/files/file_table.h"
#include "os/kernel.h"
#include "os/memory/address_space.h"
#include "os/process/address_space_release.h"
#include "os/process/process_group.h"
#include "os/process/signal_send.h"

namespace faultline::os {

namespace {

// Children go to pid 1, which is no guest and takes every zombie at once.
void orphan_children(Kernel& kernel, Process& process) {
  for (Process* child : std::exchange(process.children, {})) {
    const bool loses_keeper = has_keeper(*child);
    child->parent = nullptr;
    if (loses_keeper) hang_up_if_orphaned(kernel.processes(), child->group);
    if (child->vfork_parent == &process) child->vfork_parent = nullptr;
    if (child->life == Process::Life::zombie) reap(kernel, *child);
  }
}

bool nobody_waits(const Process& process) {
  if (!process.parent) return true;
  const SignalAction& action = process.parent->actions[kSigChld];
  return process.exit_signal == kSigChld && (action.handler == kHandlerIgnore || (action.flags & kSaNoChildWait) != 0);
}

int32_t child_code(const ExitStatus& exit) {
  if (exit.signal == 0) return kCodeChildExited;
  return exit.core ? kCodeChildDumped : kCodeChildKilled;
}

}  // namespace

Co<> exit_process(Kernel& kernel, Task& task) {
  Process& process = task.process();
  AccountScope account(kernel.cpu(), CycleAccount::exec);
  kernel.cpu().charge(Cycles(kernel.costs().exit));
  kernel.before_teardown(process);
  co_await leave_memory(kernel, task);

  stop_interval_timers(process);
  delete_all_timers(process);
  process.files.reset();
  process.fs.reset();
  process.execution.reset();
  release_space(kernel, process);

  process.exit = *process.ending;
  process.usage.system_cycles = (kernel.scheduler().cpu_time(task).value) - process.usage.user_cycles;
  process.life = Process::Life::zombie;
  orphan_children(kernel, process);
  if (has_keeper(process)) hang_up_if_orphaned(kernel.processes(), process.group);
  kernel.record_end(process);
  const bool unwanted = nobody_waits(process);
  notify_parent(process, child_code(process.exit), process.exit.signal ? process.exit.signal : process.exit.code);
  if (unwanted) reap(kernel, process);
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
