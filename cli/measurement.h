// Which part of a run is measured (the `run` settings), and what was counted there.
//
//   |---- fast_forward ----|-- warm_up --|-------- measured --------|
//   ^ functional           ^ the machine as configured
//                                        ^ the counts begin
//
// With run.detail = "regions" all is functional but the regions of interest,
// which are measured by Regions.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "cli/config/configuration.h"
#include "cli/report/statistics.h"
#include "hw/machine/machine.h"

namespace faultline::cli {

class Measurement {
 public:
  struct Parts {
    hw::Machine& machine;  // with a functional side where `config` needs one
    // All counters of this moment, since the start; called on a hart's thread.
    std::function<RunStatistics()> count;
    // Told when the counts begin later than the run.
    std::function<void()> begun;
  };
  // Before simulation starts.
  Measurement(const RunConfig& config, Parts parts);

  // Where the machine is as configured, and where it is not.
  void set_functional(bool functional);

  // What happens is counted.
  bool begun() const { return begun_; }
  // The counters of this moment, since the counts began.
  RunStatistics counted();

  // The run has ended; `whole` is all that it counted: leaves the part that was measured, before Regions::finish().
  void leave_part(RunStatistics& whole);
  // After that: empty, or why nothing was measured.
  std::string finish(RunStatistics& statistics);

 private:
  uint64_t instructions();
  void end_fast_forward();
  void begin();
  void subtract_start(RunStatistics& counts);

  const RunConfig config_;
  Parts parts_;
  bool begun_ = false;
  std::optional<RunStatistics> start_;  // counters where the counts began; none: where the run did
  PartStatistics record_;
  uint64_t functional_since_ = 0;  // instructions
};

}  // namespace faultline::cli
