// Random replacement: any page, each as likely as every other. A page that may
// not go now is not drawn again before all others have been, or until a page has
// left, so that what can be taken is found in one round.
#pragma once

#include <vector>

#include "os/reclaim/replacement_policy.h"

namespace faultline::os {

class RandomChoice final : public ReplacementPolicy {
 public:
  RandomChoice(uint64_t frames, uint64_t seed) : state_(seed), place_(frames, kNone) {}
  std::string_view name() const override { return "random"; }
  void loaded(Pfn frame) override;
  void removed(Pfn frame) override;
  void step(PageView& pages) override;

 private:
  static constexpr size_t kNone = ~size_t{0};

  size_t below(size_t count);
  void exchange(size_t a, size_t b);

  uint64_t state_;
  std::vector<uint64_t> pages_;  // frames; those before drawable_ have not been drawn in this round
  size_t drawable_ = 0;
  std::vector<size_t> place_;  // in pages_, by frame
};

}  // namespace faultline::os
