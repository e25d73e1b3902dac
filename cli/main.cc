#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <systemc>
#include <variant>

#include "cli/command_line.h"
#include "cli/config/user_error.h"
#include "cli/machines_command.h"
#include "cli/policy/policy_command.h"
#include "cli/report/say.h"
#include "cli/run_command.h"
#include "cli/sweep/sweep_command.h"
#include "cli/trace_command.h"

namespace faultline::cli {
namespace {

void print(const std::string& text) {
  errno = 0;
  if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0) {
    throw UserError(fmt::format("standard output: {}", std::strerror(errno)));
  }
}

int perform(const Command& command, HostClock::time_point begin) {
  if (const auto* run = std::get_if<RunOptions>(&command)) return run_command(*run, begin);
  if (const auto* trace = std::get_if<TraceOptions>(&command)) return trace_command(*trace, begin);
  if (const auto* sweep = std::get_if<SweepOptions>(&command)) return sweep_command(*sweep);
  if (const auto* policy = std::get_if<PolicyOptions>(&command)) {
    const PolicyReport report = policy_command(*policy);
    print(report.text);
    return report.status;
  }
  const auto* machines = std::get_if<MachinesOptions>(&command);
  print(machines ? machines_text(*machines) : std::get<PrintText>(command).text);
  return 0;
}

// Keeps the numbers of closed standard streams from the files that faultline
// opens: a guest would write into them. Opened the wrong way round, they still
// answer EBADF.
void hold_standard_streams() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
  }
}

}  // namespace
}  // namespace faultline::cli

int main(int argc, char** argv) {
  using namespace faultline::cli;
  const HostClock::time_point begin = HostClock::now();
  hold_standard_streams();
  try {
    return perform(parse_command_line({argv + (argc > 0), argv + argc}), begin);
  } catch (const UserError& error) {
    say(error.what());
  } catch (const std::exception& error) {
    say(fmt::format("internal error: {}", error.what()));
  }
  return kUserErrorStatus;
}
