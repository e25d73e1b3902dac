#include "os/process/interval_timer.h"

#include <algorithm>
#include <utility>

#include "os/kernel.h"
#include "os/process/signal_send.h"
#include "os/process/timer_moment.h"

namespace faultline::os {

namespace {

int signal_of(IntervalClock clock) {
  if (clock == IntervalClock::real) return kSigAlrm;
  return clock == IntervalClock::user ? kSigVtalrm : kSigProf;
}

CpuClock cpu_clock_of(IntervalClock clock) { return clock == IntervalClock::user ? CpuClock::user : CpuClock::all; }

uint64_t read(Kernel& kernel, Process& process, IntervalClock clock) {
  if (clock == IntervalClock::real) return kernel.clock().monotonic();
  return read_cpu_clock_time(kernel, process, cpu_clock_of(clock));
}

IntervalTimer& timer_of(Process& process, IntervalClock clock) {
  return process.interval_timers[static_cast<size_t>(clock)];
}

void expire(Kernel& kernel, Process& process, IntervalClock clock);

void arm(Kernel& kernel, Process& process, IntervalClock clock, bool again) {
  IntervalTimer& timer = timer_of(process, clock);
  const auto expiry = [&kernel, &process, clock] { expire(kernel, process, clock); };
  if (clock == IntervalClock::real) {
    timer.queue = &kernel.scheduler().timers();
    timer.armed = timer.queue->add(moment_of(kernel.clock(), timer.due), expiry);
  } else {
    timer.queue = &process.cpu_events->of(cpu_clock_of(clock));
    timer.armed = timer.queue->add(cpu_moment(kernel, process, cpu_clock_of(clock), timer.due, again), expiry);
  }
}

void expire(Kernel& kernel, Process& process, IntervalClock clock) {
  IntervalTimer& timer = timer_of(process, clock);
  if (process.timer_pace.holds(read_cpu_clock(kernel, process, CpuClock::user))) {
    timer.queue = &process.timer_pace.held();
    timer.armed = process.timer_pace.hold([&kernel, &process, clock] { expire(kernel, process, clock); });
    return;
  }
  timer.armed = 0;
  if (clock != IntervalClock::real && timer.interval != 0) {
    timer.due = later(timer.due, timer.interval);
    arm(kernel, process, clock, true);
  }
  SignalInfo info;
  info.signal = signal_of(clock);
  info.code = kCodeKernel;
  info.timer = SignalInfo::kIntervalTimer;
  (void)send_signal(process, info);
}

void stop(IntervalTimer& timer) {
  if (timer.armed != 0) timer.queue->cancel(std::exchange(timer.armed, 0));
}

}  // namespace

TimerSetting get_interval_timer(Kernel& kernel, Process& process, IntervalClock clock) {
  const IntervalTimer& timer = timer_of(process, clock);
  if (timer.armed == 0) return {.interval = timer.interval, .remaining = 0};
  const uint64_t now = read(kernel, process, clock);
  // One that is on never shows as off.
  return {.interval = timer.interval, .remaining = std::max<uint64_t>(timer.due > now ? timer.due - now : 0, 1000)};
}

void set_interval_timer(Kernel& kernel, Process& process, IntervalClock clock, const TimerSetting& setting) {
  IntervalTimer& timer = timer_of(process, clock);
  stop(timer);
  timer.interval = setting.remaining == 0 ? 0 : setting.interval;
  if (setting.remaining == 0) return;
  timer.due = later(read(kernel, process, clock), setting.remaining);
  arm(kernel, process, clock, false);
}

void stop_interval_timers(Process& process) {
  for (IntervalTimer& timer : process.interval_timers) stop(timer);
}

void alarm_taken(Kernel& kernel, Process& process) {
  IntervalTimer& timer = timer_of(process, IntervalClock::real);
  if (timer.armed != 0 || timer.interval == 0) return;
  (void)forward(timer.due, timer.interval, kernel.clock().monotonic());
  arm(kernel, process, IntervalClock::real, true);
}

}  // namespace faultline::os
