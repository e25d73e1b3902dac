// One transfer between a disk and whole frames of memory, and how it ended.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "hw/base/types.h"

namespace faultline::hw {

// How a transfer ended. Pages fail one by one: the others have moved.
class TransferOutcome {
 public:
  TransferOutcome() = default;  // all is well
  static TransferOutcome all_failed() {
    TransferOutcome outcome;
    outcome.all_failed_ = true;
    return outcome;
  }
  // Page `i` of the request could not be moved; in rising order.
  void fail(size_t i) { failed_.push_back(i); }

  bool ok() const { return !all_failed_ && failed_.empty(); }
  bool ok(size_t i) const { return !all_failed_ && !std::binary_search(failed_.begin(), failed_.end(), i); }

 private:
  bool all_failed_ = false;
  std::vector<size_t> failed_;
};

struct DiskRequest {
  uint64_t sector = 0;
  // The frames that the transfer fills or empties, in order, one page each.
  std::vector<Pfn> frames;
  bool write = false;
  // Called on the disk's own thread when the transfer has ended; must not wait.
  std::function<void(const TransferOutcome&)> done;
};

}  // namespace faultline::hw
