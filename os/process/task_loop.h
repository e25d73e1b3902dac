// The life of a task: run user code, see why it came back, and so on.
#pragma once

#include "os/process/co.h"
#include "os/process/task.h"

namespace faultline::os {

class Kernel;

// From its first instruction to its end.
Co<> task_loop(Kernel& kernel, Task& task);

}  // namespace faultline::os
