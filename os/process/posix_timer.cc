#include "os/process/posix_timer.h"

#include <algorithm>
#include <utility>

#include "os/kernel.h"
#include "os/process/signal_send.h"

namespace faultline::os {

namespace {

constexpr uint64_t kOverrunsMost = 0x7fffffff;  // DELAYTIMER_MAX

void expire(Kernel& kernel, Process& process, int32_t id);

void arm(Kernel& kernel, Process& process, int32_t id, Cycles when) {
  find_timer(process, id)->armed =
      kernel.scheduler().timers().add(when, [&kernel, &process, id] { expire(kernel, process, id); });
}

void notify(Process& process, int32_t id, PosixTimer& timer, uint64_t missed) {
  if (timer.silent) return;
  Task& task = process.main_task();
  const PendingSignals& queue = timer.to_task ? task.pending : process.pending;
  if (queue.has_timer(id)) {
    timer.overruns += missed + 1;
    return;
  }
  timer.overruns = missed;
  SignalInfo info;
  info.signal = timer.signal;
  info.code = kCodeTimer;
  info.pid = id;
  info.value = timer.value;
  (void)(timer.to_task ? send_signal(task, info) : send_signal(process, info));
}

void expire(Kernel& kernel, Process& process, int32_t id) {
  PosixTimer& timer = *find_timer(process, id);
  timer.armed = 0;
  // Each takes its time, so that many that go off often cannot stop the clock.
  kernel.cpu().charge(Cycles(kernel.costs().interrupt));
  uint64_t missed = 0;
  if (timer.interval != 0) {
    const Cycles step = std::max(kernel.clock().cycles(timer.interval), Cycles(1));
    const Cycles now = kernel.now();
    missed = (now - timer.due).value / step.value;
    const uint64_t ahead = Cpu::kForever.value - timer.due.value;
    timer.due = ahead / step.value <= missed ? Cpu::kForever : timer.due + Cycles(step.value * (missed + 1));
    // However short the interval, the kernel looks only so often.
    arm(kernel, process, id, std::max(timer.due, kernel.clock().after(kLeastInterval)));
  }
  notify(process, id, timer, missed);
}

}  // namespace

Result<int32_t> create_timer(Process& process, PosixTimer timer, bool value_is_id) {
  PosixTimers& all = process.posix_timers;
  if (all.timers.size() >= PosixTimers::kMost) return Errno{EAGAIN};
  const int32_t id = all.next;
  all.next = id == INT32_MAX ? 0 : id + 1;
  if (all.timers.contains(id)) return Errno{EAGAIN};
  if (value_is_id) timer.value = static_cast<uint64_t>(id);
  all.timers.emplace(id, timer);
  return id;
}

PosixTimer* find_timer(Process& process, int32_t id) {
  const auto found = process.posix_timers.timers.find(id);
  return found == process.posix_timers.timers.end() ? nullptr : &found->second;
}

IntervalTimer get_timer(const Kernel& kernel, const PosixTimer& timer) {
  if (timer.armed == 0) return {.interval = timer.interval, .remaining = 0};
  const Cycles now = kernel.now();
  const Cycles left = timer.due > now ? timer.due - now : Cycles(0);
  return {.interval = timer.interval, .remaining = std::max<uint64_t>(kernel.clock().nanoseconds(left), 1)};
}

void set_timer(Kernel& kernel, Process& process, int32_t id, const IntervalTimer& given, bool absolute) {
  PosixTimer& timer = *find_timer(process, id);
  kernel.scheduler().timers().cancel(std::exchange(timer.armed, 0));
  // What waits of the old setting is not the new one's.
  (timer.to_task ? process.main_task().pending : process.pending).discard_timer(id);
  timer.overruns = 0;
  timer.last_overruns = 0;
  timer.interval = given.remaining == 0 ? 0 : given.interval;
  if (given.remaining == 0) return;
  uint64_t rest = given.remaining;
  if (absolute) {
    const uint64_t now = timer.realtime ? kernel.clock().realtime() : kernel.clock().monotonic();
    rest = rest > now ? rest - now : 0;
  }
  timer.due = kernel.clock().after(rest);
  arm(kernel, process, id, timer.due);
}

void delete_timer(Kernel& kernel, Process& process, int32_t id) {
  PosixTimer& timer = *find_timer(process, id);
  kernel.scheduler().timers().cancel(timer.armed);
  (timer.to_task ? process.main_task().pending : process.pending).discard_timer(id);
  process.posix_timers.timers.erase(id);
}

void delete_all_timers(Kernel& kernel, Process& process) {
  while (!process.posix_timers.timers.empty()) {
    delete_timer(kernel, process, process.posix_timers.timers.begin()->first);
  }
}

void count_overruns(Process& process, SignalInfo& info) {
  if (info.code != kCodeTimer) return;
  PosixTimer* const timer = find_timer(process, info.pid);
  if (!timer || timer->signal != info.signal) return;
  timer->last_overruns = static_cast<int32_t>(std::min(timer->overruns, kOverrunsMost));
  timer->overruns = 0;
  info.uid = static_cast<uint32_t>(timer->last_overruns);
}

}  // namespace faultline::os
