#include "os/process/interval_timer.h"

#include <algorithm>

#include "os/kernel.h"
#include "os/process/signal_send.h"

namespace faultline::os {

namespace {

void arm(Kernel& kernel, Process& process, uint64_t nanoseconds) {
  process.alarm_due = kernel.clock().after(nanoseconds);
  process.alarm_timer = kernel.scheduler().timers().add(process.alarm_due, [&kernel, &process] {
    process.alarm_timer = 0;
    if (process.alarm_interval != 0) arm(kernel, process, process.alarm_interval);
    SignalInfo info;
    info.signal = kSigAlrm;
    info.code = kCodeKernel;
    (void)send_signal(process, info);
  });
}

}  // namespace

IntervalTimer get_alarm(const Kernel& kernel, const Process& process) {
  if (process.alarm_timer == 0) return {};
  const Cycles now = kernel.now();
  const Cycles left = process.alarm_due > now ? process.alarm_due - now : Cycles(0);
  // A timer that is on never shows as off.
  return {.interval = process.alarm_interval, .remaining = std::max<uint64_t>(kernel.clock().nanoseconds(left), 1000)};
}

void set_alarm(Kernel& kernel, Process& process, const IntervalTimer& timer) {
  kernel.scheduler().timers().cancel(process.alarm_timer);
  process.alarm_timer = 0;
  process.alarm_interval = timer.interval == 0 ? 0 : std::max(timer.interval, kLeastInterval);
  if (timer.remaining != 0) arm(kernel, process, timer.remaining);
}

}  // namespace faultline::os
