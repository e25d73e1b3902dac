// FIFO and LRU: the pages in order of arrival, or of last use. Told of every use
// (off-line), LRU is exact. On the machine there is only a bit: one that is set
// when the page is looked at counts as a use at that moment, so that LRU there is
// a second chance in the order of arrival and of looks.
#pragma once

#include <list>
#include <vector>

#include "os/reclaim/replacement_policy.h"

namespace faultline::os {

class RecencyOrder final : public ReplacementPolicy {
 public:
  enum class Order : uint8_t { arrival, last_use };

  RecencyOrder(Order order, uint64_t frames, bool told_of_uses)
      : order_(order), asks_bits_(order == Order::last_use && !told_of_uses), place_(frames, pages_.end()) {}
  std::string_view name() const override { return order_ == Order::arrival ? "fifo" : "lru"; }
  void loaded(Pfn frame) override;
  void removed(Pfn frame) override;
  void touched(Pfn frame) override;
  void step(PageView& pages) override;

 private:
  void to_the_end(Pfn frame);

  Order order_;
  bool asks_bits_;
  std::list<uint64_t> pages_;                         // the next to go first
  std::vector<std::list<uint64_t>::iterator> place_;  // by frame; end(): not there
};

}  // namespace faultline::os
