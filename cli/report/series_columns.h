// The columns of --series, in their order.
#pragma once

#include <array>

namespace faultline::cli {

inline constexpr std::array<const char*, 17> kSeriesColumns = {
    "cycle",           "instructions",   "references",        "l1i_misses",   "l1d_misses",
    "l2_misses",       "walks",          "walk_reads",        "walk_cycles",  "l1i_reach_bytes",
    "l1d_reach_bytes", "l2_reach_bytes", "working_set_bytes", "minor_faults", "major_faults",
    "front_hand",      "back_hand"};

}  // namespace faultline::cli
