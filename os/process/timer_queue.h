// What is to happen at which moment: time limits of sleeps, interval timers.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <unordered_map>
#include <utility>

#include "hw/base/types.h"

namespace faultline::os {

class TimerQueue {
 public:
  using Id = uint64_t;  // 0 is no timer

  // Calls `action` once, at the first look after `when`. Timers of daemons
  // do not count as a reason to wait (has_guest_timers).
  Id add(Cycles when, std::function<void()> action, bool daemon = false);
  // Harmless for a timer that went off or for 0.
  void cancel(Id id);

  // Runs the actions that are due, in order of time, then of addition. An
  // action may add timers. Returns how many ran.
  uint64_t run_due(Cycles now);

  bool empty() const { return timers_.empty(); }
  Cycles next() const { return empty() ? Cycles(~uint64_t{0}) : timers_.begin()->first.first; }
  bool has_guest_timers() const { return guest_timers_ != 0; }

 private:
  struct Timer {
    std::function<void()> action;
    bool daemon;
  };
  std::map<std::pair<Cycles, Id>, Timer> timers_;
  std::unordered_map<Id, Cycles> times_;  // only looked up in, never walked
  Id last_ = 0;
  uint64_t guest_timers_ = 0;
};

}  // namespace faultline::os
