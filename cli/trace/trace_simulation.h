// What faultline trace does: references out of a file in a program's place.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/config/loader.h"
#include "cli/report/statistics.h"
#include "cli/trace/trace_reader.h"

namespace faultline::cli {

struct TraceOptions {
  LoadedConfiguration machine;
  std::vector<std::string> settings;      // that it was loaded with, for a recording's machine
  std::optional<std::string> stats_file;  // can be written
  bool quiet = false;
  std::optional<TraceFormat> format;  // else by name and first bytes
  std::string file;                   // "-": standard input
};

// Throws TraceError where the trace is at fault, std::invalid_argument for a
// machine that cannot be built.
RunStatistics simulate_trace(const TraceOptions& options);

}  // namespace faultline::cli
