// Letting go of an address space: at exec and at exit.
#pragma once

#include "os/process/process.h"

namespace faultline::os {

class Kernel;

// The process has no address space afterwards. The last to let go gives its
// memory back; a parent that sleeps in vfork goes on.
void release_space(Kernel& kernel, Process& process);

}  // namespace faultline::os
