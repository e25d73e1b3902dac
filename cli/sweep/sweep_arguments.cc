#include "cli/sweep/sweep_arguments.h"

#include <CLI/CLI.hpp>

#include "cli/config/parse_arguments.h"
#include "cli/config/user_error.h"

namespace faultline::cli {
namespace {

constexpr unsigned kMostJobs = 1024;

constexpr const char* kExamples = R"(Examples:
  faultline sweep workloads/studies/tlb-geometry.toml
  faultline sweep study.toml -j 4 --out results       four points at once
  faultline sweep study.toml --out results --resume   goes on where a sweep was stopped

Every finished point is stored at once in DIR/results.sqlite. At the end DIR has
results.csv, results.json and report.html, which needs nothing beside itself.
docs/sweeps.md says how a study is written.
)";

}  // namespace

std::variant<SweepOptions, std::string> parse_sweep_arguments(std::vector<std::string> arguments) {
  CLI::App app("Runs every point of a study and draws what it found.", "faultline sweep");
  app.footer(kExamples);
  SweepOptions options;
  std::string out;
  app.add_option("STUDY", options.study, "The study: a TOML file")->required();
  app.add_option("-j,--jobs", options.jobs, "Points at once; else one for each core")
      ->type_name("N")
      ->check(CLI::Range(1U, kMostJobs));
  app.add_option("--out", out, "Where results go; else the study's name with .results")->type_name("DIR");
  app.add_flag("--resume", options.resume, "Go on with the sweep in DIR");
  if (auto help = parse_arguments(app, std::move(arguments))) return *std::move(help);
  if (app.count("--out") > 0) {
    if (out.empty()) throw UserError("--out: an empty name");
    options.out = out;
  }
  return options;
}

}  // namespace faultline::cli
