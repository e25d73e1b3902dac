#include "os/process/timer_pace.h"

#include <algorithm>

#include "os/process/timekeeping.h"

namespace faultline::os {

TimerPace::TimerPace(const Timekeeping& clock)
    : price_(clock.cycles(kPrice)), burst_(clock.cycles(kPrice * kBurst)), longest_handler_(clock.cycles(kHandler)) {}

Cycles TimerPace::in_handler(Cycles now) const {
  return handling_ ? std::min(now - entered_, longest_handler_) : Cycles(0);
}

void TimerPace::signal_taken(Cycles now) {
  paid_until_ = std::max(paid_until_, progress(now)) + price_;
  handler_returned(now);  // of one inside another only the inner counts
  handling_ = true;
  entered_ = now;
}

void TimerPace::handler_returned(Cycles now) {
  handlers_ += in_handler(now);
  handling_ = false;
}

Cycles TimerPace::remaining(Cycles now) const {
  const Cycles enough = progress(now) + burst_;
  if (enough >= paid_until_) return Cycles(0);
  const Cycles of_handler = handling_ ? longest_handler_ - in_handler(now) : Cycles(0);
  return paid_until_ - enough + of_handler;
}

uint64_t TimerPace::release(Cycles now) { return held_.empty() || holds(now) ? 0 : held_.run_due(Cycles(0)); }

void TimerPace::release_all() {
  paid_until_ = Cycles(0);
  held_.run_due(Cycles(0));
}

}  // namespace faultline::os
