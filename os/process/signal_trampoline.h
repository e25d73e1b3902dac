// The code that a signal handler returns to: Linux has it in the vdso, here it
// is a page of its own, mapped when the first handler is installed, so that
// programs without handlers pay nothing for it.
#pragma once

#include "os/process/co.h"
#include "os/process/process.h"
#include "os/result.h"

namespace faultline::os {

class AddressSpace;
class Kernel;

// Where the page lies when it is mapped: the last but one of user space, where
// mmap puts nothing by itself. The last page stays free, so that nothing runs
// into the kernel or the hole of non-canonical addresses.
VirtAddr signal_trampoline_place(const AddressSpace& space);

// Afterwards process.signal_trampoline is its address. ENOMEM,
// EEXIST when the program has mapped something else there.
Co<Result<>> map_signal_trampoline(Kernel& kernel, Process& process);

}  // namespace faultline::os
