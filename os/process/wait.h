// Waiting for children: wait4(2) and waitid(2).
#pragma once

#include <cstdint>
#include <optional>

#include "os/process/co.h"
#include "os/process/process.h"
#include "os/result.h"

namespace faultline::os {

class Kernel;

enum WaitOption : uint32_t {
  kWaitNoHang = 0x1,
  kWaitStopped = 0x2,
  kWaitExited = 0x4,
  kWaitContinued = 0x8,
  kWaitNoWait = 0x01000000,  // leave the child to be waited for again
  kWaitNoThread = 0x20000000,
  kWaitAll = 0x40000000,
  kWaitClone = 0x80000000,
};

// Which children are meant.
struct WaitFor {
  enum class Kind : uint8_t { any, process, group };
  Kind kind = Kind::any;
  int32_t id = 0;
};

struct WaitEvent {
  int32_t pid = 0;
  uint32_t uid = 0;
  int32_t code = 0;    // CLD_EXITED and so on
  int32_t status = 0;  // exit code, or the signal
  uint32_t word = 0;   // as wait4 stores it
  Usage usage;
};

// No event: WNOHANG, and no child is ready. ECHILD, or kRestartSys when a
// signal came.
Co<Result<std::optional<WaitEvent>>> wait_for_child(Kernel& kernel, Task& task, WaitFor which, uint32_t options);

}  // namespace faultline::os
