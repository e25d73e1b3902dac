// faultline trace.
#pragma once

#include "cli/run_command.h"
#include "cli/trace/trace_simulation.h"

namespace faultline::cli {

// Answers the status to exit with; `begin`: when the process started.
int trace_command(const TraceOptions& options, HostClock::time_point begin);

}  // namespace faultline::cli
