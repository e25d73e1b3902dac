// Clocks and sleeping, all in simulated time.
#include <algorithm>
#include <optional>
#include <utility>

#include "os/kernel.h"
#include "os/memory/user_memory.h"
#include "os/process/timer_moment.h"
#include "os/syscall/groups.h"
#include "os/syscall/rusage.h"
#include "os/syscall/syscall.h"
#include "os/syscall/time_types.h"

namespace faultline::os {

namespace {

// What the coarse clocks and those that getrusage counts by are exact to.
uint64_t tick_time(SyscallContext& call) { return call.kernel.clock().nanoseconds(call.kernel.scheduler().tick()); }

bool counts_ticks(int32_t clock, const std::optional<CpuClockName>& name) {
  return name ? !name->exact : is_coarse(clock);
}

// Nanoseconds that the clock shows. EINVAL when there is no such clock.
Result<uint64_t> read_clock(SyscallContext& call, int32_t clock) {
  const std::optional<CpuClockName> name = cpu_clock_name(clock);
  if (!name && !is_clock(clock)) return Errno{EINVAL};
  uint64_t time = 0;
  if (name) {
    const Process* const owner = clock_owner(call.kernel, call.task.process(), *name);
    if (!owner) return Errno{EINVAL};
    const Task* const task = clock_task(call.kernel, call.task, *name);
    time = task ? read_task_clock_time(call.kernel, *task, name->clock)
                : read_cpu_clock_time(call.kernel, *owner, name->clock);
  } else {
    time = is_realtime(clock) ? call.kernel.clock().realtime() : call.kernel.clock().monotonic();
  }
  return counts_ticks(clock, name) ? time - time % std::max<uint64_t>(tick_time(call), 1) : time;
}

// Stores unless the pointer is null.
template <class T>
Co<SyscallResult> store(SyscallContext& call, unsigned argument, T value) {
  if (call.args[argument] == 0) co_return uint64_t{0};
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<> stored = co_await user.put(call.address(argument), value);
  if (!stored.ok()) co_return stored.error();
  co_return uint64_t{0};
}

Co<SyscallResult> sys_clock_gettime(SyscallContext& call) {
  const Result<uint64_t> time = read_clock(call, call.integer(0));
  if (!time.ok()) co_return time.error();
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<> stored = co_await user.put(call.address(1), TimeSpec::of(time.value()));
  if (!stored.ok()) co_return stored.error();
  co_return uint64_t{0};
}

Co<SyscallResult> sys_clock_getres(SyscallContext& call) {
  const int32_t clock = call.integer(0);
  const Result<uint64_t> shown = read_clock(call, clock);
  if (!shown.ok()) co_return shown.error();
  const bool coarse = counts_ticks(clock, cpu_clock_name(clock));
  const SyscallResult done = co_await store(call, 1, TimeSpec::of(coarse ? tick_time(call) : 1));
  co_return done;
}

Co<SyscallResult> sys_gettimeofday(SyscallContext& call) {
  const TimeVal now = TimeVal::of(call.kernel.clock().realtime());
  const SyscallResult done = co_await store(call, 0, now);
  if (!done.ok()) co_return done;
  const SyscallResult zone = co_await store(call, 1, uint64_t{0});  // UTC
  co_return zone;
}

// Asked by somebody who may, it would be a time and a time zone.
Co<SyscallResult> sys_set_clock(SyscallContext& call) {
  UserMemory user = call.kernel.user_memory(call.task);
  if (call.args[0] != 0) {
    const Result<TimeVal> time = co_await user.get<TimeVal>(call.address(0));
    if (!time.ok()) co_return time.error();
    if (!time.value().valid()) co_return Errno{EINVAL};
  }
  if (call.args[1] != 0) {
    const Result<uint64_t> zone = co_await user.get<uint64_t>(call.address(1));
    if (!zone.ok()) co_return zone.error();
  }
  co_return Errno{EPERM};
}

// Those that can be set are for the privileged; the others nobody can.
Co<SyscallResult> sys_clock_settime(SyscallContext& call) {
  const int32_t clock = call.integer(0);
  const bool of_other_process = clock < 0 && cpu_clock_name(clock);
  if (clock != kClockRealtime && !of_other_process) co_return Errno{EINVAL};
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<TimeSpec> time = co_await user.get<TimeSpec>(call.address(1));
  if (!time.ok()) co_return time.error();
  if (!time.value().valid()) co_return Errno{EINVAL};
  co_return Errno{EPERM};
}

// --- sleeping -----------------------------------------------------------------------

// Sleeps to `until`; kRestartBlock when a signal came.
Co<SyscallResult> sleep_until(SyscallContext& call, Cycles until) {
  while (call.kernel.now() < until) {
    const Wake wake = co_await sleep_interruptibly(call.task, call.task.nap, until);
    if (wake == Wake::interrupted) {
      call.task.restart_cpu_sleep.reset();
      call.task.restart_deadline = until;
      co_return kRestartBlock;
    }
  }
  co_return uint64_t{0};
}

// A sleep of so long; tells at `argument` what was left when a signal ended it.
Co<SyscallResult> sleep_for(SyscallContext& call, const TimeSpec& duration, unsigned argument) {
  const Cycles until = call.kernel.clock().after(duration.total());
  const SyscallResult slept = co_await sleep_until(call, until);
  if (slept.ok()) co_return slept;
  const Cycles now = call.kernel.now();
  const Cycles left = until > now ? until - now : Cycles(0);
  const TimeSpec rest = TimeSpec::of(call.kernel.clock().nanoseconds(left));
  const SyscallResult stored = co_await store(call, argument, rest);
  if (!stored.ok()) co_return stored;
  co_return slept;
}

// --- sleeping on a process's own time ------------------------------------------------

// Wakes the task when the clock's time has come, as long as it lives.
class CpuAlarm {
 public:
  CpuAlarm(std::shared_ptr<CpuEvents> events, CpuClock clock, Cycles when, Task& task)
      : events_(std::move(events)), queue_(events_->of(clock)) {
    id_ = queue_.add(when, [&task] { task.nap.wake_all(); });
  }
  ~CpuAlarm() { queue_.cancel(id_); }
  CpuAlarm(const CpuAlarm&) = delete;
  CpuAlarm& operator=(const CpuAlarm&) = delete;

 private:
  std::shared_ptr<CpuEvents> events_;
  TimerQueue& queue_;
  TimerQueue::Id id_;
};

// To the moment `until` of the clock, in nanoseconds; kRestartBlock when a signal came.
// The time of a process that ends meanwhile never comes.
Co<SyscallResult> sleep_until_cpu_time(SyscallContext& call, CpuClockName name, uint64_t until) {
  Process* const owner = clock_owner(call.kernel, call.task.process(), name);
  if (!owner) co_return Errno{EINVAL};
  const std::shared_ptr<CpuEvents> events = owner->cpu_events;
  name.pid = owner->pid();
  const CpuAlarm alarm(events, name.clock, call.kernel.clock().cycles(until), call.task);
  for (;;) {
    const Process* const now = call.kernel.processes().find(name.pid);
    const bool is_same = now && now->cpu_events == events;
    if (is_same && read_cpu_clock_time(call.kernel, *now, name.clock) >= until) co_return uint64_t{0};
    const Wake wake = co_await sleep_interruptibly(call.task, call.task.nap);
    if (wake != Wake::interrupted) continue;
    call.task.restart_cpu_sleep = Task::CpuSleep{.clock = name, .until = until};
    co_return kRestartBlock;
  }
}

Co<SyscallResult> sleep_cpu_time(SyscallContext& call, CpuClockName name, const TimeSpec& time, bool absolute) {
  const Result<uint64_t> begin = read_clock(call, call.integer(0));
  if (!begin.ok()) co_return begin.error();
  const uint64_t until = absolute ? time.total() : later(begin.value(), time.total());
  const SyscallResult slept = co_await sleep_until_cpu_time(call, name, until);
  if (slept.ok()) co_return slept;
  if (absolute) co_return slept.error() == kRestartBlock ? kRestartNoHandler : slept.error();
  const Result<uint64_t> now = read_clock(call, call.integer(0));
  const uint64_t left = now.ok() && now.value() < until ? until - now.value() : 0;
  const SyscallResult stored = co_await store(call, 3, TimeSpec::of(left));
  if (!stored.ok()) co_return stored;
  co_return slept;
}

Co<Result<TimeSpec>> read_time(SyscallContext& call, unsigned argument) {
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<TimeSpec> time = co_await user.get<TimeSpec>(call.address(argument));
  if (time.ok() && !time.value().valid()) co_return Errno{EINVAL};
  co_return time;
}

Co<SyscallResult> sys_nanosleep(SyscallContext& call) {
  const Result<TimeSpec> duration = co_await read_time(call, 0);
  if (!duration.ok()) co_return duration.error();
  const SyscallResult slept = co_await sleep_for(call, duration.value(), 1);
  co_return slept;
}

Co<SyscallResult> sys_clock_nanosleep(SyscallContext& call) {
  constexpr int32_t kAbsolute = 1;  // TIMER_ABSTIME
  const int32_t clock = call.integer(0);
  const bool absolute = (call.integer(1) & kAbsolute) != 0;
  const Result<uint64_t> shown = read_clock(call, clock);
  if (!shown.ok()) co_return shown.error();
  const std::optional<CpuClockName> cpu = cpu_clock_name(clock);
  if (!cpu && !has_timers(clock)) co_return Errno{EOPNOTSUPP};
  const Result<TimeSpec> time = co_await read_time(call, 2);
  if (!time.ok()) co_return time.error();
  if (cpu && cpu->of_task) co_return Errno{EINVAL};  // its own, which stands still meanwhile
  if (cpu) {
    const SyscallResult slept = co_await sleep_cpu_time(call, *cpu, time.value(), absolute);
    co_return slept;
  }
  if (!absolute) {
    const SyscallResult slept = co_await sleep_for(call, time.value(), 3);
    co_return slept;
  }
  const uint64_t now = read_clock(call, clock).value();
  const uint64_t target = time.value().total();
  if (target <= now) co_return uint64_t{0};
  const SyscallResult slept = co_await sleep_until(call, call.kernel.clock().after(target - now));
  // The moment stays what it is, so the whole call may simply begin again.
  if (!slept.ok()) co_return kRestartNoHandler;
  co_return slept;
}

// What a signal that ran no handler interrupted goes on to its old deadline.
Co<SyscallResult> sys_restart_syscall(SyscallContext& call) {
  if (const std::optional<Task::CpuSleep> sleep = std::exchange(call.task.restart_cpu_sleep, std::nullopt)) {
    const SyscallResult slept = co_await sleep_until_cpu_time(call, sleep->clock, sleep->until);
    co_return slept;
  }
  if (const std::optional<Task::FutexWait> wait = std::exchange(call.task.restart_futex, std::nullopt)) {
    UserMemory user = call.kernel.user_memory(call.task);
    const Result<> waited = co_await call.kernel.futexes().wait(
        call.task, user, VirtAddr(wait->address), wait->expected, wait->bits, call.task.restart_deadline, wait->own);
    if (waited.ok()) co_return uint64_t{0};
    if (waited.error() != kRestartSys) co_return waited.error();
    call.task.restart_futex = wait;
    co_return kRestartBlock;
  }
  const SyscallResult slept = co_await sleep_until(call, call.task.restart_deadline);
  co_return slept;
}

// --- times(2) -----------------------------------------------------------------------

struct Tms {
  int64_t user, system, children_user, children_system;
};

constexpr uint64_t kNanosecondsPerTick = kNanosecondsPerSecond / 100;  // USER_HZ

Co<SyscallResult> sys_times(SyscallContext& call) {
  const Timekeeping& clock = call.kernel.clock();
  const auto ticks = [&clock](uint64_t cycles) {
    return static_cast<int64_t>(clock.nanoseconds(Cycles(cycles)) / kNanosecondsPerTick);
  };
  Process& process = call.task.process();
  const Usage own = usage_now(call.kernel, process);
  const Tms times{.user = ticks(own.user_cycles),
                  .system = ticks(own.system_cycles),
                  .children_user = ticks(process.children_usage.user_cycles),
                  .children_system = ticks(process.children_usage.system_cycles)};
  const SyscallResult stored = co_await store(call, 0, times);
  if (!stored.ok()) co_return stored;
  co_return clock.monotonic() / kNanosecondsPerTick;
}

}  // namespace

void register_time_calls(SyscallTable& table) {
  table.add(101, sys_nanosleep);
  table.add(112, sys_clock_settime);
  table.add(113, sys_clock_gettime);
  table.add(114, sys_clock_getres);
  table.add(115, sys_clock_nanosleep);
  table.add(128, sys_restart_syscall);
  table.add(153, sys_times);
  table.add(169, sys_gettimeofday);
  table.add(170, sys_set_clock);
}

}  // namespace faultline::os
