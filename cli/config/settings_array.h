// The settings of a set-associative array: a TLB's, a walk cache's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/config/setting.h"

namespace faultline::cli {

// Of the Array at the end of the path of pointers to members. `most`: of sets, and of ways.
template <class Array, auto... Path>
void add_array(std::vector<Setting>& table, const std::string& prefix, std::string_view help, uint64_t most) {
  table.push_back(setting<Path..., &Array::enabled>(prefix + ".enabled", {.help = help}));
  table.push_back(setting<Path..., &Array::sets>(prefix + ".sets", {.help = "Sets.", .range = {1, most}}));
  table.push_back(setting<Path..., &Array::ways>(prefix + ".ways", {.help = "Entries of a set.", .range = {1, most}}));
  table.push_back(setting<Path..., &Array::replacement>(prefix + ".replacement",
                                                        {.help = "Which entry of a full set makes room."}));
}

}  // namespace faultline::cli
