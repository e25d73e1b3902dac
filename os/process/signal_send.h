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

// A signal that an instruction of `task` caused. It cannot be put off: blocked
// or ignored, it ends the process.
void force_signal(Task& task, const SignalInfo& info);

// A child has ended, stopped or gone on: tells its parent by SIGCHLD and wakes
// wait. `code` is CLD_EXITED and so on, `status` what goes with it.
void notify_parent(Process& child, int32_t code, int32_t status);

}  // namespace faultline::os
