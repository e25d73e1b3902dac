// Everything that one run can be told: the hardware, the OS layer, and the
// names that the contract reserves for what is still to come.
#pragma once

#include <bit>
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

struct Configuration {
  std::string timing{kTimingFull};
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
