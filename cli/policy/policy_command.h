// `faultline policy`: replacement policies off-line, on a reference string or on
// what a run recorded.
#pragma once

#include <string>

#include "cli/policy/policy_options.h"

namespace faultline::cli {

// For standard output; the status to exit with: 0, or 1 where a replay does not do
// what the run did.
struct PolicyReport {
  std::string text;
  int status = 0;
};

// Writes the statistics too where they are asked for. UserError for what cannot
// be read, replayed or written.
PolicyReport policy_command(const PolicyOptions& options);

}  // namespace faultline::cli
