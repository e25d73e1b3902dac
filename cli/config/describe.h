// A configuration written out: as TOML that reads back to the same, as JSON for
// the statistics, and the list of all settings as Markdown.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "cli/config/loader.h"

namespace faultline::cli {

// Every setting with its meaning, and where its value comes from.
std::string describe_as_toml(const LoadedConfiguration& loaded);

// Nested by the dots of the paths; sizes in bytes.
nlohmann::ordered_json configuration_json(const Configuration& configuration);

// docs/configuration.md.
std::string settings_reference();

}  // namespace faultline::cli
