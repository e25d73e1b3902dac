// OPT (Belady, A study of replacement algorithms for a virtual-storage computer,
// 1966): the page whose next use is farthest goes; of several that are never used
// again the one that came first. Nobody can do with fewer faults, and nobody can
// know the future: off-line only.
#pragma once

#include <compare>
#include <set>
#include <vector>

#include "os/reclaim/replacement_policy.h"

namespace faultline::os {

class FarthestUse final : public ReplacementPolicy {
 public:
  FarthestUse(uint64_t frames, const Future& future) : future_(future), pages_(frames) {}
  std::string_view name() const override { return "opt"; }
  void loaded(Pfn frame) override;
  void removed(Pfn frame) override;
  void touched(Pfn frame) override;
  void step(PageView& pages) override;

 private:
  struct Rank {
    uint64_t next_use = 0;
    uint64_t before = 0;  // falls with arrival; 0: no page
    uint64_t frame = 0;
    auto operator<=>(const Rank&) const = default;
  };

  const Future& future_;
  uint64_t arrivals_ = 0;
  std::vector<Rank> pages_;  // by frame
  std::set<Rank> order_;     // the next to go last
};

}  // namespace faultline::os
