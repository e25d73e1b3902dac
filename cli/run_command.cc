#include "cli/run_command.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string_view>

#include "cli/interrupt.h"
#include "cli/report/invariants.h"
#include "cli/report/report.h"
#include "cli/report/say.h"
#include "cli/report/statistics_json.h"

namespace faultline::cli {
namespace {

constexpr int kSignalStatus = 128;

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// How to write to this standard error; only ever the report's looks.
ReportStyle terminal_style() {
  ReportStyle style;
  if (!isatty(STDERR_FILENO)) return style;
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    style.width = std::clamp<unsigned>(size.ws_col, 60, 120);
  style.colour = environment("NO_COLOR").empty() && environment("TERM") != "dumb";
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    if (environment(name).empty()) continue;
    style.unicode = environment(name).find("UTF-8") != std::string_view::npos ||
                    environment(name).find("utf8") != std::string_view::npos;
    break;
  }
  return style;
}

// Empty, or why the file could not be written.
std::string write_statistics(const std::string& path, const RunStatistics& statistics) {
  errno = 0;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  // Names that the guest chose need not be UTF-8.
  file << statistics_json(statistics).dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
  file.close();
  return file ? "" : fmt::format("--stats {}: {}", path, errno ? std::strerror(errno) : "cannot be written");
}

}  // namespace

int exit_status(const ExitRecord& exit) {
  if (exit.reason == "interrupted") return kInterruptedStatus;
  if (exit.reason == "killed") return kSignalStatus + exit.signal;
  if (exit.reason == "exited") return exit.status;
  return kUserErrorStatus;
}

bool report_statistics(RunStatistics& statistics, const std::optional<std::string>& stats_file, bool quiet,
                       double host_seconds) {
  statistics.host.seconds = host_seconds;
  statistics.host.mips = host_seconds > 0 ? static_cast<double>(statistics.all_instructions()) / host_seconds / 1e6 : 0;
  if (statistics.exit.crash) say(crash_line(*statistics.exit.crash));
  const std::vector<std::string> broken = broken_invariants(statistics);
  for (const std::string& line : broken) say("internal error: " + line);
  std::string unwritten;
  if (stats_file) unwritten = write_statistics(*stats_file, statistics);
  if (!unwritten.empty()) say(unwritten);
  if (!quiet) std::fputs(text_report(statistics, terminal_style()).c_str(), stderr);
  return broken.empty() && unwritten.empty();
}

int report_run(const RunOptions& options, SimulationResult result, double host_seconds) {
  for (const std::string& error : result.errors) say(error);
  if (!result.started) return kUserErrorStatus;
  const bool sound = report_statistics(result.statistics, options.stats_file, options.quiet, host_seconds);
  return sound && result.errors.empty() ? exit_status(result.statistics.exit) : kUserErrorStatus;
}

int run_command(const RunOptions& options, HostClock::time_point begin) {
  SimulationResult result = simulate(options);
  const std::chrono::duration<double> taken = HostClock::now() - begin;
  return report_run(options, std::move(result), taken.count());
}

}  // namespace faultline::cli
