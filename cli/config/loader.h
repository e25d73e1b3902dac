// From a preset or a TOML file and `-s KEY=VALUE`s to a checked Configuration.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cli/config/configuration.h"

namespace faultline::cli {

// Who gave a setting its value.
struct Origin {
  std::string where;  // "machine.toml:12:8" or "-s tlb.l1d.ways=3"
  std::string note;   // the comment behind the value in a preset: where the number comes from
  using Order = std::array<size_t, 3>;
  Order order{};  // file or option, line, column: later ones win
};

// Settings without an origin have the default of configuration.h.
using Origins = std::map<std::string, Origin, std::less<>>;

struct LoadedConfiguration {
  Configuration values;
  Origins origins;
  std::string machine;      // the preset's name, or the file's path as given
  std::string description;  // what the machine says of itself; may be empty
};

// `machine`: a preset's name, else the path of a TOML file (anything with a
// slash or that ends in .toml). `overrides`: each "KEY=VALUE", later ones win.
// UserError for whatever is unknown, of the wrong type, out of range, not
// built yet, or contradicts something else.
LoadedConfiguration load_configuration(const std::string& machine, const std::vector<std::string>& overrides);

// The same from TOML text; `name` stands for the file in messages.
LoadedConfiguration load_toml(const std::string& name, std::string_view text,
                              const std::vector<std::string>& overrides);

}  // namespace faultline::cli
