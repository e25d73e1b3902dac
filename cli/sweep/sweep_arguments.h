// The command line of faultline sweep.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "cli/sweep/sweep_command.h"

namespace faultline::cli {

// What stands behind `faultline sweep`: options, or the text of --help.
// UserError for every mistake.
std::variant<SweepOptions, std::string> parse_sweep_arguments(std::vector<std::string> arguments);

}  // namespace faultline::cli
