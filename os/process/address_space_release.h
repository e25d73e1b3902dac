// Letting go of an address space: at exec and at exit.
#pragma once

#include "os/process/co.h"
#include "os/process/process.h"

namespace faultline::os {

class Kernel;

// What the memory must still be told, while the task has it: its robust locks
// are given up, and CLONE_CHILD_CLEARTID tells those who share the memory.
Co<> leave_memory(Kernel& kernel, Task& task);

// The process has no address space afterwards. The last to let go gives its
// memory back; a parent that sleeps in vfork goes on.
void release_space(Kernel& kernel, Process& process);

}  // namespace faultline::os
