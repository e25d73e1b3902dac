// One transfer between a disk and whole frames of memory.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "hw/base/types.h"

namespace faultline::hw {

struct DiskRequest {
  uint64_t sector = 0;
  // The frames that the transfer fills or empties, in order, one page each.
  std::vector<Pfn> frames;
  bool write = false;
  // Called on the disk's own thread when the transfer has ended; must not wait.
  std::function<void(bool ok)> done;
};

}  // namespace faultline::hw
