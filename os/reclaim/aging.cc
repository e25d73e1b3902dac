#include "os/reclaim/aging.h"

#include <algorithm>

namespace faultline::os {

Aging::Aging(Rule rule, uint64_t frames, unsigned bits)
    : rule_(rule), bits_(std::clamp(bits, 1u, 64u)), pages_(frames) {}

uint64_t Aging::sampled(uint64_t counter, bool referenced) const {
  const uint64_t bit = referenced ? 1 : 0;
  if (rule_ == Rule::shift) return counter >> 1 | bit << (bits_ - 1);
  const uint64_t greatest = ~uint64_t{0} >> (64 - bits_);
  return counter == greatest ? greatest : counter + bit;
}

void Aging::loaded(Pfn frame) {
  removed(frame);
  Rank& page = pages_[frame.value];
  page = {.counter = sampled(0, true), .arrival = ++arrivals_, .frame = frame.value};
  order_.insert(page);
}

void Aging::removed(Pfn frame) {
  Rank& page = pages_[frame.value];
  order_.erase(page);
  page.arrival = 0;
}

void Aging::bring_back_refused() {
  for (const Pfn frame : refused_) {
    const Rank& page = pages_[frame.value];
    if (page.arrival != 0) order_.insert(page);
  }
  refused_.clear();
}

void Aging::tick(PageView& pages) {
  order_.clear();
  refused_.clear();
  for (Rank& page : pages_) {
    if (page.arrival == 0) continue;
    const Pfn frame(page.frame);
    if (pages.look(frame, Hand::front)) {
      const bool referenced = pages.referenced(frame);
      if (referenced) pages.clear_referenced(frame);
      page.counter = sampled(page.counter, referenced);
    }
    order_.insert(page);
  }
}

void Aging::step(PageView& pages) {
  if (order_.empty()) bring_back_refused();
  if (order_.empty()) return;
  const Pfn frame(order_.begin()->frame);
  order_.erase(order_.begin());
  refused_.push_back(frame);
  if (pages.look(frame, Hand::back)) pages.take(frame);
}

}  // namespace faultline::os
