// What a disk's time depends on, without SystemC: given a transfer and the
// moment at which it is taken up, when it ends. Times are femtoseconds since the
// start of the simulation, in integers throughout: the rounding mode of the
// host's floating point belongs to the guest.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "hw/config/machine_config.h"
#include "hw/devices/block_storage.h"

namespace faultline::hw {

inline constexpr uint64_t kFsPerUs = 1'000'000'000;

struct DiskTransfer {
  uint64_t sector = 0;
  uint64_t bytes = 0;
  bool write = false;
};

struct DiskService {
  uint64_t end_fs = 0;
  // What the time went to; the rest is fixed latency, or waiting for the link.
  uint64_t seek_fs = 0;
  uint64_t rotation_fs = 0;
  uint64_t transfer_fs = 0;
};

class DiskMechanism {
 public:
  virtual ~DiskMechanism() = default;

  // How many requests may be in service at once.
  virtual uint32_t slots() const = 0;
  // Takes a transfer up at `now_fs`, which never runs backwards. The sectors
  // must be on the disk, and fewer than slots() transfers in service.
  virtual DiskService serve(uint64_t now_fs, const DiskTransfer& transfer) = 0;
  // The sector that costs least to reach, for a queue that orders by distance;
  // nothing where there is no such place.
  virtual std::optional<uint64_t> position() const = 0;
};

// Throws std::invalid_argument with one line that names the key at fault.
std::unique_ptr<DiskMechanism> make_disk_mechanism(const DiskConfig& config);

}  // namespace faultline::hw
