// Robust locks: what set_robust_list(2) promises of a task that ends while it
// holds some (Linux, Documentation/locking/robust-futexes.rst).
#pragma once

#include "os/process/co.h"
#include "os/process/task.h"

namespace faultline::os {

class Kernel;

// Marks the locks on the task's list that it still holds as their owner's
// death, and wakes one waiter of each. The list is the program's: as far as it
// can be read, and no farther than 2048 locks.
Co<> give_up_robust_locks(Kernel& kernel, Task& task);

}  // namespace faultline::os
