// A command's own options, from CLI11 to our kind of message.
#pragma once

#include <CLI/App.hpp>
#include <optional>
#include <string>
#include <vector>

namespace faultline::cli {

// The help where that is asked for. The app's name is that of the command,
// "faultline run". UserError, one line, for what it does not take.
std::optional<std::string> parse_arguments(CLI::App& app, std::vector<std::string> arguments);

}  // namespace faultline::cli
