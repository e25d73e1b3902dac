// A part of the machine that serves one transfer at a time.
#pragma once

#include <algorithm>
#include <cstdint>

namespace faultline::hw {

// Several harts run ahead of each other by up to a quantum, so transfers do not
// come in the order of time. One that comes late, from a hart that is behind,
// does not wait for what a hart ahead of it has done since: as of its own time
// nobody was in its way.
class Occupancy {
 public:
  // When a transfer ends that arrives at `at` and lasts `taken`. `in_order`: with one hart all wait for those before.
  uint64_t take(uint64_t at, uint64_t taken, bool in_order) {
    if (!in_order && at < latest_) {
      busy_until_ = std::max(busy_until_, at + taken);
      return at + taken;
    }
    latest_ = at;
    busy_until_ = std::max(at, busy_until_) + taken;
    return busy_until_;
  }

 private:
  uint64_t busy_until_ = 0;
  uint64_t latest_ = 0;  // arrival
};

}  // namespace faultline::hw
