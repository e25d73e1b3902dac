#include "cli/sweep/metrics.h"

#include "cli/report/statistics_example.h"

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

const Json* statistic_example(std::string_view path) {
  static const Json kNumber = 0;
  std::string_view rest;
  const Json* at = follow(statistics_example(), path, rest);
  if (rest.empty()) return at;
  // `syscalls`, whose names are the run's own.
  const bool open = at->is_object() && at->empty() && rest.find('.') == std::string_view::npos;
  return open ? &kNumber : nullptr;
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
