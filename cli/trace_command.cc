#include "cli/trace_command.h"

#include <fmt/format.h>

#include <chrono>
#include <new>
#include <stdexcept>

#include "cli/report/say.h"
#include "cli/trace/trace_error.h"

namespace faultline::cli {

int trace_command(const TraceOptions& options, HostClock::time_point begin) {
  try {
    RunStatistics statistics = simulate_trace(options);
    const std::chrono::duration<double> taken = HostClock::now() - begin;
    const bool sound = report_statistics(statistics, options.stats_file, options.quiet, taken.count());
    return sound ? exit_status(statistics.exit) : kUserErrorStatus;
  } catch (const TraceError& error) {
    say(error.what());
  } catch (const std::invalid_argument& error) {
    say(error.what());
  } catch (const std::bad_alloc&) {
    say(fmt::format("dram.size: this host cannot give {} bytes of address space",
                    options.machine.values.machine.dram.size));
  }
  return kUserErrorStatus;
}

}  // namespace faultline::cli
