// Making processes and threads: what fork, vfork, posix_spawn and
// pthread_create come to. See clone(2).
#pragma once

#include <cstdint>

#include "os/process/co.h"
#include "os/process/task.h"
#include "os/result.h"

namespace faultline::os {

class Kernel;

// Flags of clone(2), linux/sched.h.
enum CloneFlag : uint64_t {
  kCloneSignalMask = 0xff,
  kCloneVm = 0x100,
  kCloneFs = 0x200,
  kCloneFiles = 0x400,
  kCloneSigHand = 0x800,
  kClonePidFd = 0x1000,
  kCloneVfork = 0x4000,
  kCloneParent = 0x8000,
  kCloneThread = 0x10000,
  kCloneSysvSem = 0x40000,
  kCloneSetTls = 0x80000,
  kCloneParentSetTid = 0x100000,
  kCloneChildClearTid = 0x200000,
  kCloneDetached = 0x400000,
  kCloneUntraced = 0x800000,
  kCloneChildSetTid = 0x1000000,
  kCloneIo = 0x80000000,
  kCloneClearSigHand = 0x100000000,
};

struct CloneRequest {
  uint64_t flags = 0;   // without the signal
  int exit_signal = 0;  // 0: none
  uint64_t stack = 0;   // the child's stack pointer; 0: as the parent's
  uint64_t tls = 0;
  uint64_t parent_tid = 0;
  uint64_t child_tid = 0;
  uint64_t pidfd = 0;  // where CLONE_PIDFD stores the descriptor
};

// A new process, or with CLONE_THREAD a new task of this one, that returns 0 from
// the same system call. Answers its number, with vfork after the child has called
// exec or ended. EAGAIN at the limit of processes, ENOMEM, EINVAL; with CLONE_PIDFD
// EMFILE and EFAULT.
Co<Result<int32_t>> clone_task(Kernel& kernel, Task& task, CloneRequest request);

}  // namespace faultline::os
