// Timers that send signals: setitimer(2), timer_create(2), in simulated time.
#include <array>

#include "os/kernel.h"
#include "os/memory/user_memory.h"
#include "os/process/interval_timer.h"
#include "os/process/posix_timer.h"
#include "os/syscall/groups.h"
#include "os/syscall/syscall.h"
#include "os/syscall/time_types.h"

namespace faultline::os {

namespace {

// --- interval timers -----------------------------------------------------------------

struct ITimerVal {
  TimeVal interval, value;
};

enum Which : int32_t { kTimerReal = 0, kTimerVirtual = 1, kTimerProfile = 2 };

bool is_known(int32_t which) { return which >= kTimerReal && which <= kTimerProfile; }

IntervalClock clock_of(int32_t which) {
  if (which == kTimerReal) return IntervalClock::real;
  return which == kTimerVirtual ? IntervalClock::user : IntervalClock::all;
}

ITimerVal read_timer(SyscallContext& call, int32_t which) {
  const TimerSetting timer = get_interval_timer(call.kernel, call.task.process(), clock_of(which));
  return {TimeVal::of(timer.interval), TimeVal::of(timer.remaining)};
}

Co<SyscallResult> sys_getitimer(SyscallContext& call) {
  if (!is_known(call.integer(0))) co_return Errno{EINVAL};
  UserMemory user = call.kernel.user_memory(call.task);
  const ITimerVal timer = read_timer(call, call.integer(0));
  const Result<> stored = co_await user.put(call.address(1), timer);
  if (!stored.ok()) co_return stored.error();
  co_return uint64_t{0};
}

Co<SyscallResult> sys_setitimer(SyscallContext& call) {
  const int32_t which = call.integer(0);
  UserMemory user = call.kernel.user_memory(call.task);
  ITimerVal wanted;
  if (call.args[1] != 0) {
    const Result<ITimerVal> given = co_await user.get<ITimerVal>(call.address(1));
    if (!given.ok()) co_return given.error();
    wanted = given.value();
    if (!wanted.interval.valid() || !wanted.value.valid()) co_return Errno{EINVAL};
  }
  if (!is_known(which)) co_return Errno{EINVAL};
  const ITimerVal old = read_timer(call, which);
  set_interval_timer(call.kernel, call.task.process(), clock_of(which),
                     {.interval = wanted.interval.total(), .remaining = wanted.value.total()});
  if (call.args[2] == 0) co_return uint64_t{0};
  const Result<> stored = co_await user.put(call.address(2), old);
  if (!stored.ok()) co_return stored.error();
  co_return uint64_t{0};
}

// --- timer_create and its relatives --------------------------------------------------------

struct ITimerSpec {
  TimeSpec interval, value;

  static ITimerSpec of(const TimerSetting& timer) {
    return {TimeSpec::of(timer.interval), TimeSpec::of(timer.remaining)};
  }
};

// struct sigevent (asm-generic/siginfo.h), 64 bytes.
struct SigEvent {
  uint64_t value = 0;
  int32_t signal = kSigAlrm;
  int32_t notify = 0;
  int32_t tid = 0;
  std::array<int32_t, 11> padding{};
};
static_assert(sizeof(SigEvent) == 64);

enum Notify : int32_t { kNotifySignal = 0, kNotifyNone = 1, kNotifyThread = 2, kNotifyThreadId = 4 };

// A timer of that clock that sends nothing yet. EINVAL; EOPNOTSUPP for a clock that has none.
Result<PosixTimer> timer_of_clock(SyscallContext& call, int32_t clock) {
  PosixTimer timer;
  if (const std::optional<CpuClockName> name = cpu_clock_name(clock)) {
    const Process* const owner = clock_owner(call.kernel, call.task.process(), *name);
    if (!owner) return Errno{EINVAL};
    timer.clock = PosixTimer::Clock::cpu;
    timer.clock_pid = owner->pid();
    timer.cpu_clock = name->clock;
    timer.cpu_events = owner->cpu_events;
    if (!name->of_task) return timer;
    const Task* const task = clock_task(call.kernel, call.task, *name);
    if (!task) return Errno{EINVAL};
    timer.clock_tid = task->tid();
    timer.cpu_events = task->cpu_events;
    return timer;
  }
  if (!is_clock(clock)) return Errno{EINVAL};
  if (!has_timers(clock)) return Errno{EOPNOTSUPP};
  timer.clock = is_realtime(clock) ? PosixTimer::Clock::realtime : PosixTimer::Clock::monotonic;
  return timer;
}

Result<PosixTimer> describe(SyscallContext& call, int32_t clock, const SigEvent& event) {
  Result<PosixTimer> timer = timer_of_clock(call, clock);
  if (!timer.ok()) return timer;
  const bool to_task = event.notify == kNotifyThreadId;
  const bool sends = to_task || event.notify == kNotifySignal || event.notify == kNotifyThread;
  if (!sends && event.notify != kNotifyNone) return Errno{EINVAL};
  if (sends && (event.signal < 1 || event.signal > kSignals)) return Errno{EINVAL};
  if (to_task && call.kernel.processes().find_by_task(event.tid) != &call.task.process()) return Errno{EINVAL};
  timer->silent = !sends;
  timer->signal = event.signal;
  timer->tid = to_task ? event.tid : 0;
  timer->value = event.value;
  return timer;
}

Co<SyscallResult> sys_timer_create(SyscallContext& call) {
  UserMemory user = call.kernel.user_memory(call.task);
  SigEvent event;
  if (call.args[1] != 0) {
    const Result<SigEvent> given = co_await user.get<SigEvent>(call.address(1));
    if (!given.ok()) co_return given.error();
    event = given.value();
  }
  const Result<PosixTimer> timer = describe(call, call.integer(0), event);
  if (!timer.ok()) co_return timer.error();
  Process& process = call.task.process();
  const Result<int32_t> id = create_timer(process, timer.value(), call.args[1] == 0);
  if (!id.ok()) co_return id.error();
  const Result<> stored = co_await user.put(call.address(2), id.value());
  if (!stored.ok()) {
    delete_timer(process, id.value());
    co_return stored.error();
  }
  co_return uint64_t{0};
}

Co<SyscallResult> sys_timer_settime(SyscallContext& call) {
  constexpr int32_t kAbsolute = 1;  // TIMER_ABSTIME
  if (call.args[2] == 0) co_return Errno{EINVAL};
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<ITimerSpec> wanted = co_await user.get<ITimerSpec>(call.address(2));
  if (!wanted.ok()) co_return wanted.error();
  const auto [interval, value] = wanted.value();
  if (!interval.valid() || !value.valid()) co_return Errno{EINVAL};
  Process& process = call.task.process();
  PosixTimer* const timer = find_timer(process, call.integer(0));
  if (!timer) co_return Errno{EINVAL};
  const ITimerSpec old = ITimerSpec::of(get_timer(call.kernel, *timer));
  const Result<> set =
      set_timer(call.kernel, process, call.integer(0), {.interval = interval.total(), .remaining = value.total()},
                (call.integer(1) & kAbsolute) != 0);
  if (!set.ok()) co_return set.error();
  if (call.args[3] == 0) co_return uint64_t{0};
  const Result<> stored = co_await user.put(call.address(3), old);
  if (!stored.ok()) co_return stored.error();
  co_return uint64_t{0};
}

Co<SyscallResult> sys_timer_gettime(SyscallContext& call) {
  PosixTimer* const timer = find_timer(call.task.process(), call.integer(0));
  if (!timer) co_return Errno{EINVAL};
  const ITimerSpec answer = ITimerSpec::of(get_timer(call.kernel, *timer));
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<> stored = co_await user.put(call.address(1), answer);
  if (!stored.ok()) co_return stored.error();
  co_return uint64_t{0};
}

SyscallResult sys_timer_getoverrun(SyscallContext& call) {
  const PosixTimer* const timer = find_timer(call.task.process(), call.integer(0));
  if (!timer) return Errno{EINVAL};
  return static_cast<uint64_t>(timer->last_overruns);
}

SyscallResult sys_timer_delete(SyscallContext& call) {
  Process& process = call.task.process();
  if (!find_timer(process, call.integer(0))) return Errno{EINVAL};
  delete_timer(process, call.integer(0));
  return uint64_t{0};
}

}  // namespace

void register_timer_calls(SyscallTable& table) {
  table.add(102, sys_getitimer);
  table.add(103, sys_setitimer);
  table.add(107, sys_timer_create);
  table.add(108, sys_timer_gettime);
  table.add(109, sys_timer_getoverrun);
  table.add(110, sys_timer_settime);
  table.add(111, sys_timer_delete);
}

}  // namespace faultline::os
