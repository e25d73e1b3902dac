// report.html: one file that holds everything, works offline, and says the same
// in tables as in charts.
#pragma once

#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "cli/sweep/figure.h"
#include "cli/sweep/result_store.h"

namespace faultline::cli {

class PageWriter {
 public:
  // The study must outlive it.
  PageWriter(const Study& study, size_t planned);
  ~PageWriter();

  void add(const Point& point, const StoredResult& result, const Json& statistics, const std::vector<Json>& metrics);
  void write(std::ostream& out) const;

 private:
  // What the page keeps of a point.
  struct Row {
    const Point* point;
    std::string failure;
    std::vector<Json> metrics;
  };

  void write_failures(std::ostream& out) const;
  void write_points(std::ostream& out) const;
  void write_configuration(std::ostream& out) const;
  std::string heading_cells() const;
  std::string label_cells(const Point& point) const;

  const Study& study_;
  size_t planned_;
  std::vector<Row> rows_;
  std::vector<FigureBuilder> builders_;
};

}  // namespace faultline::cli
