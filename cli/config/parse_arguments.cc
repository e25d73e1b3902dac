#include "cli/config/parse_arguments.h"

#include <fmt/format.h>

#include <CLI/Error.hpp>
#include <algorithm>

#include "cli/config/user_error.h"

namespace faultline::cli {
namespace {

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

std::optional<std::string> parse_arguments(CLI::App& app, std::vector<std::string> arguments) {
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
  const std::string command = app.get_name();
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    return app.help();
  } catch (const CLI::ExtrasError&) {
    const std::vector<std::string> extra = app.remaining();
    const std::string first = extra.empty() ? "" : one_line(extra.front());
    const char* const why = first.starts_with('-') ? "no such option" : "one argument too many";
    throw UserError(fmt::format("{}: {}; see {} --help", first, why, command));
  } catch (const CLI::ParseError& error) {
    throw UserError(fmt::format("{}; see {} --help", one_line(error.what()), command));
  }
  return std::nullopt;
}

}  // namespace faultline::cli
