#include "cli/sweep/figure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "cli/config/user_error.h"
#include "cli/sweep/metrics.h"

namespace faultline::cli {
namespace {

// What a list in the statistics may bring to a chart: hostile or not, a page
// with more marks is of use to nobody.
constexpr size_t kMostRows = 100'000;

Place numeric_place(double number) { return {number, display_number(number, ""), true}; }

// A record's field as a place on an axis.
std::optional<Place> field_place(const Json& record, const std::string& name) {
  if (!record.is_object() || !record.contains(name)) return std::nullopt;
  const Json& value = record[name];
  if (value.is_number()) return numeric_place(value.get<double>());
  if (value.is_string()) return Place{0, value.get<std::string>(), false};
  return std::nullopt;
}

std::string grouped(uint64_t number) {
  std::string digits = std::to_string(number);
  for (size_t i = digits.size(); i > 3;) digits.insert(i -= 3, ",");
  return digits;
}

}  // namespace

void Cell::add(double value) {
  sum += value;
  low = std::min(low, value);
  high = std::max(high, value);
  ++runs;
}

std::string display_number(double value, const std::string& unit) {
  if (unit == "%") return fmt::format("{:.4g} %", value * 100);
  const bool whole = value == std::floor(value) && std::abs(value) < 1e15;
  if (whole && value >= 0) return grouped(static_cast<uint64_t>(value));
  if (whole) return "-" + grouped(static_cast<uint64_t>(-value));
  if (std::abs(value) >= 1000) return display_number(std::round(value), "");
  return fmt::format("{:.5g}", value);
}

std::string FigureBuilder::labels_of(const Point& point, const std::vector<std::string>& axes) const {
  std::string text;
  for (const std::string& name : axes) {
    const auto axis =
        std::find_if(study_.axes.begin(), study_.axes.end(), [&](const Axis& a) { return a.name == name; });
    const std::string& label = axis->choices[point.choices[static_cast<size_t>(axis - study_.axes.begin())]].label;
    // A number or a flag says nothing without its axis.
    const bool bare = !label_value(label).is_string();
    text += fmt::format("{}{}{}", text.empty() ? "" : ", ", bare ? axis->title + " " : "", label);
  }
  return text;
}

std::optional<Place> FigureBuilder::place(const std::string& name, const Point& point,
                                          const std::vector<Json>& metrics) const {
  for (size_t i = 0; i < study_.axes.size(); ++i) {
    if (study_.axes[i].name != name) continue;
    const std::string& label = study_.axes[i].choices[point.choices[i]].label;
    const Json value = label_value(label);
    if (value.is_number()) return Place{value.get<double>(), label, true};
    return Place{static_cast<double>(point.choices[i]), label, false};
  }
  for (size_t i = 0; i < metrics.size(); ++i) {
    if (study_.metrics[i].name != name) continue;
    if (metrics[i].is_number()) return numeric_place(metrics[i].get<double>());
    if (metrics[i].is_string()) return Place{0, metrics[i].get<std::string>(), false};
  }
  return std::nullopt;
}

Place FigureBuilder::series_place(const std::string& name) {
  const auto [found, fresh] = series_order_.emplace(name, static_cast<double>(series_order_.size()));
  return {found->second, name, false};
}

void FigureBuilder::put(Labelled& facet, const Place& series, const std::optional<Place>& x, const Json& value) {
  if (!x || !(value.is_number() || value.is_boolean())) return;
  FigureSeries& into = facet.series[series];
  into.name = series.label;
  into.cells[*x].add(value.is_boolean() ? (value.get<bool>() ? 1.0 : 0.0) : value.get<double>());
}

void FigureBuilder::add(const Point& point, const Json& statistics, const std::vector<Json>& metrics) {
  if (chart_.only && !chart_.only->holds([&](std::string_view name) { return parameter(study_, point, name); })) return;
  const std::string name = labels_of(point, chart_.facets);
  auto facet = std::find_if(facets_.begin(), facets_.end(), [&](const Labelled& each) { return each.name == name; });
  if (facet == facets_.end()) facet = facets_.insert(facets_.end(), Labelled{name, {}});
  if (!chart_.rows.empty()) return add_rows(*facet, point, statistics);
  if (chart_.kind == ChartKind::stack) return add_stack(*facet, point, statistics, metrics);
  add_point(*facet, point, metrics);
}

void FigureBuilder::add_point(Labelled& facet, const Point& point, const std::vector<Json>& metrics) {
  const std::optional<Place> x = place(chart_.x, point, metrics);
  const std::string group = labels_of(point, chart_.series);
  const auto value = [&](const std::string& name) {
    return metrics[static_cast<size_t>(study_.find_metric(name) - study_.metrics.data())];
  };
  if (chart_.kind == ChartKind::heat_map) {
    if (const auto row = place(chart_.y.front(), point, metrics)) put(facet, *row, x, value(chart_.value));
    return;
  }
  for (const std::string& name : chart_.y) {
    // With one metric the title of the axis says which.
    std::string label = chart_.y.size() > 1 ? study_.find_metric(name)->title : "";
    if (!group.empty()) label += (label.empty() ? "" : ", ") + group;
    put(facet, series_place(label), x, value(name));
  }
}

void FigureBuilder::add_rows(Labelled& facet, const Point& point, const Json& statistics) {
  const Json rows = statistic(statistics, chart_.rows);
  if (!rows.is_array()) return;
  const bool heat_map = chart_.kind == ChartKind::heat_map;
  const std::string& wanted = heat_map ? chart_.value : chart_.y.front();
  const std::string name = labels_of(point, chart_.series);
  for (size_t i = 0; i < std::min(rows.size(), kMostRows); ++i) {
    const Json& record = rows[i];
    if (!record.is_object() || !record.contains(wanted)) continue;
    const std::optional<Place> series = heat_map ? field_place(record, chart_.y.front()) : series_place(name);
    if (series) put(facet, *series, field_place(record, chart_.x), record[wanted]);
  }
}

void FigureBuilder::add_stack(Labelled& facet, const Point& point, const Json& statistics,
                              const std::vector<Json>& metrics) {
  std::optional<Place> x = place(chart_.x, point, metrics);
  if (!x) return;
  const std::string group = labels_of(point, chart_.series);
  if (!group.empty()) {
    // Bars of a group stand side by side, in the order of the points.
    x->order += series_place(group).order / 1e6;
    x->label += ", " + group;
    x->numeric = false;
  }
  double order = 0;
  const auto part = [&](const std::string& name, const Json& value) { put(facet, {++order, name, false}, x, value); };
  for (const std::string& name : chart_.parts) {
    for (size_t i = 0; i < metrics.size(); ++i) {
      if (study_.metrics[i].name == name) part(study_.metrics[i].title, metrics[i]);
    }
  }
  if (chart_.stack.empty()) return;
  const Json object = statistic(statistics, chart_.stack);
  if (!object.is_object()) return;
  for (const auto& [name, value] : object.items()) part(name, value);
}

std::string FigureBuilder::title_of(const std::string& name) const {
  if (const Axis* axis = study_.find_axis(name)) return axis->title;
  const Metric* metric = study_.find_metric(name);
  if (!metric) return name;
  return metric->unit.empty() ? metric->title : fmt::format("{} ({})", metric->title, metric->unit);
}

std::string FigureBuilder::value_axis_title() const {
  if (chart_.y.size() == 1) return title_of(chart_.y.front());
  // Several metrics: each series bears a title of its own.
  const Metric* metric = chart_.y.empty() ? nullptr : study_.find_metric(chart_.y.front());
  return metric ? metric->unit : "";
}

Figure FigureBuilder::figure(const Labelled& facet) const {
  Figure figure;
  figure.kind = chart_.kind;
  figure.title = facet.name.empty() ? chart_.title : fmt::format("{}: {}", chart_.title, facet.name);
  figure.reading = chart_.reading;
  figure.x_title = title_of(chart_.x);
  figure.y_title = value_axis_title();
  figure.log_x = chart_.log_x;
  figure.log_y = chart_.log_y;
  figure.share = chart_.share;
  const bool heat_map = chart_.kind == ChartKind::heat_map;
  if (heat_map) figure.value_title = title_of(chart_.value);
  if (const Metric* metric = study_.find_metric(heat_map || chart_.y.empty() ? chart_.value : chart_.y.front()))
    figure.unit = metric->unit;
  if (chart_.kind == ChartKind::stack) {
    figure.unit = chart_.stack_unit;
    figure.y_title = chart_.share ? "share of the whole (%)" : chart_.stack_unit;
  }
  std::set<Place> places;
  for (const auto& [order, series] : facet.series) {
    const bool all_zero =
        std::all_of(series.cells.begin(), series.cells.end(), [](const auto& c) { return c.second.high == 0; });
    if (chart_.kind == ChartKind::stack && all_zero) continue;
    for (const auto& [at, cell] : series.cells) places.insert(at);
    figure.series.push_back(series);
  }
  figure.x.assign(places.begin(), places.end());
  figure.numeric_x = std::all_of(figure.x.begin(), figure.x.end(), [](const Place& p) { return p.numeric; });
  return figure;
}

std::vector<Figure> FigureBuilder::figures() const {
  std::vector<Figure> all;
  for (const Labelled& facet : facets_) all.push_back(figure(facet));
  return all;
}

void check_charts_tell_points_apart(const Study& study, const std::vector<Point>& points) {
  for (const Chart& chart : study.charts) {
    std::set<std::string> told(chart.series.begin(), chart.series.end());
    told.insert(chart.facets.begin(), chart.facets.end());
    if (chart.rows.empty()) {
      told.insert(chart.x);
      told.insert(chart.y.begin(), chart.y.end());
    }
    // A metric on the x axis may stand for any number of axes.
    if (chart.rows.empty() &&
        (study.find_metric(chart.x) || (chart.kind == ChartKind::heat_map && study.find_metric(chart.y.front()))))
      continue;
    for (size_t i = 0; i < study.axes.size(); ++i) {
      std::set<size_t> seen;
      for (const Point& point : points) {
        const bool shown =
            !chart.only || chart.only->holds([&](std::string_view name) { return parameter(study, point, name); });
        if (shown) seen.insert(point.choices[i]);
      }
      if (seen.size() < 2 || told.contains(study.axes[i].name)) continue;
      throw UserError(fmt::format("{}: chart: says nothing of the axis {}; name it in x, series, facets or only",
                                  chart.where, study.axes[i].name));
    }
  }
}

}  // namespace faultline::cli
