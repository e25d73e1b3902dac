#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "cli/config/user_error.h"
#include "cli/sweep/study_parts.h"

namespace faultline::cli {
namespace {

constexpr size_t kLargestFile = 1 << 20;
constexpr uint64_t kMostSeeds = 1000;
constexpr uint64_t kLongestTimeout = 1'000'000;

std::string read_text(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text(kLargestFile + 1, '\0');
  // A directory opens, and fails when it is read.
  if (!file || (file.read(text.data(), static_cast<std::streamsize>(text.size())), file.bad()))
    throw UserError(fmt::format("{}: {}", path, errno ? std::strerror(errno) : "cannot be read"));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kLargestFile) throw UserError(fmt::format("{}: too large for a study", path));
  return text;
}

Workload read_workload(const TomlTable& table) {
  table.allow_only({"name", "program", "arguments", "binds", "environment", "exit"});
  Workload workload;
  workload.where = table.where();
  workload.program = table.required_text("program");
  workload.name = table.text("name", workload.program.substr(workload.program.rfind('/') + 1));
  if (table.has("arguments")) {
    for (const toml::node& node : table.array("arguments")) {
      const std::optional<std::string> text = node.is_array() ? std::nullopt : scalar_text(node);
      if (!text) table.fail_at(node, "arguments", "expected texts or whole numbers");
      workload.arguments.push_back(*text);
    }
  }
  workload.binds = table.texts("binds");
  workload.environment = table.texts("environment");
  workload.exit = static_cast<int>(table.number("exit", 0, 0, 255));
  return workload;
}

Metric read_metric(const TomlTable& table) {
  table.allow_only({"name", "title", "unit", "rows", "value"});
  const std::string name = table.required_text("name");
  if (!table.has("value")) table.fail("value", "is missing");
  return {name,
          table.text("title", name),
          table.text("unit"),
          *table.expression("value"),
          table.text("rows"),
          table.where("value")};
}

// Each seed is one run of every point: `repeats` counts up from 1, `seeds` lists them.
void read_seeds(const TomlTable& table, Study& study) {
  study.seeds_where = table.where(table.has("seeds") ? "seeds" : "repeats");
  if (table.has("repeats") && table.has("seeds")) table.fail("seeds", "contradicts repeats: give one of them");
  const uint64_t repeats = table.number("repeats", 0, 1, kMostSeeds);
  for (uint64_t seed = 1; seed <= repeats; ++seed) study.seeds.push_back(seed);
  if (!table.has("seeds")) return;
  for (const toml::node& node : table.array("seeds")) {
    const int64_t seed = node.is_integer() ? **node.as_integer() : -1;
    if (seed < 0) table.fail_at(node, "seeds", "expected whole numbers");
    if (std::find(study.seeds.begin(), study.seeds.end(), static_cast<uint64_t>(seed)) != study.seeds.end())
      table.fail_at(node, "seeds", "has a number twice");
    study.seeds.push_back(static_cast<uint64_t>(seed));
  }
  if (study.seeds.empty() || study.seeds.size() > kMostSeeds)
    table.fail("seeds", fmt::format("expected 1 to {} numbers", kMostSeeds));
}

void read_filters(const TomlTable& table, std::string_view key, Study& study) {
  const toml::node* node = table.find(key);
  if (!node) return;
  const auto add = [&](const toml::node& text) {
    study.filters.push_back({table.expression_of(key, text), key == "only", table.position(text.source())});
  };
  if (!node->is_array()) return add(*node);
  for (const toml::node& item : *node->as_array()) add(item);
}

// An axis over all workloads, where there are several and none is asked for.
void complete_axes(Study& study) {
  const bool varied = std::any_of(study.axes.begin(), study.axes.end(), [](const Axis& axis) {
    return std::any_of(axis.choices.begin(), axis.choices.end(),
                       [](const Choice& c) { return c.workload.has_value(); });
  });
  if (varied || study.workloads.size() < 2) return;
  Axis axis;
  axis.name = axis.title = kWorkloadAxis;
  axis.where = study.workloads.front().where;
  for (const Workload& workload : study.workloads) {
    Choice choice;
    choice.label = workload.name;
    choice.workload = workload.name;
    choice.where = workload.where;
    axis.choices.push_back(std::move(choice));
  }
  study.axes.insert(study.axes.begin(), std::move(axis));
}

Study read(const std::string& file, const toml::table& root) {
  const TomlTable table(file, root, "");
  table.allow_only({"title", "question", "reading", "machine", "settings", "repeats", "seeds", "timeout_seconds",
                    "workload", "axis", "only", "exclude", "metric", "chart"});
  Study study;
  study.file = file;
  study.title = table.required_text("title");
  study.question = table.text("question");
  study.reading = table.text("reading");
  study.machine = table.text("machine", "textbook");
  study.machine_where = table.where("machine");
  if (const auto settings = table.table("settings")) study.settings = read_assignments(*settings);
  read_seeds(table, study);
  study.timeout_seconds = table.number("timeout_seconds", 0, 0, kLongestTimeout);
  for (const TomlTable& each : table.tables("workload")) study.workloads.push_back(read_workload(each));
  for (const TomlTable& each : table.tables("axis")) study.axes.push_back(read_axis(each));
  for (const TomlTable& each : table.tables("metric")) {
    Metric metric = read_metric(each);
    (metric.rows.empty() ? study.metrics : study.row_metrics).push_back(std::move(metric));
  }
  for (const TomlTable& each : table.tables("chart")) study.charts.push_back(read_chart(each));
  read_filters(table, "only", study);
  read_filters(table, "exclude", study);
  if (study.workloads.empty()) throw UserError(fmt::format("{}: workload: there is none; add a [[workload]]", file));
  complete_axes(study);
  check_names(study);
  return study;
}

template <class Named>
const Named* find(const std::vector<Named>& all, std::string_view name) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const Named& each) { return each.name == name; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace

const Axis* Study::find_axis(std::string_view name) const { return find(axes, name); }
const Metric* Study::find_metric(std::string_view name) const { return find(metrics, name); }
const Metric* Study::find_row_metric(std::string_view name) const { return find(row_metrics, name); }
const Workload* Study::find_workload(std::string_view name) const { return find(workloads, name); }

Study parse_study(const std::string& file, std::string_view text) {
  toml::table root;
  try {
    root = toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    throw UserError(fmt::format("{}:{}:{}: {}", file, error.source().begin.line, error.source().begin.column,
                                printable(error.description())));
  }
  return read(file, root);
}

Study read_study(const std::string& file) { return parse_study(file, read_text(file)); }

}  // namespace faultline::cli
