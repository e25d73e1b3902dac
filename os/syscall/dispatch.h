// From an ecall to its handler and back.
#pragma once

#include "os/process/co.h"
#include "os/process/task.h"

namespace faultline::os {

class Kernel;

// Runs the system call that the task's registers ask for, if it is one that
// cannot sleep; its answer is in a0 afterwards, and pc behind the ecall. False:
// it is another, and nothing has happened.
bool system_call_at_once(Kernel& kernel, Task& task);
// The same for those others.
Co<> system_call(Kernel& kernel, Task& task);

}  // namespace faultline::os
