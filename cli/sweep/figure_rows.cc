// Charts over the records of a list in the statistics.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/sweep/figure.h"
#include "cli/sweep/metrics.h"

namespace faultline::cli {
namespace {

// What a list in the statistics may bring to a chart: hostile or not, a page
// with more marks is of use to nobody.
constexpr size_t kMostRows = 100'000;

struct Field {
  std::string_view name;
  std::string_view title;
  std::string_view unit;
};
// Names that say too little without the list they are in.
constexpr std::array<Field, 8> kFields = {{{"cycle", "time", "cycles"},
                                           {"page", "page size", "bytes"},
                                           {"l1i_misses", "misses of the instruction TLB", ""},
                                           {"l1d_misses", "misses of the data TLB", ""},
                                           {"l2_misses", "misses of the second level", ""},
                                           {"l1i_reach_bytes", "reach of the instruction TLB", "bytes"},
                                           {"l1d_reach_bytes", "reach of the data TLB", "bytes"},
                                           {"l2_reach_bytes", "reach of the second level", "bytes"}}};

// "working_set_bytes": "working set", in bytes.
Field field_facts(const std::string& name, std::string& title) {
  const auto known = std::ranges::find(kFields, name, &Field::name);
  if (known != kFields.end()) return *known;
  title = name;
  std::string_view unit;
  for (const std::string_view each : {"bytes", "cycles"}) {
    if (!title.ends_with(fmt::format("_{}", each))) continue;
    title.resize(title.size() - each.size() - 1);
    unit = each;
  }
  std::ranges::replace(title, '_', ' ');
  return {name, title, unit};
}

}  // namespace

bool FigureBuilder::is_measured(const std::string& name) const {
  return chart_.rows.empty() ? study_.find_metric(name) != nullptr : !name.empty();
}

FigureBuilder::Measure FigureBuilder::measured(const std::string& name) const {
  const Metric* metric = chart_.rows.empty() ? study_.find_metric(name) : study_.find_row_metric(name);
  if (metric) return {metric->title, metric->unit};
  std::string title;
  const Field field = field_facts(name, title);
  return {std::string(field.title), std::string(field.unit)};
}

// A field goes before a setting, an axis or a statistic of its name.
Json FigureBuilder::record_name(const Record& record, std::string_view name) const {
  const auto field = record.fields.find(std::string(name));
  if (field != record.fields.end()) return *field;
  return named_value(study_, record.point, record.statistics, name);
}

Json FigureBuilder::record_value(const Record& record, const std::string& name) const {
  if (const Metric* metric = study_.find_row_metric(name))
    return metric->value.evaluate([&](std::string_view each) { return record_name(record, each); });
  const auto field = record.fields.find(name);
  return field != record.fields.end() ? *field : Json(nullptr);
}

std::string FigureBuilder::record_labels(const Record& record, const std::vector<std::string>& names) const {
  std::string text;
  for (const std::string& name : names) {
    std::string label;
    if (study_.find_axis(name) && !record.fields.contains(name)) {
      label = labels_of(record.point, {name});
    } else if (const auto at = place_of(record_value(record, name), measured(name).unit)) {
      label = name == "page" ? fmt::format("pages of {}", at->label) : at->label;
      if (at->numeric && name != "page") label = fmt::format("{} {}", measured(name).title, label);
    }
    if (!label.empty()) text += (text.empty() ? "" : ", ") + label;
  }
  return text;
}

void FigureBuilder::add_rows(const Point& point, const Json& statistics) {
  const Json rows = statistic(statistics, chart_.rows);
  if (!rows.is_array()) return;
  for (size_t i = 0; i < std::min(rows.size(), kMostRows); ++i) {
    if (rows[i].is_object()) add_record({point, statistics, rows[i]});
  }
}

void FigureBuilder::add_record(const Record& record) {
  if (chart_.only && !chart_.only->holds([&](std::string_view name) { return record_name(record, name); })) return;
  Labelled& into = facet(record_labels(record, chart_.facets));
  const std::optional<Place> x = place_of(record_value(record, chart_.x), measured(chart_.x).unit);
  if (chart_.kind == ChartKind::heat_map) {
    const std::string& y = chart_.y.front();
    const std::optional<Place> row = place_of(record_value(record, y), measured(y).unit);
    if (row) put(into, *row, x, record_value(record, chart_.value));
    return;
  }
  const std::string group = record_labels(record, chart_.series);
  for (const std::string& name : chart_.y) {
    // With one figure the title of the axis says which.
    std::string label = chart_.y.size() > 1 ? measured(name).title : "";
    if (!group.empty()) label += (label.empty() ? "" : ", ") + group;
    put(into, series_place(label), x, record_value(record, name));
  }
}

}  // namespace faultline::cli
