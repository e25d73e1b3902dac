#include "cli/sweep/results.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "cli/config/user_error.h"
#include "cli/sweep/metrics.h"
#include "cli/sweep/page.h"

namespace faultline::cli {
namespace {

// A file that replaces the one of its name when it is complete.
class Output {
 public:
  explicit Output(std::string path) : path_(std::move(path)), file_(path_ + ".new", std::ios::binary) {}

  std::ostream& stream() { return file_; }

  void finish() {
    file_.close();
    std::error_code error;
    if (file_) std::filesystem::rename(path_ + ".new", path_, error);
    if (!file_ || error)
      throw UserError(fmt::format("{}: {}", path_,
                                  error   ? error.message()
                                  : errno ? std::strerror(errno)
                                          : "cannot be written"));
  }

 private:
  std::string path_;
  std::ofstream file_;
};

// A metric as it stands in a column: shortest exact form, empty where there is none.
std::string csv_value(const Json& value) {
  if (value.is_null()) return "";
  return value.is_string() ? csv_field(value.get<std::string>()) : csv_field(value.dump());
}

class CsvWriter {
 public:
  CsvWriter(const Study& study, std::ostream& out) : study_(study), out_(out) {
    out_ << "point";
    for (const Axis& axis : study.axes) {
      if (axis.name != kWorkloadAxis && axis.name != "machine") out_ << ',' << csv_field(axis.name);
    }
    out_ << ",workload,machine,seed,repeat,exit_status,failure";
    for (const Metric& metric : study.metrics) out_ << ',' << csv_field(metric.name);
    out_ << ",host_seconds\r\n";
  }

  void add(const Point& point, const StoredResult& result, const std::vector<Json>& metrics) {
    out_ << point.number;
    for (size_t i = 0; i < study_.axes.size(); ++i) {
      const Axis& axis = study_.axes[i];
      if (axis.name != kWorkloadAxis && axis.name != "machine")
        out_ << ',' << csv_field(axis.choices[point.choices[i]].label);
    }
    out_ << fmt::format(",{},{},{},{},{},{}", csv_field(point.workload->name), csv_field(point.machine), point.seed,
                        point.repeat, result.status, csv_field(result.failure));
    for (const Json& value : metrics) out_ << ',' << csv_value(value);
    out_ << fmt::format(",{:.3f}\r\n", result.host_seconds);
  }

 private:
  const Study& study_;
  std::ostream& out_;
};

// Written point by point: a long study's statistics need not fit in memory.
class JsonWriter {
 public:
  JsonWriter(const Study& study, std::ostream& out) : study_(study), out_(out) {
    Json head = {{"schema", "faultline.sweep/1"}, {"title", study.title}, {"question", study.question}};
    head["metrics"] = Json::array();
    for (const Metric& metric : study.metrics) {
      head["metrics"].push_back(
          {{"name", metric.name}, {"title", metric.title}, {"unit", metric.unit}, {"value", metric.value.text()}});
    }
    std::string text = head.dump(-1, ' ', false, Json::error_handler_t::replace);
    text.pop_back();
    out_ << text << ",\"points\":[";
  }

  void add(const Point& point, const StoredResult& result, const Json& statistics, const std::vector<Json>& metrics) {
    Json json = {{"point", point.number}, {"key", point.key}, {"parameters", parameters_json(study_, point)}};
    json["repeat"] = point.repeat;
    json["arguments"] = point.arguments;
    json["exit_status"] = result.status;
    json["failure"] = result.failure;
    json["metrics"] = Json::object();
    for (size_t i = 0; i < metrics.size(); ++i) json["metrics"][study_.metrics[i].name] = metrics[i];
    json["statistics"] = statistics;
    json["host_seconds"] = result.host_seconds;
    out_ << (first_ ? "\n" : ",\n") << json.dump(-1, ' ', false, Json::error_handler_t::replace);
    first_ = false;
  }

  void finish() { out_ << "\n]}\n"; }

 private:
  const Study& study_;
  std::ostream& out_;
  bool first_ = true;
};

}  // namespace

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

void write_results(const Study& study, const std::vector<Point>& points, const ResultStore& store,
                   const std::string& folder) {
  errno = 0;
  Output csv(folder + "/results.csv"), json(folder + "/results.json"), page(folder + "/report.html");
  CsvWriter csv_writer(study, csv.stream());
  JsonWriter json_writer(study, json.stream());
  PageWriter page_writer(study, points.size());
  for (const Point& point : points) {
    const std::optional<StoredResult> result = store.find(point.key);
    if (!result) continue;
    const Json statistics = result->statistics.empty() ? Json() : Json::parse(result->statistics, nullptr, false);
    const std::vector<Json> metrics = metric_values(study, point, statistics);
    csv_writer.add(point, *result, metrics);
    json_writer.add(point, *result, statistics, metrics);
    page_writer.add(point, *result, statistics, metrics);
  }
  json_writer.finish();
  page_writer.write(page.stream());
  csv.finish();
  json.finish();
  page.finish();
}

}  // namespace faultline::cli
