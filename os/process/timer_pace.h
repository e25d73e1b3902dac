// How fast a process's timers may go off: each signal of one that it takes is to
// be paid for with some time of its own in user mode, outside the handlers, so
// that a program gets on however short its timers are, however many, and however
// slow the hart. Some may come in a burst; then an expiry is held back until the
// time is paid, or until the process sleeps.
#pragma once

#include <cstdint>
#include <functional>

#include "hw/base/types.h"
#include "os/process/timer_queue.h"

namespace faultline::os {

class Timekeeping;

class TimerPace {
 public:
  // What a signal costs, in nanoseconds. Linux's clock event devices go off no
  // faster than every microsecond (kernel/time/clockevents.c), on processors that
  // take a signal in less; here it must outweigh the modelled work.
  static constexpr uint64_t kPrice = 10'000;
  static constexpr uint64_t kBurst = 100;  // signals
  // A handler is over after so long: it may leave by longjmp.
  static constexpr uint64_t kHandler = 4'000'000;  // nanoseconds

  TimerPace() = default;  // holds nothing
  explicit TimerPace(const Timekeeping& clock);

  // All times are of the process in user mode.
  // A timer's signal was taken: its handler, if there is one, begins.
  void signal_taken(Cycles now);
  void handler_returned(Cycles now);

  bool holds(Cycles now) const { return remaining(now) > Cycles(0); }
  // Time in user mode until it holds nothing any more, if no handler returns before.
  Cycles remaining(Cycles now) const;
  // `expiry` happens when the time has come. Cancelled through held().
  TimerQueue::Id hold(std::function<void()> expiry) { return held_.add(Cycles(0), std::move(expiry)); }
  // The expiries happen if their time has come; how many there were.
  uint64_t release(Cycles now);
  // The process sleeps: it needs no more time, and all happen.
  void release_all();

  TimerQueue& held() { return held_; }
  const TimerQueue& held() const { return held_; }

 private:
  // Time outside the handlers.
  Cycles progress(Cycles now) const { return now - handlers_ - in_handler(now); }
  Cycles in_handler(Cycles now) const;

  Cycles price_{};
  Cycles burst_{};
  Cycles longest_handler_{};
  TimerQueue held_;
  Cycles paid_until_{};  // progress at which all signals are paid for
  Cycles handlers_{};    // time in handlers that have returned
  Cycles entered_{};
  bool handling_ = false;
};

}  // namespace faultline::os
