#include "os/process/cpu_timer.h"

#include <algorithm>

#include "os/kernel.h"
#include "os/process/signal_send.h"

namespace faultline::os {

namespace {

CpuTimer& timer_of(Process& process, CpuClock clock) {
  return clock == CpuClock::user ? process.virtual_timer : process.profile_timer;
}

Cycles read(Kernel& kernel, Process& process, CpuClock clock) {
  if (clock == CpuClock::user) return Cycles(process.usage.user_cycles);
  return process.cpu_time(kernel.scheduler());
}

Cycles plus(Cycles time, Cycles more) { return more >= Cpu::kForever - time ? Cpu::kForever : time + more; }

void expire(Kernel& kernel, Process& process, CpuClock clock, int signal) {
  CpuTimer& timer = timer_of(process, clock);
  const Cycles now = read(kernel, process, clock);
  if (!timer.on() || now < timer.due) return;
  timer.due = timer.interval == 0 ? Cycles(0) : plus(now, kernel.clock().cycles(timer.interval));
  SignalInfo info;
  info.signal = signal;
  info.code = kCodeKernel;
  (void)send_signal(process, info);
}

}  // namespace

IntervalTimer get_cpu_timer(Kernel& kernel, Process& process, CpuClock clock) {
  const CpuTimer& timer = timer_of(process, clock);
  if (!timer.on()) return {};
  const Cycles now = read(kernel, process, clock);
  const Cycles left = timer.due > now ? timer.due - now : Cycles(0);
  return {.interval = timer.interval, .remaining = std::max<uint64_t>(kernel.clock().nanoseconds(left), 1000)};
}

void set_cpu_timer(Kernel& kernel, Process& process, CpuClock clock, const IntervalTimer& given) {
  CpuTimer& timer = timer_of(process, clock);
  timer.interval = given.interval == 0 ? 0 : std::max(given.interval, kLeastInterval);
  timer.due = Cycles(0);
  if (given.remaining != 0) timer.due = plus(read(kernel, process, clock), kernel.clock().cycles(given.remaining));
}

Cycles until_cpu_timer(Kernel& kernel, Task& task, Cycles until) {
  Process& process = task.process();
  const Cycles now = kernel.now();
  for (const CpuClock clock : {CpuClock::user, CpuClock::all}) {
    const CpuTimer& timer = timer_of(process, clock);
    if (!timer.on()) continue;
    const Cycles spent = read(kernel, process, clock);
    until = std::min(until, plus(now, timer.due > spent ? timer.due - spent : Cycles(1)));
  }
  return until;
}

void expire_cpu_timers(Kernel& kernel, Task& task) {
  expire(kernel, task.process(), CpuClock::user, kSigVtalrm);
  expire(kernel, task.process(), CpuClock::all, kSigProf);
}

}  // namespace faultline::os
