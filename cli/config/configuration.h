// Everything that one run can be told: the hardware, the OS layer, and the
// names that the contract reserves for what is still to come.
#pragma once

#include <string>

#include "hw/base/types.h"
#include "hw/config/machine_config.h"
#include "os/config.h"

namespace faultline::cli {

struct Configuration {
  std::string timing = "full";  // every access takes its time
  std::string huge = "never";   // transparent huge pages
  hw::MachineConfig machine;
  os::OsConfig os;

  // The base page, of every format so far.
  PageSize page() const { return {}; }
  uint64_t frames() const { return machine.dram.size >> page().shift; }
};

}  // namespace faultline::cli
