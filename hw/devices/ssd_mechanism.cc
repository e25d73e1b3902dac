#include "hw/devices/ssd_mechanism.h"

#include <algorithm>
#include <stdexcept>

namespace faultline::hw {

SsdMechanism::SsdMechanism(const DiskConfig& config)
    : read_latency_fs_(config.ssd_read_us * kFsPerUs),
      write_latency_fs_(config.ssd_write_us * kFsPerUs),
      bytes_per_us_(config.ssd_bytes_per_us),
      queue_depth_(config.queue_depth) {
  if (bytes_per_us_ == 0) throw std::invalid_argument("disk.ssd_bytes_per_us: expected at least 1");
  if (queue_depth_ == 0) throw std::invalid_argument("disk.queue_depth: expected at least 1");
  if (std::max(config.ssd_read_us, config.ssd_write_us) > 10'000'000)
    throw std::invalid_argument("disk.ssd_read_us, disk.ssd_write_us: expected at most 10000000");
}

DiskService SsdMechanism::serve(uint64_t now_fs, const DiskTransfer& transfer) {
  DiskService service;
  service.transfer_fs = transfer.bytes * kFsPerUs / bytes_per_us_;
  if (transfer.write) {
    write_link_free_fs_ = std::max(now_fs, write_link_free_fs_) + service.transfer_fs;
    service.end_fs = write_link_free_fs_ + write_latency_fs_;
  } else {
    read_link_free_fs_ = std::max(now_fs + read_latency_fs_, read_link_free_fs_) + service.transfer_fs;
    service.end_fs = read_link_free_fs_;
  }
  return service;
}

}  // namespace faultline::hw
