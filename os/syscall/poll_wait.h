// What the calls that wait for several files share: a time limit, a signal mask
// for as long as they wait, and the waiting itself.
#pragma once

#include <cstdint>

#include "os/syscall/file_calls.h"

namespace faultline::os {

struct Deadline {
  Cycles when = WaitQueue::kNever;
  bool passed = false;
};

// In nanoseconds from now; 0: it has passed.
Deadline deadline_after(SyscallContext& call, uint64_t nanoseconds);
// From a struct timespec; none: never. EINVAL, EFAULT.
Co<Result<Deadline>> deadline_argument(SyscallContext& call, unsigned i);

// Puts the mask of the call in place of the task's for as long as it lives.
// When a signal ended the call, the old mask comes back with its handler.
Co<Result<>> set_mask(SyscallContext& call, VirtAddr mask, uint64_t bytes);
void restore_mask(SyscallContext& call);

// Sleeps until a file may have changed, the time is over (`passed` then) or a
// signal came: false.
Co<bool> wait_for_change(SyscallContext& call, Deadline& deadline);

}  // namespace faultline::os
