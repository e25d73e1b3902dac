// Regions of interest, as the guest marks them: what is counted in them, taken
// as differences of all counters between marks. Marks are the guest's and may
// come in any order and number.
#pragma once

#include <functional>
#include <optional>

#include "cli/report/statistics.h"
#include "hw/base/clock.h"
#include "hw/hart/region_mark.h"

namespace faultline::cli {

class Regions {
 public:
  struct Parts {
    // All counters of this moment; called on the hart's thread.
    std::function<RunStatistics()> count;
    // Told when counting begins anew (what was seen before is to be
    // forgotten), stops, and goes on.
    std::function<void()> begin_anew;
    std::function<void(bool)> set_counting;
  };
  explicit Regions(Parts parts) : parts_(std::move(parts)) {}

  void mark(hw::RegionMark mark);

  // There was a mark, of whatever kind.
  bool any() const { return record_.count + record_.ignored != 0; }

  // The run has ended: where there was a region, the counters of `whole`
  // become those of the regions.
  void finish(RunStatistics& whole, const hw::Clock& clock);

 private:
  void begin();
  void end(const RunStatistics& now);

  Parts parts_;
  RegionStatistics record_;
  bool open_ = false;
  RunStatistics begun_;  // counters where the open region began
  RunStatistics sum_;    // of the regions that ended
};

}  // namespace faultline::cli
