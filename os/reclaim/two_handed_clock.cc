#include "os/reclaim/two_handed_clock.h"

#include <algorithm>

namespace faultline::os {

TwoHandedClock::TwoHandedClock(uint64_t frames, uint64_t spread)
    : frames_(frames), front_(0), lead_(std::min(std::max<uint64_t>(spread, 1), frames)) {}

void TwoHandedClock::step(PageView& pages) {
  // The front hand sets out first: a bit that was never cleared says nothing
  // about the time between the hands.
  const Pfn front(front_);
  if (pages.look(front, Hand::front)) pages.clear_referenced(front);
  front_ = (front_ + 1) % frames_;
  if (lead_ > 0) {
    --lead_;
    return;
  }
  const Pfn back(back_);
  if (pages.look(back, Hand::back) && !pages.referenced(back)) pages.take(back);
  back_ = (back_ + 1) % frames_;
}

}  // namespace faultline::os
