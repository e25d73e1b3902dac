// `faultline run`: simulate, write the statistics, print the report, and turn
// the outcome into an exit status.
#pragma once

#include <chrono>

#include "cli/options.h"
#include "cli/report/statistics.h"
#include "cli/simulation.h"

namespace faultline::cli {

inline constexpr int kUserErrorStatus = 2;

// The status of `faultline run` for a run that began and broke no invariant.
int exit_status(const ExitRecord& exit);

// Writes the statistics where they are asked for, and prints the report unless
// `quiet`. False where a file could not be written or an invariant is broken:
// then that has been said. `host_seconds`: since the start of the process.
bool report_statistics(RunStatistics& statistics, const std::optional<std::string>& stats_file, bool quiet,
                       double host_seconds);

// Writes and prints all of a finished run; answers the status to exit with.
// `host_seconds`: since the start of the process.
int report_run(const RunOptions& options, SimulationResult result, double host_seconds);

using HostClock = std::chrono::steady_clock;

// `begin`: when the process started.
int run_command(const RunOptions& options, HostClock::time_point begin);

}  // namespace faultline::cli
