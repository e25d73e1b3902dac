// Metrics: what a study wants to know of a point, worked out from its statistics.
#pragma once

#include <string_view>
#include <vector>

#include "cli/sweep/points.h"

namespace faultline::cli {

// The part of the statistics at a dotted path; null when there is none.
Json statistic(const Json& statistics, std::string_view path);

// What a run could have at this path, as a value of the same kind
// (statistics_example.h); null where no run has it.
const Json* statistic_example(std::string_view path);

// A parameter of the point, else a statistic.
Json named_value(const Study& study, const Point& point, const Json& statistics, std::string_view name);

// In the order of the study's metrics; null where a point has no such value.
std::vector<Json> metric_values(const Study& study, const Point& point, const Json& statistics);

}  // namespace faultline::cli
