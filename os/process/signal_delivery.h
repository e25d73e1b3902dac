// Delivering signals on the way back to user mode, and the way back from a
// handler. See sigaction(2), sigreturn(2), sigaltstack(2).
#pragma once

#include <optional>

#include "os/process/co.h"
#include "os/process/task.h"
#include "os/syscall/syscall.h"

namespace faultline::os {

// Takes the next signal of `wanted` out of the task's queue, then the process's.
// Its timer, if it is one's, runs again from here.
std::optional<SignalInfo> take_signal(Kernel& kernel, Task& task, SignalSet wanted);

// Delivers all that waits for the task, the current one: makes handlers' frames
// on its stack, sets up the restart of an interrupted call, stops it until
// SIGCONT. Afterwards the task may go on in user mode, unless its process's
// `ending` says that it is to die.
Co<> deliver_signals(Kernel& kernel, Task& task);

// rt_sigreturn: takes registers, mask and alternate stack back from the frame
// at the stack pointer. The answer is the a0 to go on with; a frame that cannot
// be read is SIGSEGV.
Co<SyscallResult> return_from_signal(Kernel& kernel, Task& task);

}  // namespace faultline::os
