// The two-handed clock of 4.3BSD and SVR4 (illumos, vm_pageout.c): the front
// hand clears reference bits, the back hand follows a fixed distance behind
// and takes the pages that were not referenced in between.
#pragma once

#include "os/reclaim/replacement_policy.h"

namespace faultline::os {

class TwoHandedClock final : public ReplacementPolicy {
 public:
  TwoHandedClock(uint64_t frames, uint64_t spread);
  std::string_view name() const override { return "two-handed"; }
  void step(PageView& pages) override;

 private:
  uint64_t frames_;
  uint64_t front_;
  uint64_t back_ = 0;
  uint64_t lead_;  // steps that the front hand still makes alone
};

}  // namespace faultline::os
