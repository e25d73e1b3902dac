// The machines that come with faultline: workloads/machines/*.toml, built in.
#pragma once

#include <span>
#include <string_view>

namespace faultline::cli {

struct Preset {
  std::string_view name;  // the file's name without .toml
  std::string_view toml;  // its text
};

// By name; "textbook" is the default machine.
std::span<const Preset> presets();

// Null when there is none of that name.
const Preset* find_preset(std::string_view name);

}  // namespace faultline::cli
