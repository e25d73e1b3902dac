// Sleeping and waking. A Strand is a line of kernel execution that can sleep:
// a task in the kernel, or a daemon. Kernel code is atomic between sleeps, and
// whoever wakes up checks again what it waited for.
#pragma once

#include <coroutine>
#include <cstddef>
#include <vector>

#include "hw/base/cycle_ledger.h"
#include "hw/base/types.h"

namespace faultline::os {

class WaitQueue;

enum class Wake : unsigned char { woken, interrupted, timeout };

struct Strand {
  std::coroutine_handle<> resume_point;  // innermost suspended frame
  WaitQueue* sleeping_on = nullptr;      // null when runnable, running or in a timed sleep
  bool interruptible = false;            // a signal may end this sleep
  Wake wake = Wake::woken;               // why it woke

  // The executor's own. Nobody else touches these.
  CycleAccount account = CycleAccount::syscall;  // what Cpu books to while this strand runs
  uint64_t timer = 0;                            // of a sleep with a time limit; 0: none
  Cycles slice_left{};                           // of the current time slice
  Cycles cpu_time{};                             // spent running, user and kernel, up to the last switch
  bool daemon = false;                           // not a process: its timers keep no run alive
  unsigned hart = 0;                             // that it runs, waits or last ran on
  Cycles runnable_from{};                        // of one that waits: it runs nowhere before
  uint64_t harts = ~uint64_t{0};                 // that it may run on, a bit each
};

// Who runs strands: the scheduler, or a plain loop in a test.
class Executor {
 public:
  virtual ~Executor() = default;
  // The strand whose code runs now; never null inside a coroutine.
  virtual Strand& current() = 0;
  // Puts a strand that slept into the run queue.
  virtual void make_runnable(Strand& strand) = 0;
  // Arranges for a sleeping strand to be woken with Wake::timeout at `when`,
  // unless it wakes before; cancelled by the wake.
  virtual void set_timeout(Strand& strand, Cycles when) = 0;
  // There is something new for a strand that does not sleep: if it runs user code
  // on another hart it stops soon.
  virtual void nudge(Strand& /*strand*/) {}
};

class WaitQueue {
 public:
  explicit WaitQueue(Executor& executor) : executor_(executor) {}
  WaitQueue(const WaitQueue&) = delete;
  WaitQueue& operator=(const WaitQueue&) = delete;

  class Sleep {
   public:
    Sleep(WaitQueue& queue, bool interruptible, Cycles until)
        : queue_(queue), interruptible_(interruptible), until_(until) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> frame);
    Wake await_resume() const noexcept { return strand_->wake; }

   private:
    WaitQueue& queue_;
    bool interruptible_;
    Cycles until_;
    Strand* strand_ = nullptr;
  };

  // co_await queue.sleep(): to the next wake_one or wake_all; signals do not end it.
  Sleep sleep() { return {*this, false, kNever}; }
  // The same, but a signal (interrupt()) or the moment `until` ends it too.
  Sleep sleep_interruptibly(Cycles until = kNever) { return {*this, true, until}; }

  void wake_one();
  void wake_all();
  Executor& executor() { return executor_; }
  bool empty() const { return sleepers_.empty(); }
  size_t size() const { return sleepers_.size(); }

  // Ends the sleep of one strand that sleeps here (signal or timeout).
  void end_sleep(Strand& strand, Wake why);

  static constexpr Cycles kNever{~uint64_t{0}};

 private:
  Executor& executor_;
  std::vector<Strand*> sleepers_;
};

}  // namespace faultline::os
