#include "cli/config/presets.h"

namespace faultline::cli {

const Preset* find_preset(std::string_view name) {
  for (const Preset& preset : presets()) {
    if (preset.name == name) return &preset;
  }
  return nullptr;
}

}  // namespace faultline::cli
