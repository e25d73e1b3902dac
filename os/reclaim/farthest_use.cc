#include "os/reclaim/farthest_use.h"

namespace faultline::os {

void FarthestUse::loaded(Pfn frame) {
  removed(frame);
  Rank& page = pages_[frame.value];
  page = {.next_use = future_.next_use(frame), .before = ~arrivals_++, .frame = frame.value};
  order_.insert(page);
}

void FarthestUse::removed(Pfn frame) {
  Rank& page = pages_[frame.value];
  order_.erase(page);
  page.before = 0;
}

void FarthestUse::touched(Pfn frame) {
  Rank& page = pages_[frame.value];
  if (order_.erase(page) == 0) return;
  page.next_use = future_.next_use(frame);
  order_.insert(page);
}

void FarthestUse::step(PageView& pages) {
  if (order_.empty()) return;
  const Pfn frame(order_.rbegin()->frame);
  if (pages.look(frame, Hand::back)) pages.take(frame);
}

}  // namespace faultline::os
