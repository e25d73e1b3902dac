// Metrics: what a study wants to know of a point, worked out from its statistics.
#pragma once

#include <string_view>
#include <vector>

#include "cli/sweep/points.h"

namespace faultline::cli {

// The part of the statistics at a dotted path; null when there is none.
Json statistic(const Json& statistics, std::string_view path);

// Whether a run could have this path: it stands in the statistics of an empty
// run, or below an object or list that is empty there (`syscalls.read`).
bool is_statistic(std::string_view path);

// A parameter of the point, else a statistic.
Json named_value(const Study& study, const Point& point, const Json& statistics, std::string_view name);

// In the order of the study's metrics; null where a point has no such value.
std::vector<Json> metric_values(const Study& study, const Point& point, const Json& statistics);

}  // namespace faultline::cli
