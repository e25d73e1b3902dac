// Faults of the medium, injected: pages that cannot be read or written, by
// chance or at places that the user names (disk.fault.*).
//
// A page that fails by chance may be well the next time; one at a named place
// fails whenever it is moved in the direction that disk.fault.on says.
#pragma once

#include <cstdint>
#include <random>
#include <string_view>
#include <vector>

#include "hw/config/machine_config.h"
#include "os/files/fault_places.h"

namespace faultline::os {

// One page on its way. `path` is empty, and `offset` 0, where it is no file's.
struct PageOnMedium {
  uint64_t sector = 0;
  uint64_t sectors = 0;
  bool write = false;
  std::string_view path;
  uint64_t offset = 0;  // of the page in the file, in bytes
};

class MediumFaults {
 public:
  // The places of `config` must be such (fault_places.h). `seed` is the run's.
  MediumFaults(const hw::DiskFaultConfig& config, uint64_t seed, uint64_t swap_sectors);

  // Whether the page fails this time. Chance is asked once for every page moved.
  bool fails(const PageOnMedium& page);
  uint64_t injected() const { return injected_; }

 private:
  bool named(const PageOnMedium& page) const;
  bool by_chance(const PageOnMedium& page);

  hw::DiskFaultConfig config_;
  uint64_t swap_sectors_;
  std::vector<FaultRange> sectors_;
  std::vector<FaultFile> files_;
  std::mt19937_64 chance_;
  uint64_t injected_ = 0;
};

}  // namespace faultline::os
