// NFU and aging (Tanenbaum, Modern Operating Systems, 3.4.7): a counter for each
// page, sampled at every tick. NFU adds the reference bit, up to the counter's
// greatest value. Aging shifts the counter right and puts the bit in from the
// left. The page with the lowest counter goes; of several the one that came first.
//
// A page comes with the counter that a tick would have given it: its first use
// brought it.
#pragma once

#include <compare>
#include <set>
#include <vector>

#include "os/reclaim/replacement_policy.h"

namespace faultline::os {

class Aging final : public ReplacementPolicy {
 public:
  enum class Rule : uint8_t { count, shift };

  Aging(Rule rule, uint64_t frames, unsigned bits);
  std::string_view name() const override { return rule_ == Rule::count ? "nfu" : "aging"; }
  void loaded(Pfn frame) override;
  void removed(Pfn frame) override;
  void tick(PageView& pages) override;
  void step(PageView& pages) override;

  // For whoever shows it; the page must be there.
  uint64_t counter(Pfn frame) const { return pages_[frame.value].counter; }

 private:
  struct Rank {
    uint64_t counter = 0;
    uint64_t arrival = 0;  // 0: no page
    uint64_t frame = 0;
    auto operator<=>(const Rank&) const = default;
  };

  uint64_t sampled(uint64_t counter, bool referenced) const;
  void bring_back_refused();

  Rule rule_;
  unsigned bits_;
  uint64_t arrivals_ = 0;
  std::vector<Rank> pages_;   // by frame
  std::set<Rank> order_;      // the next to go first
  std::vector<Pfn> refused_;  // could not go when they were looked at
};

}  // namespace faultline::os
