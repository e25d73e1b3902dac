#include "os/process/cpu_clock.h"

#include <algorithm>

#include "os/kernel.h"
#include "os/process/signal_send.h"

namespace faultline::os {

namespace {

// clockid_t (linux/time.h, linux/posix-timers_types.h): the two fixed ones, or a
// negative number of ~pid, a bit for tasks, and which of three times it is.
constexpr int32_t kProcessCpu = 2;
constexpr int32_t kThreadCpu = 3;
constexpr uint32_t kPerTask = 4;
constexpr uint32_t kUserTime = 1;
constexpr uint32_t kExactTime = 2;

Cycles remaining(Cycles due, Cycles spent) { return due > spent ? due - spent : Cycles(1); }
Cycles plus(Cycles time, Cycles more) { return more >= Cpu::kForever - time ? Cpu::kForever : time + more; }

// --- RLIMIT_CPU ---------------------------------------------------------------------------

// Processor time at which the soft limit is reached.
Cycles cpu_limit(Kernel& kernel, const Process& process) {
  constexpr uint64_t kSecond = 1'000'000'000;
  const uint64_t seconds = process.limits[kLimitCpu].current;
  return seconds > ~uint64_t{0} / kSecond ? Cpu::kForever : kernel.clock().cycles(seconds * kSecond);
}

// SIGXCPU at the soft limit, which then moves on by a second; at the hard one the end
// (Linux, check_process_timers). False: neither is reached.
bool check_cpu_limit(Kernel& kernel, Process& process) {
  const Cycles soft = cpu_limit(kernel, process);
  if (soft == Cpu::kForever || read_cpu_clock(kernel, process, CpuClock::all) < soft) return false;
  ResourceLimit& limit = process.limits[kLimitCpu];
  const bool last = limit.current >= limit.maximum;
  if (!last) ++limit.current;
  SignalInfo info;
  info.signal = last ? kSigKill : kSigXcpu;
  info.code = kCodeKernel;
  (void)send_signal(process, info);
  return true;
}

}  // namespace

std::optional<CpuClockName> cpu_clock_name(int32_t clockid) {
  if (clockid == kProcessCpu) return CpuClockName{};
  if (clockid == kThreadCpu) return CpuClockName{.of_task = true};
  if (clockid >= 0) return std::nullopt;
  const auto bits = static_cast<uint32_t>(clockid);
  const uint32_t which = bits & 3;
  if (which > kExactTime) return std::nullopt;  // a clock of a device
  return CpuClockName{.pid = ~(clockid >> 3),
                      .clock = which == kUserTime ? CpuClock::user : CpuClock::all,
                      .of_task = (bits & kPerTask) != 0,
                      .exact = which == kExactTime};
}

Process* clock_owner(Kernel& kernel, Process& asker, const CpuClockName& name) {
  if (name.pid == 0 || name.pid == asker.pid()) return &asker;
  if (!name.of_task) return kernel.processes().find(name.pid);
  return kernel.processes().find_by_task(name.pid) == &asker ? &asker : nullptr;
}

const Task* clock_task(Kernel& kernel, const Task& asker, const CpuClockName& name) {
  if (!name.of_task) return nullptr;
  return name.pid == 0 ? &asker : kernel.processes().find_task(name.pid);
}

Cycles read_cpu_clock(Kernel& kernel, const Process& process, CpuClock clock) {
  if (clock == CpuClock::user) return Cycles(process.usage.user_cycles);
  return process.cpu_time(kernel.scheduler());
}

uint64_t read_task_clock_time(Kernel& kernel, const Task& task, CpuClock clock) {
  const Cycles all = kernel.scheduler().cpu_time(task);
  return kernel.clock().nanoseconds(clock == CpuClock::user ? Cycles(task.usage.user_cycles) : all);
}

uint64_t read_cpu_clock_time(Kernel& kernel, const Process& process, CpuClock clock) {
  return kernel.clock().nanoseconds(read_cpu_clock(kernel, process, clock));
}

Cycles until_cpu_event(Kernel& kernel, const Task& task, Cycles until) {
  const Process& process = task.process();
  const Cycles now = kernel.now();
  const Cycles user = read_cpu_clock(kernel, process, CpuClock::user);
  const CpuEvents& events = *process.cpu_events;
  if (!events.user.empty()) until = std::min(until, plus(now, remaining(events.user.next(), user)));
  if (!events.all.empty()) {
    const Cycles all = read_cpu_clock(kernel, process, CpuClock::all);
    until = std::min(until, plus(now, remaining(events.all.next(), all)));
  }
  if (const Cycles limit = cpu_limit(kernel, process); limit != Cpu::kForever) {
    until = std::min(until, plus(now, remaining(limit, read_cpu_clock(kernel, process, CpuClock::all))));
  }
  const CpuEvents& own = *task.cpu_events;
  if (!own.user.empty()) until = std::min(until, plus(now, remaining(own.user.next(), Cycles(task.usage.user_cycles))));
  if (!own.all.empty()) {
    until = std::min(until, plus(now, remaining(own.all.next(), kernel.scheduler().cpu_time(task))));
  }
  if (!process.timer_pace.held().empty()) {
    until = std::min(until, plus(now, std::max(process.timer_pace.remaining(user), Cycles(1))));
  }
  return until;
}

void run_cpu_events(Kernel& kernel, Task& task) {
  Process& process = task.process();
  uint64_t ran = check_cpu_limit(kernel, process) ? 1 : 0;
  for (const CpuClock clock : {CpuClock::user, CpuClock::all}) {
    TimerQueue& events = process.cpu_events->of(clock);
    if (!events.empty()) ran += events.run_due(read_cpu_clock(kernel, process, clock));
  }
  if (!task.cpu_events->user.empty()) ran += task.cpu_events->user.run_due(Cycles(task.usage.user_cycles));
  if (!task.cpu_events->all.empty()) ran += task.cpu_events->all.run_due(kernel.scheduler().cpu_time(task));
  ran += process.timer_pace.release(read_cpu_clock(kernel, process, CpuClock::user));
  if (ran == 0) return;
  AccountScope account(kernel.cpu(), CycleAccount::interrupt);
  kernel.cpu().charge(Cycles(kernel.costs().interrupt));
}

}  // namespace faultline::os
