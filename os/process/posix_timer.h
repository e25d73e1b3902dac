// Timers of timer_create(2), on the clocks of simulated time.
#pragma once

#include <cstdint>
#include <map>

#include "hw/base/types.h"
#include "os/process/interval_timer.h"
#include "os/process/signal.h"
#include "os/process/timer_queue.h"
#include "os/result.h"

namespace faultline::os {

class Kernel;
class Process;

struct PosixTimer {
  bool realtime = false;  // the clock it is told moments of
  bool silent = false;    // SIGEV_NONE
  int signal = 0;         // that it sends
  bool to_task = false;   // SIGEV_THREAD_ID: to the process's task, not to the process
  uint64_t value = 0;     // sigev_value
  TimerQueue::Id armed = 0;
  Cycles due{};
  uint64_t interval = 0;      // nanoseconds, 0: once
  uint64_t overruns = 0;      // expirations since its signal began to wait
  int32_t last_overruns = 0;  // of the signal that was taken last
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
IntervalTimer get_timer(const Kernel& kernel, const PosixTimer& timer);
// `remaining` is from now on, or with `absolute` a moment of the timer's clock; 0: off.
void set_timer(Kernel& kernel, Process& process, int32_t id, const IntervalTimer& given, bool absolute);
void delete_timer(Kernel& kernel, Process& process, int32_t id);
void delete_all_timers(Kernel& kernel, Process& process);

// A signal leaves the queue: one of a timer learns how many expirations it
// stands for, beside its own.
void count_overruns(Process& process, SignalInfo& info);

}  // namespace faultline::os
