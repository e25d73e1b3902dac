#include "os/process/posix_timer.h"

#include <algorithm>
#include <utility>

#include "os/kernel.h"
#include "os/process/signal_send.h"
#include "os/process/timer_moment.h"

namespace faultline::os {

namespace {

constexpr int64_t kOverrunsMost = 0x7fffffff;  // DELAYTIMER_MAX

// The task that the signal is for; null when it has ended, or there is none.
Task* task_of(Process& process, const PosixTimer& timer) {
  const auto found = std::find_if(process.tasks.begin(), process.tasks.end(),
                                  [&](const auto& task) { return task->tid() == timer.tid && !task->over; });
  return timer.tid == 0 || found == process.tasks.end() ? nullptr : found->get();
}

// The process whose time the timer's clock tells; null when it has ended.
Process* clock_process(Kernel& kernel, const PosixTimer& timer) {
  Process* const process = kernel.processes().find(timer.clock_pid);
  return process && process->cpu_events == timer.cpu_events ? process : nullptr;
}

// The task whose time it tells; null when it has ended.
const Task* clock_task(Kernel& kernel, const PosixTimer& timer) {
  const Task* const task = kernel.processes().find_task(timer.clock_tid);
  return task && !task->over && task->cpu_events == timer.cpu_events ? task : nullptr;
}

bool clock_is_there(Kernel& kernel, const PosixTimer& timer) {
  return timer.clock_tid != 0 ? clock_task(kernel, timer) != nullptr : clock_process(kernel, timer) != nullptr;
}

Cycles task_time(Kernel& kernel, const Task& task, CpuClock clock) {
  return clock == CpuClock::user ? Cycles(task.usage.user_cycles) : kernel.scheduler().cpu_time(task);
}

// The moment `due` of the timer's clock; with `again` a tick from now at the earliest.
Cycles cpu_due(Kernel& kernel, const PosixTimer& timer, bool again) {
  if (timer.clock_tid == 0) return cpu_moment(kernel, *clock_process(kernel, timer), timer.cpu_clock, timer.due, again);
  const Cycles when = kernel.clock().cycles(timer.due);
  const Cycles now = task_time(kernel, *clock_task(kernel, timer), timer.cpu_clock);
  return again ? std::max(when, now + kernel.scheduler().tick()) : when;
}

// What the timer's clock shows, in nanoseconds.
uint64_t read(Kernel& kernel, const PosixTimer& timer) {
  if (timer.clock == PosixTimer::Clock::realtime) return kernel.clock().realtime();
  if (timer.clock == PosixTimer::Clock::monotonic) return kernel.clock().monotonic();
  if (timer.clock_tid != 0) {
    const Task* const task = clock_task(kernel, timer);
    return task ? kernel.clock().nanoseconds(task_time(kernel, *task, timer.cpu_clock)) : 0;
  }
  const Process* const process = clock_process(kernel, timer);
  return process ? read_cpu_clock_time(kernel, *process, timer.cpu_clock) : 0;
}

void send(Process& process, int32_t id, const PosixTimer& timer) {
  SignalInfo info;
  info.signal = timer.signal;
  info.code = kCodeTimer;
  info.timer = id;
  info.pid = id;
  info.value = timer.value;
  Task* const task = task_of(process, timer);
  // A timer of a task that has ended goes off unheard.
  if (timer.tid != 0 && !task) return;
  (void)(task ? send_signal(*task, info) : send_signal(process, info));
}

void expire(Kernel& kernel, Process& process, int32_t id) {
  PosixTimer& timer = *find_timer(process, id);
  if (process.timer_pace.holds(read_cpu_clock(kernel, process, CpuClock::user))) {
    timer.queue = &process.timer_pace.held();
    timer.armed = process.timer_pace.hold([&kernel, &process, id] { expire(kernel, process, id); });
    return;
  }
  timer.armed = 0;
  timer.on = timer.interval != 0;
  send(process, id, timer);
}

void arm(Kernel& kernel, Process& process, int32_t id, bool again) {
  PosixTimer& timer = *find_timer(process, id);
  if (timer.silent) return;
  Cycles when{};
  if (timer.clock == PosixTimer::Clock::cpu) {
    if (!clock_is_there(kernel, timer)) return;
    timer.queue = &timer.cpu_events->of(timer.cpu_clock);
    when = cpu_due(kernel, timer, again);
  } else {
    timer.queue = &kernel.scheduler().timers();
    when = moment_of(kernel.clock(), timer.due, read(kernel, timer));
  }
  timer.armed = timer.queue->add(when, [&kernel, &process, id] { expire(kernel, process, id); });
}

void disarm(Process& process, int32_t id, PosixTimer& timer) {
  if (timer.armed != 0) timer.queue->cancel(std::exchange(timer.armed, 0));
  process.pending.discard_timer(id);
  for (const auto& task : process.tasks) task->pending.discard_timer(id);
}

}  // namespace

Result<int32_t> create_timer(Process& process, PosixTimer timer, bool value_is_id) {
  PosixTimers& all = process.posix_timers;
  if (all.timers.size() >= PosixTimers::kMost) return Errno{EAGAIN};
  const int32_t id = all.next;
  all.next = id == INT32_MAX ? 0 : id + 1;
  if (all.timers.contains(id)) return Errno{EAGAIN};
  if (value_is_id) timer.value = static_cast<uint64_t>(id);
  all.timers.emplace(id, std::move(timer));
  return id;
}

PosixTimer* find_timer(Process& process, int32_t id) {
  const auto found = process.posix_timers.timers.find(id);
  return found == process.posix_timers.timers.end() ? nullptr : &found->second;
}

TimerSetting get_timer(Kernel& kernel, PosixTimer& timer) {
  if (!timer.on) return {.interval = timer.interval, .remaining = 0};
  const uint64_t now = read(kernel, timer);
  // While its signal waits, or without one, it does not move on by itself.
  if (timer.interval != 0 && timer.armed == 0) {
    timer.overruns += static_cast<int64_t>(forward(timer.due, timer.interval, now));
  }
  // What is due shows as about to happen, if it is to happen at all.
  const uint64_t least = timer.silent ? 0 : 1;
  return {.interval = timer.interval, .remaining = timer.due > now ? timer.due - now : least};
}

Result<> set_timer(Kernel& kernel, Process& process, int32_t id, const TimerSetting& given, bool absolute) {
  PosixTimer& timer = *find_timer(process, id);
  if (timer.clock == PosixTimer::Clock::cpu && !clock_is_there(kernel, timer)) return Errno{ESRCH};
  disarm(process, id, timer);  // what waits of the old setting is not the new one's
  timer.overruns = -1;
  timer.last_overruns = 0;
  timer.on = given.remaining != 0;
  timer.interval = timer.on ? given.interval : 0;
  if (!timer.on) return Unit{};
  timer.due = absolute ? given.remaining : later(read(kernel, timer), given.remaining);
  arm(kernel, process, id, false);
  return Unit{};
}

void delete_timer(Process& process, int32_t id) {
  disarm(process, id, *find_timer(process, id));
  process.posix_timers.timers.erase(id);
}

void delete_all_timers(Process& process) {
  while (!process.posix_timers.timers.empty()) delete_timer(process, process.posix_timers.timers.begin()->first);
}

void timer_signal_taken(Kernel& kernel, Process& process, SignalInfo& info) {
  PosixTimer& timer = *find_timer(process, info.timer);  // its signals go with it
  if (timer.on) {
    timer.overruns += static_cast<int64_t>(forward(timer.due, timer.interval, read(kernel, timer)));
    timer.last_overruns = static_cast<int32_t>(std::clamp<int64_t>(timer.overruns, 0, kOverrunsMost));
    timer.overruns = -1;
    arm(kernel, process, info.timer, true);
  }
  info.uid = static_cast<uint32_t>(timer.last_overruns);
}

void resume_ignored_timers(Process& process, int signal) {
  for (const auto& [id, timer] : process.posix_timers.timers) {
    const bool went_off = timer.on && !timer.silent && timer.interval != 0 && timer.armed == 0;
    if (!went_off || timer.signal != signal) continue;
    const Task* const task = task_of(process, timer);
    const bool waits = (task ? task->pending : process.pending).has_timer(id);
    if (!waits) send(process, id, timer);
  }
}

}  // namespace faultline::os
