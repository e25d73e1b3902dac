#include "os/process/timer_moment.h"

#include <algorithm>

#include "os/kernel.h"

namespace faultline::os {

Cycles cpu_moment(Kernel& kernel, const Process& process, CpuClock clock, uint64_t due, bool again) {
  const Cycles when = kernel.clock().cycles(due);
  return again ? std::max(when, read_cpu_clock(kernel, process, clock) + kernel.scheduler().tick()) : when;
}

}  // namespace faultline::os
