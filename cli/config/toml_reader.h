// One TOML text into a configuration, without the checks across settings.
#pragma once

#include <string>
#include <string_view>

#include "cli/config/loader.h"

namespace faultline::cli {

// The longest chain of bases.
inline constexpr int kLongestChain = 8;

// Sets what the text says, with origins "NAME:LINE:COLUMN"; a `base` is read
// first (a preset; `depth` bounds a chain of them). UserError as in loader.h.
void read_toml(const std::string& name, std::string_view text, LoadedConfiguration& into, int depth = 0);

}  // namespace faultline::cli
