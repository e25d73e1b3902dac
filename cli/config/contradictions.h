// Checks across settings: each alone is fine, together they make no machine.
#pragma once

#include "cli/config/loader.h"

namespace faultline::cli {

// UserError for the first contradiction, named by the setting of those
// involved that was given last.
void check_contradictions(const Configuration& configuration, const Origins& origins);

}  // namespace faultline::cli
