#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cli/config/presets.h"
#include "cli/config/settings.h"
#include "cli/config/user_error.h"
#include "cli/sweep/metrics.h"
#include "cli/sweep/points.h"
#include "cli/sweep/study_parts.h"

namespace faultline::cli {
namespace {

[[noreturn]] void fail(const Where& where, const std::string& objection) {
  throw UserError(fmt::format("{}: {}", where, objection));
}

template <class Named>
void check_once(const std::vector<Named>& all, std::string_view what) {
  std::set<std::string> seen;
  for (const Named& each : all) {
    if (!seen.insert(each.name).second)
      fail(each.where, fmt::format("{}: the name {} is taken", what, printable(each.name)));
  }
}

// Columns of the results that are always there.
template <class Named>
void check_not_reserved(const std::vector<Named>& all, std::string_view what) {
  static constexpr std::string_view kReserved[] = {"point", "seed", "repeat", "exit_status", "failure", "host_seconds"};
  for (const Named& each : all) {
    if (std::ranges::find(kReserved, each.name) != std::end(kReserved))
      fail(each.where,
           fmt::format("{}: the name {} is that of a column of the results; choose another", what, each.name));
  }
}

// `workload` and `machine` are axes over just these.
void check_own_names(const Axis& axis) {
  for (const Choice& choice : axis.choices) {
    if ((axis.name == "workload" && !choice.workload) || (axis.name == "machine" && !choice.machine))
      fail(axis.where,
           fmt::format("axis: the name {} is that of an axis over {}s; choose another", axis.name, axis.name));
  }
}

void check_machine(const std::string& machine, const Where& where) {
  if (find_preset(machine) || machine.find('/') != std::string::npos || machine.ends_with(".toml")) return;
  fail(where, fmt::format("machine: no machine \"{}\"; `faultline machines` lists them, or name a TOML file",
                          printable(machine)));
}

// Two axes that set one thing: the later one would hide the earlier.
void check_axes_apart(const Study& study) {
  std::map<std::string, const Axis*> owner;
  const auto claim = [&](const std::string& thing, const Axis& axis, const Where& where) {
    const auto [held, fresh] = owner.emplace(thing, &axis);
    if (!fresh && held->second != &axis)
      fail(where, fmt::format("axis: {} is varied by the axis {} already", thing, held->second->name));
  };
  for (const Axis& axis : study.axes) {
    for (const Choice& choice : axis.choices) {
      if (choice.machine) claim("machine", axis, choice.where);
      if (choice.workload) claim("workload", axis, choice.where);
      for (const Assignment& assignment : choice.settings) claim(assignment.key, axis, assignment.where);
      for (const auto& [name, value] : choice.arguments) claim("argument " + name, axis, choice.where);
    }
  }
}

void check_axes(const Study& study) {
  check_once(study.axes, "axis");
  check_axes_apart(study);
  for (const Axis& axis : study.axes) {
    for (const Choice& choice : axis.choices) {
      if (choice.workload && !study.find_workload(*choice.workload))
        fail(choice.where, fmt::format("axis: no workload is called {}", printable(*choice.workload)));
      if (choice.machine) check_machine(*choice.machine, choice.where);
      for (const Assignment& assignment : choice.settings) {
        if (assignment.key == "seed" && !study.seeds.empty())
          fail(assignment.where, "axis: seed contradicts repeats and seeds");
      }
    }
  }
}

// The names in braces: "{kib}" asks for an axis with the argument kib.
std::set<std::string> marks_of(const Workload& workload) {
  std::set<std::string> marks;
  for (const std::string& argument : workload.arguments) {
    for (size_t open = argument.find('{'); open != std::string::npos; open = argument.find('{', open + 1)) {
      const size_t close = argument.find('}', open);
      if (close != std::string::npos) marks.insert(argument.substr(open + 1, close - open - 1));
    }
  }
  return marks;
}

void check_arguments(const Study& study) {
  std::map<std::string, Where> given;
  for (const Axis& axis : study.axes) {
    for (const Choice& choice : axis.choices) {
      for (const auto& [name, value] : choice.arguments) given.emplace(name, choice.where);
    }
  }
  std::set<std::string> asked;
  for (const Workload& workload : study.workloads) {
    for (const std::string& mark : marks_of(workload)) {
      if (!given.contains(mark))
        fail(workload.where, fmt::format("workload.arguments: no axis gives {{{}}}", printable(mark)));
      asked.insert(mark);
    }
  }
  for (const auto& [name, where] : given) {
    if (!asked.contains(name))
      fail(where, fmt::format("axis.argument: no workload has {{{}}} among its arguments", printable(name)));
  }
}

void check_filters(const Study& study) {
  for (const Filter& filter : study.filters) {
    for (const std::string& name : filter.condition.names()) {
      if (!is_parameter(study, name))
        fail(filter.where,
             fmt::format("{}: {} is neither an axis nor a setting", filter.keep ? "only" : "exclude", clipped(name)));
    }
  }
}

// What a name in a metric stands for: a parameter, a statistic, a record's field.
void check_metric_name(const Study& study, const Metric& metric, const Json* record, const std::string& name) {
  if (is_parameter(study, name) || (record && record->contains(name))) return;
  const Json* value = statistic_example(name);
  if (!value && record)
    fail(metric.where,
         fmt::format("metric.value: {} is no field of {}, statistic (docs/statistics.md), setting or axis",
                     clipped(name), metric.rows));
  if (!value)
    fail(metric.where,
         fmt::format("metric.value: {} is no statistic (docs/statistics.md), setting or axis", clipped(name)));
  if (value->is_structured())
    fail(metric.where, fmt::format("metric.value: {} is no single value but {}", name,
                                   value->is_array() ? "a list" : "an object of several"));
}

void check_metric(const Study& study, const Metric& metric) {
  if (study.find_axis(metric.name)) fail(metric.where, fmt::format("metric: the name {} is an axis's", metric.name));
  const Json* record = nullptr;
  if (!metric.rows.empty()) {
    record = record_example(metric.rows);
    if (!record)
      fail(metric.where,
           fmt::format("metric.rows: {} is not a list of records in the statistics", clipped(metric.rows)));
    if (record->contains(metric.name)) fail(metric.where, fmt::format("metric: the name {} is a field's", metric.name));
  }
  for (const std::string& name : metric.value.names()) check_metric_name(study, metric, record, name);
}

void check_metrics(const Study& study) {
  std::vector<Metric> all = study.metrics;
  all.insert(all.end(), study.row_metrics.begin(), study.row_metrics.end());
  check_once(all, "metric");
  for (const Metric& metric : all) check_metric(study, metric);
}

}  // namespace

void check_names(const Study& study) {
  check_machine(study.machine, study.machine_where);
  check_once(study.workloads, "workload");
  check_axes(study);
  check_not_reserved(study.axes, "axis");
  for (const Axis& axis : study.axes) check_own_names(axis);
  check_not_reserved(study.metrics, "metric");
  check_arguments(study);
  check_filters(study);
  check_metrics(study);
  for (const Chart& chart : study.charts) check_chart(study, chart);
}

}  // namespace faultline::cli
