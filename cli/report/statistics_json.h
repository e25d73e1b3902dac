// RunStatistics as the JSON document of --stats, schema "faultline.stats/1".
// Names are a contract with other people's scripts: change only by adding.
#pragma once

#include <nlohmann/json.hpp>

#include "cli/report/statistics.h"

namespace faultline::cli {

// The object `host` is last; all before it is a function of the inputs.
nlohmann::ordered_json statistics_json(const RunStatistics& statistics);

}  // namespace faultline::cli
