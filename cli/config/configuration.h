// Everything that one run can be told: the hardware, the OS layer, and the
// names that the contract reserves for what is still to come.
#pragma once

#include <string>

#include "hw/config/machine_config.h"
#include "os/config.h"

namespace faultline::cli {

struct Configuration {
  std::string timing = "full";  // every access takes its time
  std::string huge = "never";   // transparent huge pages
  hw::MachineConfig machine;
  os::OsConfig os;
};

}  // namespace faultline::cli
