// The end of a process, and what becomes of it afterwards. See _exit(2).
#pragma once

#include "os/process/co.h"
#include "os/process/task.h"

namespace faultline::os {

class Kernel;

// The last thing that a task does. With the last task of a process, the process
// gives everything back, becomes a zombie and tells its parent: how it ended is
// process.ending, or else what the last task said.
Co<> exit_task(Kernel& kernel, Task& task);

// The process's other tasks end before this returns, and the task, which calls
// exec, is its first one. False: the process ends itself.
Co<bool> end_other_tasks(Kernel& kernel, Task& task);

// Takes a zombie out of its parent's children and of the table. The process is
// gone when the scheduler is back in its loop.
void reap(Kernel& kernel, Process& zombie);

}  // namespace faultline::os
