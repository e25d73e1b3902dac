#include "os/reclaim/recency_order.h"

namespace faultline::os {

void RecencyOrder::loaded(Pfn frame) {
  removed(frame);
  place_[frame.value] = pages_.insert(pages_.end(), frame.value);
}

void RecencyOrder::removed(Pfn frame) {
  std::list<uint64_t>::iterator& place = place_[frame.value];
  if (place == pages_.end()) return;
  pages_.erase(place);
  place = pages_.end();
}

void RecencyOrder::touched(Pfn frame) {
  if (order_ == Order::last_use) to_the_end(frame);
}

void RecencyOrder::to_the_end(Pfn frame) {
  if (place_[frame.value] != pages_.end()) pages_.splice(pages_.end(), pages_, place_[frame.value]);
}

void RecencyOrder::step(PageView& pages) {
  if (pages_.empty()) return;
  const Pfn frame(pages_.front());
  // One that may not go now waits for another round.
  to_the_end(frame);
  if (!pages.look(frame, Hand::back)) return;
  if (asks_bits_ && pages.referenced(frame)) {
    pages.clear_referenced(frame);
    return;
  }
  pages.take(frame);
}

}  // namespace faultline::os
