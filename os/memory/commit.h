// What the kernel has promised: pages that processes may yet write, against
// memory and swap (Linux, Documentation/mm/overcommit-accounting).
#pragma once

#include <algorithm>
#include <cstdint>

#include "os/config.h"
#include "os/memory/statistics.h"

namespace faultline::os {

class Commit {
 public:
  // All in pages.
  Commit(const VmConfig& config, uint64_t memory, uint64_t swap)
      : mode_(config.overcommit), everything_(memory + swap) {
    statistics_.limit = memory * config.overcommit_ratio / 100 + swap;
  }

  // True when an area that may do without a reservation does: mode 2 ignores
  // MAP_NORESERVE.
  bool honours_no_reserve() const { return mode_ != Overcommit::never; }

  // False: ENOMEM.
  bool charge(uint64_t pages) {
    const bool refused = (mode_ == Overcommit::heuristic && pages > everything_) ||
                         (mode_ == Overcommit::never &&
                          (pages > statistics_.limit || statistics_.committed > statistics_.limit - pages));
    if (refused) {
      ++statistics_.refused;
      return false;
    }
    statistics_.committed += pages;
    statistics_.peak = std::max(statistics_.peak, statistics_.committed);
    return true;
  }
  void uncharge(uint64_t pages) { statistics_.committed -= pages; }

  const CommitStatistics& statistics() const { return statistics_; }

 private:
  Overcommit mode_;
  uint64_t everything_;
  CommitStatistics statistics_;
};

}  // namespace faultline::os
