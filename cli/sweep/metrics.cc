#include "cli/sweep/metrics.h"

#include "cli/report/statistics_json.h"

namespace faultline::cli {
namespace {

// Follows the path as far as it goes. `rest` keeps what could not be followed.
const Json* follow(const Json& from, std::string_view path, std::string_view& rest) {
  const Json* at = &from;
  for (rest = path; !rest.empty();) {
    const std::string_view name = rest.substr(0, rest.find('.'));
    if (!at->is_object()) return at;
    const auto found = at->find(std::string(name));
    if (found == at->end()) return at;
    at = &*found;
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
  }
  return at;
}

}  // namespace

Json statistic(const Json& statistics, std::string_view path) {
  std::string_view rest;
  const Json* at = follow(statistics, path, rest);
  return rest.empty() ? *at : Json(nullptr);
}

bool is_statistic(std::string_view path) {
  static const Json kEmptyRun = statistics_json(RunStatistics{});
  std::string_view rest;
  const Json* at = follow(kEmptyRun, path, rest);
  return rest.empty() || (at->is_structured() && at->empty());
}

Json named_value(const Study& study, const Point& point, const Json& statistics, std::string_view name) {
  if (is_parameter(study, name)) return parameter(study, point, name);
  return statistic(statistics, name);
}

std::vector<Json> metric_values(const Study& study, const Point& point, const Json& statistics) {
  std::vector<Json> values;
  for (const Metric& metric : study.metrics) {
    values.push_back(
        metric.value.evaluate([&](std::string_view name) { return named_value(study, point, statistics, name); }));
  }
  return values;
}

}  // namespace faultline::cli
