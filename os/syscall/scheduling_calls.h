// What the two files about sched(7) share.
#pragma once

#include "os/process/process.h"
#include "os/syscall/syscall.h"

namespace faultline::os {

// Where a call names a process by a pid that may not be negative: EINVAL, ESRCH.
Result<Process*> scheduled_process(SyscallContext& call);
// The nice value that RLIMIT_NICE lets a process ask for (getrlimit(2)).
bool may_be_nice(const Process& process, int32_t nice);
// A policy, with SCHED_RESET_ON_FORK in it: EINVAL, EPERM.
Result<> set_policy(const Process& caller, Process& process, int32_t wanted, int32_t priority);

void register_scheduling_attributes(SyscallTable& table);

}  // namespace faultline::os
