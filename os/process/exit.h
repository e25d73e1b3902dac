// The end of a process, and what becomes of it afterwards. See _exit(2).
#pragma once

#include "os/process/co.h"
#include "os/process/task.h"

namespace faultline::os {

class Kernel;

// Gives everything back, makes a zombie of the process and tells its parent.
// The last thing that a task does; process.ending says how it ends.
Co<> exit_process(Kernel& kernel, Task& task);

// Takes a zombie out of its parent's children and of the table. The process is
// gone when the scheduler is back in its loop.
void reap(Kernel& kernel, Process& zombie);

}  // namespace faultline::os
