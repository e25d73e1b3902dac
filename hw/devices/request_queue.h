// The requests that wait for a disk, and the order in which it takes them: first
// come, first served. Another order (an elevator) belongs here: take() is told
// where the arm is.
#pragma once

#include <cstdint>
#include <deque>
#include <utility>

#include "hw/devices/disk_request.h"

namespace faultline::hw {

class RequestQueue {
 public:
  bool empty() const { return waiting_.empty(); }
  uint64_t size() const { return waiting_.size(); }
  void add(DiskRequest request) { waiting_.push_back(std::move(request)); }

  // The next to serve; the queue must not be empty. `position` is the sector
  // under the head.
  DiskRequest take(uint64_t /*position*/) {
    DiskRequest request = std::move(waiting_.front());
    waiting_.pop_front();
    return request;
  }

 private:
  std::deque<DiskRequest> waiting_;
};

}  // namespace faultline::hw
