// The process that an argument names.
#pragma once

#include "os/kernel.h"
#include "os/syscall/syscall.h"

namespace faultline::os {

// 0 is the caller; null where there is no such process.
inline Process* named_process(SyscallContext& call, int32_t pid) {
  if (pid == 0) return &call.task.process();
  return call.kernel.processes().find_by_task(pid);
}

}  // namespace faultline::os
