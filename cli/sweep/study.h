// A study as its file describes it: what to vary, what to run, what to look at.
// Every kind of axis is a list of choices; their product is the points.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/sweep/expression.h"

namespace faultline::cli {

// A place in the study's file, "study.toml:12:3"; it begins messages.
using Where = std::string;

struct Assignment {
  std::string key;
  std::string value;  // as after `-s KEY=`
  Where where;
};

struct Workload {
  std::string name;
  std::string program;                 // with a slash: from the study's folder; else a guest program of faultline's own
  std::vector<std::string> arguments;  // may hold {NAME} of an axis over arguments
  std::vector<std::string> binds;      // as after --bind, from the study's folder
  std::vector<std::string> environment;
  int exit = 0;  // the status that means success: the guest's, or 128 + signal
  Where where;
};

// One value of an axis, and all that it changes.
struct Choice {
  std::string label;
  std::optional<std::string> machine;
  std::optional<std::string> workload;
  std::vector<Assignment> settings;
  std::map<std::string, std::string> arguments;  // for the {NAME}s of workloads
  Where where;
};

struct Axis {
  std::string name;   // what conditions, charts and columns call it
  std::string title;  // with its unit, for people
  std::vector<Choice> choices;
  Where where;
};

// `only` keeps the points for which it holds, `exclude` drops them.
struct Filter {
  Expression condition;
  bool keep;
  Where where;
};

struct Metric {
  std::string name;
  std::string title;  // "misses of the data TLB"
  std::string unit;   // "cycles"; "%" shows the value times 100; empty: a plain number
  Expression value;
  std::string rows;  // a list in the statistics: the value is of each of its records; empty: of the point
  Where where;
};

enum class ChartKind : uint8_t { bars, lines, heat_map, stack, time_series };

struct Chart {
  ChartKind kind = ChartKind::bars;
  std::string title;
  std::string reading;              // how to read it
  std::string x;                    // an axis or a metric; a field of `rows`
  std::vector<std::string> y;       // metrics; of a heat map one axis or metric, as x; fields of `rows`
  std::string value;                // of a heat map: the metric that colours; a field of `rows`
  std::vector<std::string> series;  // axes: one line, or bar of a group, each; with `rows` fields too
  std::vector<std::string> facets;  // axes: one chart each; with `rows` fields too
  std::string rows;                 // a list in the statistics: the chart plots its records, not points
  std::string stack;                // of a stack: an object of numbers in the statistics
  std::string stack_unit;
  std::vector<std::string> parts;  // of a stack: metrics, in place of `stack`
  bool share = false;              // of a stack: parts of 100 %
  bool log_x = false;
  bool log_y = false;
  std::optional<Expression> only;  // which points the chart shows; with `rows` which records
  Where where;
};

struct Study {
  std::string file;
  std::string title;
  std::string question;
  std::string reading;
  std::string machine = "textbook";
  Where machine_where;
  std::vector<Assignment> settings;  // of all points
  std::vector<uint64_t> seeds;       // one run of each point for each; empty: one, with the machine's seed
  Where seeds_where;
  uint64_t timeout_seconds = 0;  // of the host's time, for a point; 0: none
  std::vector<Workload> workloads;
  std::vector<Axis> axes;
  std::vector<Filter> filters;
  std::vector<Metric> metrics;      // of points
  std::vector<Metric> row_metrics;  // of records
  std::vector<Chart> charts;

  const Axis* find_axis(std::string_view name) const;
  const Metric* find_metric(std::string_view name) const;
  const Metric* find_row_metric(std::string_view name) const;
  const Workload* find_workload(std::string_view name) const;
};

// UserError "FILE:LINE:COLUMN: KEY: ..." for the first mistake. Values of
// settings are checked one by one; what they make together is expand()'s.
Study read_study(const std::string& file);
Study parse_study(const std::string& file, std::string_view text);

// The name under which an axis over workloads goes when the study has several
// workloads and does not say how they are varied.
inline constexpr const char* kWorkloadAxis = "workload";

}  // namespace faultline::cli
