// What calls share that wait for files: the signal mask for as long as they wait.
#pragma once

#include <cstdint>

#include "os/syscall/syscall.h"

namespace faultline::os {

// Puts the mask at `mask` (0: none) in place of the task's until restore_mask.
// When a signal ends the call, the old mask comes back with its handler. EINVAL
// for a mask of another size, EFAULT.
Co<Result<>> set_mask(SyscallContext& call, VirtAddr mask, uint64_t bytes);
void restore_mask(SyscallContext& call);

}  // namespace faultline::os
