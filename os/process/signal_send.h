// Sending signals: who gets them, what they wake. See kill(2), signal(7).
#pragma once

#include "os/process/process.h"
#include "os/result.h"

namespace faultline::os {

class ProcessTable;

// To a process as a whole. EAGAIN when too many real-time signals wait there.
Result<> send_signal(Process& process, const SignalInfo& info);

// To one task of it (tkill, tgkill).
Result<> send_signal(Task& task, const SignalInfo& info);

// Signals that wait, for the process or any of its tasks, are gone.
void discard_signals(Process& process, SignalSet signals);

// A signal that an instruction of `task` caused. It cannot be put off: blocked
// or ignored, it ends the process.
void force_signal(Task& task, const SignalInfo& info);

// How the process ends, unless that is settled already; its tasks see it at once.
void end_process(Process& process, const ExitStatus& status);

// The tasks that must end (Task::must_end) leave their sleeps.
void wake_to_end(Process& process);

// A task has ended: another one may take the signals of the process that it would
// have taken.
void pass_on_signals(Process& process);

// The mask of a task from here on; signals of the process that it would have taken
// and now blocks go to another one (Linux, __set_task_blocked).
void set_blocked(Task& task, SignalSet blocked);

// A child has ended, stopped or gone on: tells its parent by SIGCHLD and wakes
// wait. `code` is CLD_EXITED and so on, `status` what goes with it.
void notify_parent(Process& child, int32_t code, int32_t status);

}  // namespace faultline::os
