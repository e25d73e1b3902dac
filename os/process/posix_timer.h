// Timers of timer_create(2), on the clocks of simulated time.
//
// One that sends a signal waits in the queue of its clock. When it goes off its
// signal waits for the process, and it runs again only when that is taken; the
// intervals passed over meanwhile are its overruns. One that tells nobody
// (SIGEV_NONE) waits nowhere: what is left of it is worked out when asked for.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "os/process/cpu_clock.h"
#include "os/process/interval_timer.h"
#include "os/process/signal.h"
#include "os/process/timer_queue.h"
#include "os/result.h"

namespace faultline::os {

class Kernel;
class Process;

struct PosixTimer {
  enum class Clock : uint8_t { monotonic, realtime, cpu };

  Clock clock = Clock::monotonic;
  // Of Clock::cpu: whose time it is, and which.
  int32_t clock_pid = 0;
  int32_t clock_tid = 0;  // of one task; 0: the whole process
  CpuClock cpu_clock = CpuClock::all;
  std::shared_ptr<CpuEvents> cpu_events;

  bool silent = false;  // SIGEV_NONE
  int signal = 0;       // that it sends
  int32_t tid = 0;      // SIGEV_THREAD_ID: to this task of the process; 0: to the process
  uint64_t value = 0;   // sigev_value

  bool on = false;
  uint64_t due = 0;             // nanoseconds of its clock, when it is on
  uint64_t interval = 0;        // nanoseconds, 0: once
  TimerQueue* queue = nullptr;  // where it waits
  TimerQueue::Id armed = 0;     // 0: it does not, for instance while its signal does
  int64_t overruns = -1;        // expirations since its last signal was taken, but for one
  int32_t last_overruns = 0;    // of the signal that was taken last
};

// Of one process; gone with exec.
struct PosixTimers {
  static constexpr size_t kMost = 1024;  // RLIMIT_SIGPENDING bounds them on Linux

  std::map<int32_t, PosixTimer> timers;
  int32_t next = 0;  // id of the next one
};

// A timer that is off; its id. EAGAIN when there are too many. The signal value
// of one that names none is its id.
Result<int32_t> create_timer(Process& process, PosixTimer timer, bool value_is_id);
PosixTimer* find_timer(Process& process, int32_t id);
TimerSetting get_timer(Kernel& kernel, PosixTimer& timer);
// `remaining` is from now on, or with `absolute` a moment of the timer's clock,
// which may have passed; 0: off. ESRCH when its clock's process has ended.
Result<> set_timer(Kernel& kernel, Process& process, int32_t id, const TimerSetting& given, bool absolute);
void delete_timer(Process& process, int32_t id);
void delete_all_timers(Process& process);

// A timer's signal leaves the queue: the timer runs again, and the signal tells
// how many expirations it stands for, beside its own.
void timer_signal_taken(Kernel& kernel, Process& process, SignalInfo& info);

// The signal is no longer ignored: the timers that went off meanwhile and have
// an interval send it now.
void resume_ignored_timers(Process& process, int signal);

}  // namespace faultline::os
