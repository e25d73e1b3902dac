#include <fmt/format.h>

#include <algorithm>

#include "cli/config/user_error.h"
#include "cli/sweep/metrics.h"
#include "cli/sweep/points.h"
#include "cli/sweep/study_parts.h"

namespace faultline::cli {
namespace {

std::string field_names(const Json& record) {
  std::string names;
  for (const auto& [name, value] : record.items()) names += (names.empty() ? "" : ", ") + name;
  return names;
}

// Charts name axes and metrics; a chart of rows the fields of a record.
class ChartChecker {
 public:
  ChartChecker(const Study& study, const Chart& chart)
      : study_(study), chart_(chart), record_(chart.rows.empty() ? nullptr : record_example(chart.rows)) {}

  void check() const {
    if (!chart_.rows.empty() && !record_) refuse("rows", chart_.rows, "a list of records in the statistics");
    check_groups();
    check_stack();
    const auto place = [this](const std::string& name) { return is_place(name); };
    const auto value = [this](const std::string& name) { return is_value(name); };
    const bool heat_map = chart_.kind == ChartKind::heat_map;
    require("x", {chart_.x}, place, "an axis or a metric");
    if (heat_map) {
      require("y", chart_.y, place, "an axis or a metric");
      require("value", {chart_.value}, value, "a metric");
    } else {
      require("y", chart_.y, value, "a metric");
    }
  }

 private:
  [[noreturn]] void refuse(std::string_view key, const std::string& name, std::string_view expected) const {
    throw UserError(fmt::format("{}: chart.{}: {} is not {}", chart_.where, key, clipped(name), expected));
  }

  template <class Is>
  void require(std::string_view key, const std::vector<std::string>& names, Is is, std::string_view expected) const {
    for (const std::string& name : names) {
      if (is(name)) continue;
      if (record_)
        refuse(key, name,
               fmt::format("a field of {} ({}), or a metric of its records", chart_.rows, field_names(*record_)));
      refuse(key, name, expected);
    }
  }

  bool is_field(const std::string& name) const {
    const Metric* metric = study_.find_row_metric(name);
    return record_ && (record_->contains(name) || (metric && metric->rows == chart_.rows));
  }
  bool is_axis(const std::string& name) const { return study_.find_axis(name) != nullptr; }
  bool is_value(const std::string& name) const {
    return record_ ? is_field(name) : study_.find_metric(name) != nullptr;
  }
  bool is_place(const std::string& name) const { return is_value(name) || (!record_ && is_axis(name)); }

  void check_groups() const {
    const auto group = [this](const std::string& name) { return is_axis(name) || is_field(name); };
    const std::string_view expected = record_ ? "an axis or a field" : "an axis";
    for (const std::string& name : chart_.series) {
      if (!group(name)) refuse("series", name, expected);
    }
    for (const std::string& name : chart_.facets) {
      if (!group(name)) refuse("facets", name, expected);
    }
    if (!chart_.only) return;
    for (const std::string& name : chart_.only->names()) {
      if (!is_parameter(study_, name) && !is_field(name)) refuse("only", name, "an axis or a setting");
    }
  }

  void check_stack() const {
    for (const std::string& name : chart_.parts) {
      if (!study_.find_metric(name)) refuse("parts", name, "a metric");
    }
    if (chart_.stack.empty()) return;
    const Json* object = statistic_example(chart_.stack);
    if (!object) refuse("of", chart_.stack, "a statistic");
    const bool numbers = object->is_object() && std::all_of(object->begin(), object->end(),
                                                            [](const Json& value) { return value.is_number(); });
    if (!numbers) refuse("of", chart_.stack, "an object of numbers");
  }

  const Study& study_;
  const Chart& chart_;
  const Json* record_;
};

}  // namespace

const Json* record_example(std::string_view path) {
  const Json* list = statistic_example(path);
  const bool records = list && list->is_array() && !list->empty() && list->front().is_object();
  return records ? &list->front() : nullptr;
}

void check_chart(const Study& study, const Chart& chart) { ChartChecker(study, chart).check(); }

}  // namespace faultline::cli
