// From an ecall to its handler and back.
#pragma once

#include "os/process/co.h"
#include "os/process/task.h"

namespace faultline::os {

class Kernel;

// Runs the system call that the task's registers ask for; its answer is in a0
// afterwards, and pc behind the ecall.
Co<> system_call(Kernel& kernel, Task& task);

}  // namespace faultline::os
