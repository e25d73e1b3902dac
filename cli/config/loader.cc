#include "cli/config/loader.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "cli/config/contradictions.h"
#include "cli/config/detail.h"
#include "cli/config/presets.h"
#include "cli/config/settings.h"
#include "cli/config/toml_reader.h"
#include "cli/config/user_error.h"
#include "os/reclaim/marks.h"

namespace faultline::cli {
namespace {

constexpr size_t kLargestFile = 1 << 20;

std::string read_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text(kLargestFile + 1, '\0');
  // A directory opens, and fails when it is read.
  if (!file || (file.read(text.data(), static_cast<std::streamsize>(text.size())), file.bad())) {
    throw UserError(fmt::format("{}: {}", path, errno ? std::strerror(errno) : "cannot be read"));
  }
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kLargestFile) throw UserError(fmt::format("{}: too large for a machine's TOML file", path));
  return text;
}

std::string preset_names() {
  std::string names;
  for (const Preset& preset : presets()) names += (names.empty() ? "" : ", ") + std::string(preset.name);
  return names;
}

void apply_override(const std::string& text, size_t number, LoadedConfiguration& into) {
  const std::string origin = "-s " + text;
  const size_t equals = text.find('=');
  if (equals == std::string::npos) throw UserError(fmt::format("{}: expected KEY=VALUE", origin));
  const std::string key = text.substr(0, equals);
  const Setting* setting = find_setting(key);
  if (!setting) {
    const std::string nearest = nearest_setting(key);
    throw UserError(fmt::format("{}: unknown key {}{}", origin, key,
                                nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest)));
  }
  try {
    const Value value = setting->parse(std::string_view(text).substr(equals + 1));
    const std::string objection = setting->check(value);
    if (!objection.empty()) throw UserError(objection);
    setting->set(into.values, value);
  } catch (const UserError& error) {
    throw UserError(fmt::format("{}: {}", origin, error.what()));
  }
  into.origins[key] = {origin, "", {kLongestChain + 1 + number, 0, 0}};
}

// `values` is in force, so that every listing shows it; `why` goes with each
// setting that it changes.
void replace(LoadedConfiguration& loaded, Configuration values, const std::string& why) {
  const Configuration given = std::exchange(loaded.values, std::move(values));
  for (const Setting& setting : settings()) {
    if (setting.get(loaded.values) == setting.get(given)) continue;
    loaded.origins[setting.path] = {"", why, {}};
  }
}

// Marks and rates that are 0 become what the size of memory makes of them.
void compute_marks(LoadedConfiguration& loaded) {
  Configuration values = loaded.values;
  values.os.vm = os::with_marks(values.os.vm, values.page(), values.frames());
  replace(loaded, std::move(values), "computed from the size of memory; 0 has it computed again");
}

// What belongs to the whole rather than to one setting.
LoadedConfiguration finish(LoadedConfiguration loaded, const std::vector<std::string>& overrides) {
  for (size_t i = 0; i < overrides.size(); ++i) apply_override(overrides[i], i, loaded);
  loaded.values.os.seed = loaded.values.machine.seed;
  check_contradictions(loaded.values, loaded.origins);
  replace(loaded, with_detail(loaded.values), "timing = " + loaded.values.timing);
  replace(loaded, without_paging(loaded.values), "there is no paging to look up");
  compute_marks(loaded);
  return loaded;
}

}  // namespace

LoadedConfiguration load_toml(const std::string& name, std::string_view text,
                              const std::vector<std::string>& overrides) {
  LoadedConfiguration loaded;
  loaded.machine = name;
  read_toml(name, text, loaded);
  return finish(std::move(loaded), overrides);
}

LoadedConfiguration load_configuration(const std::string& machine, const std::vector<std::string>& overrides) {
  if (const Preset* preset = find_preset(machine)) {
    LoadedConfiguration loaded;
    loaded.machine = machine;
    read_toml(machine + ".toml", preset->toml, loaded);
    return finish(std::move(loaded), overrides);
  }
  if (machine.find('/') == std::string::npos && !machine.ends_with(".toml")) {
    throw UserError(fmt::format("no machine \"{}\"; there are {}, or name a TOML file", machine, preset_names()));
  }
  return load_toml(machine, read_file(machine), overrides);
}

}  // namespace faultline::cli
