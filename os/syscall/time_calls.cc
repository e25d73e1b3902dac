// Clocks and sleeping, all in simulated time.
#include "os/kernel.h"
#include "os/memory/user_memory.h"
#include "os/syscall/groups.h"
#include "os/syscall/rusage.h"
#include "os/syscall/syscall.h"
#include "os/syscall/time_types.h"

namespace faultline::os {

namespace {

// clockid_t of linux/time.h.
enum ClockId : int32_t {
  kClockRealtime = 0,
  kClockMonotonic = 1,
  kClockProcessCpu = 2,
  kClockThreadCpu = 3,
  kClockMonotonicRaw = 4,
  kClockRealtimeCoarse = 5,
  kClockMonotonicCoarse = 6,
  kClockBoottime = 7,
  kClockTai = 11,
};

// TAI is UTC where nobody has told the kernel of leap seconds.
bool is_realtime(int32_t clock) {
  return clock == kClockRealtime || clock == kClockRealtimeCoarse || clock == kClockTai;
}

bool is_known(int32_t clock) { return (clock >= kClockRealtime && clock <= kClockBoottime) || clock == kClockTai; }

// Nanoseconds that the clock shows.
uint64_t read_clock(SyscallContext& call, int32_t clock) {
  if (is_realtime(clock)) return call.kernel.clock().realtime();
  if (clock == kClockProcessCpu || clock == kClockThreadCpu) {
    return call.kernel.clock().nanoseconds(call.kernel.scheduler().cpu_time(call.task));
  }
  return call.kernel.clock().monotonic();
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
  const int32_t clock = call.integer(0);
  if (!is_known(clock)) co_return Errno{EINVAL};
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<> stored = co_await user.put(call.address(1), TimeSpec::of(read_clock(call, clock)));
  if (!stored.ok()) co_return stored.error();
  co_return uint64_t{0};
}

Co<SyscallResult> sys_clock_getres(SyscallContext& call) {
  if (!is_known(call.integer(0))) co_return Errno{EINVAL};
  const SyscallResult done = co_await store(call, 1, TimeSpec{.seconds = 0, .nanoseconds = 1});
  co_return done;
}

Co<SyscallResult> sys_gettimeofday(SyscallContext& call) {
  const TimeVal now = TimeVal::of(call.kernel.clock().realtime());
  const SyscallResult done = co_await store(call, 0, now);
  if (!done.ok()) co_return done;
  const SyscallResult zone = co_await store(call, 1, uint64_t{0});  // UTC
  co_return zone;
}

SyscallResult sys_set_clock(SyscallContext& call) { return Errno{EPERM}; }

// --- sleeping -----------------------------------------------------------------------

// Sleeps to `until`; kRestartBlock when a signal came.
Co<SyscallResult> sleep_until(SyscallContext& call, Cycles until) {
  while (call.kernel.now() < until) {
    const Wake wake = co_await sleep_interruptibly(call.task, call.task.nap, until);
    if (wake == Wake::interrupted) {
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
  if (!is_known(clock) || clock == kClockThreadCpu) co_return Errno{EINVAL};
  if (clock == kClockProcessCpu) co_return Errno{EOPNOTSUPP};
  const Result<TimeSpec> time = co_await read_time(call, 2);
  if (!time.ok()) co_return time.error();
  if (!(call.integer(1) & kAbsolute)) {
    const SyscallResult slept = co_await sleep_for(call, time.value(), 3);
    co_return slept;
  }
  const uint64_t now = read_clock(call, clock);
  const uint64_t target = time.value().total();
  if (target <= now) co_return uint64_t{0};
  const SyscallResult slept = co_await sleep_until(call, call.kernel.clock().after(target - now));
  // The moment stays what it is, so the whole call may simply begin again.
  if (!slept.ok()) co_return kRestartNoHandler;
  co_return slept;
}

// What a signal that ran no handler interrupted goes on to its old deadline.
Co<SyscallResult> sys_restart_syscall(SyscallContext& call) {
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
  table.add(112, sys_set_clock);
  table.add(113, sys_clock_gettime);
  table.add(114, sys_clock_getres);
  table.add(115, sys_clock_nanosleep);
  table.add(128, sys_restart_syscall);
  table.add(153, sys_times);
  table.add(169, sys_gettimeofday);
  table.add(170, sys_set_clock);
}

}  // namespace faultline::os
