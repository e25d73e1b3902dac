#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <systemc>
#include <variant>

#include "cli/command_line.h"
#include "cli/config/user_error.h"
#include "cli/machines_command.h"
#include "cli/run_command.h"

namespace faultline::cli {
namespace {

int perform(const Command& command, HostClock::time_point begin) {
  if (const auto* run = std::get_if<RunOptions>(&command)) return run_command(*run, begin);
  const auto* machines = std::get_if<MachinesOptions>(&command);
  fmt::print("{}", machines ? machines_text(*machines) : std::get<PrintText>(command).text);
  return std::fflush(stdout) == 0 ? 0 : kUserErrorStatus;
}

}  // namespace
}  // namespace faultline::cli

// The library's own main is not used: faultline starts the simulation itself.
int sc_main(int, char**) { return 0; }

int main(int argc, char** argv) {
  using namespace faultline::cli;
  const HostClock::time_point begin = HostClock::now();
  try {
    return perform(parse_command_line({argv + (argc > 0), argv + argc}), begin);
  } catch (const UserError& error) {
    fmt::print(stderr, "faultline: {}\n", error.what());
  } catch (const std::exception& error) {
    fmt::print(stderr, "faultline: internal error: {}\n", error.what());
  }
  return kUserErrorStatus;
}
