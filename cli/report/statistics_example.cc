#include "cli/report/statistics_example.h"

#include "cli/report/series_columns.h"
#include "cli/report/statistics.h"
#include "cli/report/statistics_json.h"

namespace faultline::cli {
namespace {

constexpr unsigned kMostLevels = 6;

RunStatistics run_with_everything() {
  RunStatistics run;
  run.run.arguments = {""};
  run.config.os.translated = true;
  run.exit.crash.emplace();
  run.part.emplace();
  run.regions.emplace();
  run.trace.emplace();
  run.levels = kMostLevels;
  for (unsigned level = 1; level < kMostLevels; ++level) run.walk_caches.push_back({level, {}});
  run.caches.push_back({"l3", {}});
  run.observed.tlb = ObservedTlbs{.l1i = {{}}, .l1d = {{}}};
  ObservedCosts& costs = run.observed.costs.emplace();
  costs.pages = costs.pcs = {{.cost = {}, .symbol = "?"}};
  run.fragmentation.free_runs = {0};
  run.processes.emplace_back();
  run.harts.emplace_back();
  return run;
}

nlohmann::ordered_json make() {
  nlohmann::ordered_json json = statistics_json(run_with_everything());
  nlohmann::ordered_json record;
  for (const char* column : kSeriesColumns) record[column] = 0;
  json["series"] = {record};
  return json;
}

}  // namespace

const nlohmann::ordered_json& statistics_example() {
  static const nlohmann::ordered_json kExample = make();
  return kExample;
}

}  // namespace faultline::cli
