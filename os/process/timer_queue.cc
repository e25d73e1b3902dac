#include "os/process/timer_queue.h"

namespace faultline::os {

TimerQueue::Id TimerQueue::add(Cycles when, std::function<void()> action, bool daemon) {
  const Id id = ++last_;
  timers_.emplace(std::pair(when, id), Timer{std::move(action), daemon});
  times_.emplace(id, when);
  if (!daemon) ++guest_timers_;
  return id;
}

void TimerQueue::cancel(Id id) {
  const auto time = times_.find(id);
  if (time == times_.end()) return;
  const auto timer = timers_.find(std::pair(time->second, id));
  if (!timer->second.daemon) --guest_timers_;
  timers_.erase(timer);
  times_.erase(time);
}

uint64_t TimerQueue::run_due(Cycles now) {
  uint64_t ran = 0;
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    auto node = timers_.extract(timers_.begin());
    times_.erase(node.key().second);
    if (!node.mapped().daemon) --guest_timers_;
    node.mapped().action();
    ++ran;
  }
  return ran;
}

}  // namespace faultline::os
