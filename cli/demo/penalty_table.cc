// Sets runs of one program side by side: what translation costs by page-table
// format, without and with the TLB. Reads the --stats files of the runs.
//   penalty_table STATS.json...
#include <fmt/format.h>

#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/report/layout.h"

namespace {

using faultline::cli::rounded;
using faultline::cli::Table;

struct Run {
  std::string program;
  std::string format;
  uint64_t levels;
  bool tlb;
  uint64_t references;
  double penalty;
  uint64_t cycles;
  uint64_t walk;
};

Run read_run(const char* path) {
  std::ifstream file(path);
  const auto json = nlohmann::json::parse(file);
  std::string program = json["run"]["program"];
  program.erase(0, program.rfind('/') + 1);
  for (const std::string argument : json["run"]["arguments"]) program += " " + argument;
  return {program,
          json["config"]["paging"]["format"],
          json["translation"]["levels"],
          json["config"]["tlb"]["enabled"],
          json["references"]["total"],
          json["translation"]["penalty"],
          json["cycles"],
          json["cycle_stack"]["walk"]};
}

void print(const std::vector<Run>& runs) {
  Table table({"page tables", "levels", "TLB", "accesses per reference", "cycles", "of them walking"});
  for (const Run& run : runs) {
    table.add({run.format, std::to_string(run.levels), run.tlb ? "on" : "off", fmt::format("{:.3f}", run.penalty),
               rounded(static_cast<double>(run.cycles)), faultline::cli::percent(run.walk, run.cycles)});
  }
  fmt::print("\n{}: {} references\n\n{}", runs.front().program, rounded(static_cast<double>(runs.front().references)),
             table.text());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    std::vector<Run> runs;
    for (int i = 1; i < argc; ++i) runs.push_back(read_run(argv[i]));
    if (!runs.empty()) print(runs);
    return runs.empty() ? 2 : 0;
  } catch (const nlohmann::json::exception& error) {
    fmt::print(stderr, "penalty_table: not the statistics of a run: {}\n", error.what());
    return 2;
  }
}
