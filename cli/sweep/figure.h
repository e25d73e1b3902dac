// A chart with its numbers: what the page draws, and the table below it.
#pragma once

#include <compare>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/sweep/points.h"

namespace faultline::cli {

// The runs that fall on one place of a chart: one, or one for each seed.
struct Cell {
  double sum = 0;
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  size_t runs = 0;

  void add(double value);
  double mean() const { return sum / static_cast<double>(runs); }
};

// A place on an axis. Ordered by `order`, then by label.
struct Place {
  double order = 0;  // a number's value; else where it stands in the study
  std::string label;
  bool numeric = false;

  auto operator<=>(const Place& other) const {
    if (const auto by_order = order <=> other.order; by_order != 0) return by_order;
    return std::partial_ordering(label <=> other.label);
  }
  bool operator==(const Place& other) const { return (*this <=> other) == 0; }
};

struct FigureSeries {
  std::string name;
  std::map<Place, Cell> cells;
};

struct Figure {
  ChartKind kind = ChartKind::bars;
  std::string title;    // with the facet
  std::string reading;  // how to read it
  std::string x_title, y_title, value_title;
  std::string unit;  // of the values; "%" means that they are shares of 1
  std::string x_unit;
  std::vector<Place> x;    // in order
  bool numeric_x = false;  // all of x are numbers
  bool share = false, log_x = false, log_y = false;
  std::vector<FigureSeries> series;  // of a heat map: one for each row
};

// Takes the points of a study one by one; their statistics are not kept.
class FigureBuilder {
 public:
  // Both must outlive it.
  FigureBuilder(const Study& study, const Chart& chart) : study_(study), chart_(chart) {}

  void add(const Point& point, const Json& statistics, const std::vector<Json>& metrics);

  // One for each facet, in the order of the points.
  std::vector<Figure> figures() const;

 private:
  struct Labelled {
    std::string name;
    std::map<Place, FigureSeries> series;
  };

  // What stands on an axis without being one of the study's: a metric, or a field of a record.
  struct Measure {
    std::string title;
    std::string unit;
  };
  bool is_measured(const std::string& name) const;
  Measure measured(const std::string& name) const;

  Labelled& facet(const std::string& name);
  std::string labels_of(const Point& point, const std::vector<std::string>& axes) const;
  std::optional<Place> place(const std::string& name, const Point& point, const std::vector<Json>& metrics) const;
  void put(Labelled& facet, const Place& series, const std::optional<Place>& x, const Json& value);
  void add_point(Labelled& facet, const Point& point, const std::vector<Json>& metrics);
  struct Record {
    const Point& point;
    const Json& statistics;
    const Json& fields;
  };
  void add_rows(const Point& point, const Json& statistics);
  void add_record(const Record& record);
  Json record_name(const Record& record, std::string_view name) const;
  Json record_value(const Record& record, const std::string& name) const;
  std::string record_labels(const Record& record, const std::vector<std::string>& names) const;
  void add_stack(Labelled& facet, const Point& point, const Json& statistics, const std::vector<Json>& metrics);
  Place series_place(const std::string& name);
  std::string title_of(const std::string& name) const;
  std::string axis_unit(const std::string& name) const;
  std::string value_axis_title() const;
  Figure figure(const Labelled& facet) const;

  const Study& study_;
  const Chart& chart_;
  std::vector<Labelled> facets_;
  std::map<std::string, double> series_order_;
};

// UserError when points that differ would fall on one place of a chart: the
// chart says nothing of an axis that varies among its points.
void check_charts_tell_points_apart(const Study& study, const std::vector<Point>& points);

// A number or a text as a place on an axis; nothing for what is neither.
std::optional<Place> place_of(const Json& value, const std::string& unit);

// A number for people: 1,234,567; 0.3415; 12.3 % where the unit is "%", 4 KB where it is "bytes".
std::string display_number(double value, const std::string& unit);

}  // namespace faultline::cli
