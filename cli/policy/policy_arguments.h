// The options of `faultline policy`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/policy/policy_options.h"

namespace CLI {
class App;
}

namespace faultline::cli {

// Parsing `app` fills `options`; it throws UserError for a value that cannot be.
void add_policy_options(CLI::App& app, PolicyOptions& options);
// UserError for what options cannot mean together.
void check_policy_options(const PolicyOptions& options);

// "3", "1-7", "64,128,256-258": ascending, each once. UserError.
std::vector<uint64_t> parse_frames(const std::string& text);

}  // namespace faultline::cli
