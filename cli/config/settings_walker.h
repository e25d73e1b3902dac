// The settings of the page-table walker and of nested translation.
#pragma once

#include <vector>

#include "cli/config/setting.h"

namespace faultline::cli {

void add_walker_settings(std::vector<Setting>& table);

}  // namespace faultline::cli
