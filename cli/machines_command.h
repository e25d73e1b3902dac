// `faultline machines`: what is printed.
#pragma once

#include <string>

#include "cli/options.h"

namespace faultline::cli {

// UserError for a machine that does not exist.
std::string machines_text(const MachinesOptions& options);

}  // namespace faultline::cli
