// FIFO and LRU: the pages in order of arrival, or of last use. LRU sees single
// references off-line only; on the machine a set reference bit counts as a use
// at the time of the look.
#pragma once

#include <list>
#include <vector>

#include "os/reclaim/replacement_policy.h"

namespace faultline::os {

class RecencyOrder final : public ReplacementPolicy {
 public:
  enum class Order : uint8_t { arrival, last_use };

  RecencyOrder(Order order, uint64_t frames) : order_(order), place_(frames, pages_.end()) {}
  std::string_view name() const override { return order_ == Order::arrival ? "fifo" : "lru"; }
  void loaded(Pfn frame) override;
  void removed(Pfn frame) override;
  void touched(Pfn frame) override;
  void step(PageView& pages) override;

 private:
  void to_the_end(Pfn frame);

  Order order_;
  std::list<uint64_t> pages_;                         // the next to go first
  std::vector<std::list<uint64_t>::iterator> place_;  // by frame; end(): not there
};

}  // namespace faultline::os
