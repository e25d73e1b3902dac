#include "cli/machines_command.h"

#include <fmt/format.h>

#include "cli/config/describe.h"
#include "cli/config/loader.h"
#include "cli/config/presets.h"

namespace faultline::cli {

std::string machines_text(const MachinesOptions& options) {
  if (options.reference) return settings_reference();
  if (options.name) return describe_as_toml(load_configuration(*options.name, {}));
  std::string text;
  for (const Preset& preset : presets()) {
    text += fmt::format("{:<10} {}\n", preset.name, load_configuration(std::string(preset.name), {}).description);
  }
  return text;
}

}  // namespace faultline::cli
