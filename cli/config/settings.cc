#include "cli/config/settings.h"

namespace faultline::cli {

const std::vector<Setting>& settings() {
  static const std::vector<Setting> table = [] {
    std::vector<Setting> all;
    add_hart_settings(all);
    add_translation_settings(all);
    add_memory_settings(all);
    add_os_settings(all);
    add_early_settings(all);
    add_observe_settings(all);
    add_run_settings(all);
    return all;
  }();
  return table;
}

const Setting* find_setting(std::string_view path) {
  for (const Setting& setting : settings()) {
    if (setting.path == path) return &setting;
  }
  return nullptr;
}

std::string nearest_setting(std::string_view path) {
  std::string nearest;
  size_t distance = path.size() / 2 + 1;  // further away than this it is another word
  for (const Setting& setting : settings()) {
    // A right name that misses its table, `l1d.ways`, is nearest of all.
    const bool tail = setting.path.ends_with("." + std::string(path));
    const size_t d = tail ? 0 : edit_distance(path, setting.path);
    if (d >= distance) continue;
    distance = d;
    nearest = setting.path;
  }
  return nearest;
}

}  // namespace faultline::cli
