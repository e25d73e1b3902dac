// One run: builds the machine and the kernel that the options describe, runs
// the program, and gathers what was counted.
#pragma once

#include <string>
#include <vector>

#include "cli/options.h"
#include "cli/report/statistics.h"

namespace faultline::cli {

struct SimulationResult {
  // False: the program never began; `errors` says why, and there is nothing to report.
  bool started = true;
  RunStatistics statistics;  // all but `host`
  // faultline's own errors, one line each: what ended the run before its time,
  // and invariants that the OS layer found broken.
  std::vector<std::string> errors;
};

// At most once in a process: SystemC elaborates once.
SimulationResult simulate(const RunOptions& options);

}  // namespace faultline::cli
