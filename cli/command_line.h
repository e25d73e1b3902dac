// From argv to options.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "cli/options.h"
#include "cli/policy/policy_options.h"
#include "cli/sweep/sweep_command.h"
#include "cli/trace/trace_simulation.h"

namespace faultline::cli {

// Something to print on standard output, and done: --help, --version.
struct PrintText {
  std::string text;
};

using Command = std::variant<RunOptions, TraceOptions, SweepOptions, PolicyOptions, MachinesOptions, PrintText>;

// `arguments` without the command's own name. UserError for every mistake.
Command parse_command_line(const std::vector<std::string>& arguments);

// HOST[:GUEST][:rw]. UserError when HOST does not exist or GUEST is not absolute.
Bind parse_bind(const std::string& text);

}  // namespace faultline::cli
