// The clock, or second chance: one hand; a page with its reference bit set
// loses the bit and stays, one without is taken.
#pragma once

#include "os/reclaim/replacement_policy.h"

namespace faultline::os {

class OneHandedClock final : public ReplacementPolicy {
 public:
  explicit OneHandedClock(uint64_t frames) : frames_(frames) {}
  std::string_view name() const override { return "one-handed"; }
  void step(PageView& pages) override {
    const Pfn frame(hand_);
    hand_ = (hand_ + 1) % frames_;
    if (!pages.look(frame, Hand::back)) return;
    if (pages.referenced(frame)) {
      pages.clear_referenced(frame);
    } else {
      pages.take(frame);
    }
  }

 private:
  uint64_t frames_;
  uint64_t hand_ = 0;
};

}  // namespace faultline::os
