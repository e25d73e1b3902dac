// The time series of a run: a row of CSV every observe.interval cycles.
#pragma once

#include <fstream>
#include <functional>
#include <optional>
#include <string>

#include "cli/report/statistics.h"
#include "hw/machine/machine.h"
#include "hw/mmu/working_set_observer.h"

namespace faultline::cli {

// Counts are those of the interval; reaches are at its end. Rows come only
// while user code runs: what the OS takes beyond an interval makes it longer.
class Series {
 public:
  // `path` can be written. `count`: all counters of this moment. `running`: from the start on.
  Series(const std::string& path, hw::Machine& machine, std::function<RunStatistics()> count, bool running);

  hw::WorkingSetObserver& working_set() { return working_set_; }
  // Where only parts of the run are in the series: rows begin here, or end here with one for the rest.
  void set_running(bool running);
  // One row, for what happened since the last; does nothing where that is no time at all.
  void sample();
  // The last row. Empty, or why the file could not be written.
  std::string finish();

 private:
  void write(const RunStatistics& interval, uint64_t end);

  std::string path_;
  std::ofstream file_;
  hw::Machine& machine_;
  std::function<RunStatistics()> count_;
  hw::WorkingSetObserver working_set_;
  RunStatistics before_;
  bool running_;
};

}  // namespace faultline::cli
