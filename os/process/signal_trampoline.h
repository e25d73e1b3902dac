// The code that a signal handler returns to: Linux has it in the vdso, here it
// is a page of its own, mapped when the first handler is installed, so that
// programs without handlers pay nothing for it.
#pragma once

#include "os/process/co.h"
#include "os/process/process.h"
#include "os/result.h"

namespace faultline::os {

class Kernel;

// Afterwards process.signal_trampoline is its address. ENOMEM.
Co<Result<>> map_signal_trampoline(Kernel& kernel, Process& process);

}  // namespace faultline::os
