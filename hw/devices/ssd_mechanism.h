// Flash: a fixed latency for each request, many at once, and a link that is
// shared. The link is full duplex (as PCI Express is): reads queue for one
// direction and writes for the other. Data cross it after the latency of a read
// and before that of a write.
#pragma once

#include <cstdint>

#include "hw/devices/disk_mechanism.h"

namespace faultline::hw {

class SsdMechanism final : public DiskMechanism {
 public:
  explicit SsdMechanism(const DiskConfig& config);

  uint32_t slots() const override { return queue_depth_; }
  DiskService serve(uint64_t now_fs, const DiskTransfer& transfer) override;
  std::optional<uint64_t> position() const override { return std::nullopt; }

 private:
  uint64_t read_latency_fs_;
  uint64_t write_latency_fs_;
  uint64_t bytes_per_us_;
  uint32_t queue_depth_;
  uint64_t read_link_free_fs_ = 0;
  uint64_t write_link_free_fs_ = 0;
};

}  // namespace faultline::hw
