// Sums that must hold in every run whatever the guest did. A broken one is
// faultline's own error, never the guest's.
#pragma once

#include <string>
#include <vector>

#include "cli/report/statistics.h"

namespace faultline::cli {

// One line for each broken invariant; empty when all hold.
std::vector<std::string> broken_invariants(const RunStatistics& statistics);

}  // namespace faultline::cli
