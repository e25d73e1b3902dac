#include "cli/sweep/figure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "cli/config/user_error.h"
#include "cli/config/value.h"
#include "cli/report/layout.h"
#include "cli/sweep/metrics.h"

namespace faultline::cli {
namespace {

std::string grouped(uint64_t number) {
  std::string digits = std::to_string(number);
  for (size_t i = digits.size(); i > 3;) digits.insert(i -= 3, ",");
  return digits;
}

}  // namespace

std::optional<Place> place_of(const Json& value, const std::string& unit) {
  if (value.is_number()) return Place{value.get<double>(), display_number(value.get<double>(), unit), true};
  if (value.is_string()) return Place{0, value.get<std::string>(), false};
  return std::nullopt;
}

void Cell::add(double value) {
  sum += value;
  low = std::min(low, value);
  high = std::max(high, value);
  ++runs;
}

std::string display_number(double value, const std::string& unit) {
  if (unit == "%") return fmt::format("{:.4g} %", value * 100);
  if (unit == "bytes" && value >= 0) return bytes_for_people(value);
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
    if (study_.metrics[i].name == name) return place_of(metrics[i], study_.metrics[i].unit);
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
  if (!chart_.rows.empty()) return add_rows(point, statistics);
  if (chart_.only && !chart_.only->holds([&](std::string_view name) { return parameter(study_, point, name); })) return;
  Labelled& into = facet(labels_of(point, chart_.facets));
  if (chart_.kind == ChartKind::stack) return add_stack(into, point, statistics, metrics);
  add_point(into, point, metrics);
}

FigureBuilder::Labelled& FigureBuilder::facet(const std::string& name) {
  const auto found = std::ranges::find(facets_, name, &Labelled::name);
  return found != facets_.end() ? *found : facets_.emplace_back(Labelled{name, {}});
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
  if (!is_measured(name)) {
    const Axis* axis = study_.find_axis(name);
    return axis ? axis->title : name;
  }
  const Measure measure = measured(name);
  // Bytes bear their unit with each number.
  return measure.unit.empty() || measure.unit == "bytes" ? measure.title
                                                         : fmt::format("{} ({})", measure.title, measure.unit);
}

// Labels like 64K are sizes; in figures they count as what they stand for.
std::string FigureBuilder::axis_unit(const std::string& name) const {
  const Axis* axis = study_.find_axis(name);
  const auto is_size = [](const Choice& choice) { return parse_size(choice.label) && !parse_number(choice.label); };
  return axis && std::ranges::any_of(axis->choices, is_size) ? "bytes" : "";
}

std::string FigureBuilder::value_axis_title() const {
  if (chart_.y.size() == 1) return title_of(chart_.y.front());
  // Several metrics: each series bears a title of its own.
  return chart_.y.empty() ? "" : measured(chart_.y.front()).unit;
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
  if (const std::string& shown = heat_map || chart_.y.empty() ? chart_.value : chart_.y.front(); is_measured(shown))
    figure.unit = measured(shown).unit;
  figure.x_unit = is_measured(chart_.x) ? measured(chart_.x).unit : axis_unit(chart_.x);
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

namespace {

// Whether the chart shows points with every value of its own of the axis, or of
// a field that tells as much.
void check_axes_told(const Study& study, const Chart& chart, const std::vector<Point>& points) {
  std::set<std::string> told(chart.series.begin(), chart.series.end());
  told.insert(chart.facets.begin(), chart.facets.end());
  if (chart.rows.empty()) {
    told.insert(chart.x);
    told.insert(chart.y.begin(), chart.y.end());
  }
  for (size_t i = 0; i < study.axes.size(); ++i) {
    std::set<size_t> seen;
    for (const Point& point : points) {
      // What the condition says of fields is not known here.
      const bool shown =
          !chart.only || chart.only->may_hold([&](std::string_view name) { return parameter(study, point, name); });
      if (shown) seen.insert(point.choices[i]);
    }
    if (seen.size() < 2 || told.contains(study.axes[i].name)) continue;
    throw UserError(fmt::format("{}: chart: says nothing of the axis {}; name it in x, series, facets or only",
                                chart.where, study.axes[i].name));
  }
}

}  // namespace

void check_charts_tell_points_apart(const Study& study, const std::vector<Point>& points) {
  for (const Chart& chart : study.charts) {
    // A metric on the x axis may stand for any number of axes.
    const bool metric_tells =
        chart.rows.empty() &&
        (study.find_metric(chart.x) || (chart.kind == ChartKind::heat_map && study.find_metric(chart.y.front())));
    if (!metric_tells) check_axes_told(study, chart, points);
  }
}

}  // namespace faultline::cli
