#include "hw/devices/disk_mechanism.h"

#include "hw/devices/hdd_mechanism.h"
#include "hw/devices/ssd_mechanism.h"

namespace faultline::hw {

std::unique_ptr<DiskMechanism> make_disk_mechanism(const DiskConfig& config) {
  if (config.kind == DiskKind::ssd) return std::make_unique<SsdMechanism>(config);
  return std::make_unique<HddMechanism>(config);
}

}  // namespace faultline::hw
