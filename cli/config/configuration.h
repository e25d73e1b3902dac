// Everything that one run can be told: the hardware, the OS layer, and the
// names that the contract reserves for what is still to come.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include "hw/base/types.h"
#include "hw/config/machine_config.h"
#include "os/config.h"

namespace faultline::cli {

// Levels of detail (cli/config/detail.h).
inline constexpr std::string_view kTimingFull = "full";
inline constexpr std::string_view kTimingTlb = "tlb";
inline constexpr std::string_view kTimingNone = "none";

// Where a run is at the level of detail that `timing` says.
enum class DetailIn : uint8_t {
  whole,    // everywhere behind run.fast_forward
  regions,  // in regions of interest alone
};

// Which part of a run is measured. Elsewhere it is functional, or warms up.
struct RunConfig {
  uint64_t fast_forward = 0;  // instructions
  uint64_t warm_up = 0;       // the same, behind those
  DetailIn detail = DetailIn::whole;

  bool functional_at_first() const { return fast_forward != 0 || detail == DetailIn::regions; }
  bool asks_for_a_part() const { return functional_at_first() || warm_up != 0; }
};

struct Configuration {
  std::string timing{kTimingFull};
  RunConfig run;
  hw::MachineConfig machine;
  os::OsConfig os;

  // The base page; where the format is the user's own, of a size that passed the checks.
  PageSize page() const {
    if (machine.paging_format != "custom") return {};
    return {static_cast<unsigned>(std::bit_width(machine.paging_custom.page | 1)) - 1};
  }
  uint64_t frames() const { return machine.dram.size >> page().shift; }
};

}  // namespace faultline::cli
