#include "cli/regions.h"

#include "cli/report/counters.h"

namespace faultline::cli {
void Regions::mark(hw::RegionMark mark) {
  switch (mark) {
    case hw::RegionMark::begin:
      if (open_) break;
      begin();
      return;
    case hw::RegionMark::end:
      if (!open_) break;
      end(parts_.count());
      return;
    case hw::RegionMark::warmup_end:
      record_.count = 0;
      sum_ = {};
      begin();
      return;
  }
  ++record_.ignored;
}

void Regions::begin() {
  if (record_.count == 0) parts_.begin_anew();
  parts_.set_counting(true);
  ++record_.count;
  open_ = true;
  begun_ = parts_.count();
}

void Regions::end(const RunStatistics& now) {
  add_counters(sum_, now);
  subtract_counters(sum_, begun_);
  parts_.set_counting(false);
  open_ = false;
}

void Regions::finish(RunStatistics& whole, const hw::Clock& clock) {
  if (!any()) return;
  record_.open = open_;
  record_.whole = {whole.instructions, whole.cycles, whole.seconds};
  whole.regions = record_;
  if (record_.count == 0) return;
  if (open_) end(whole);
  copy_counters(whole, sum_);
  settle_difference(whole);
  whole.seconds = clock.seconds(Cycles(whole.cycles));
}

}  // namespace faultline::cli
