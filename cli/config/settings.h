// The table of all settings, in the order in which they are printed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/config/setting.h"

namespace faultline::cli {

const std::vector<Setting>& settings();

// Null when there is no setting of that path.
const Setting* find_setting(std::string_view path);

// The path of the setting that looks most like `path`; empty when none does.
std::string nearest_setting(std::string_view path);

// The parts of the table, one file each.
void add_hart_settings(std::vector<Setting>& table);
void add_translation_settings(std::vector<Setting>& table);
void add_run_settings(std::vector<Setting>& table);
void add_observe_settings(std::vector<Setting>& table);
void add_memory_settings(std::vector<Setting>& table);
void add_early_settings(std::vector<Setting>& table);
void add_os_settings(std::vector<Setting>& table);

}  // namespace faultline::cli
