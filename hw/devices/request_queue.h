// The requests that wait for a disk: in which order it takes them, and which
// it takes together.
//
// Order (disk.scheduler): as they came; or the elevator, one way round
// (C-LOOK): the nearest at or beyond the head, and from the last one back to the
// first. So none waits longer than one round, unless others keep coming right in
// front of the head. A disk that reaches all places alike has no use for that
// and takes them as they came.
//
// Neighbours (disk.merge): requests of one direction that lie side by side go in
// one transfer, whenever they came.
//
// Whatever the order, a request never overtakes an earlier one for the same
// sectors, if one of them writes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "hw/base/types.h"
#include "hw/config/machine_config.h"
#include "hw/devices/disk_request.h"

namespace faultline::hw {

class RequestQueue {
 public:
  RequestQueue(const DiskConfig& config, PageSize page);

  bool empty() const { return waiting_.empty(); }
  uint64_t size() const { return waiting_.size(); }
  void add(DiskRequest request);

  // What to serve next, in order of place; the queue must not be empty. `head`:
  // the sector that costs least to reach, if there is one.
  std::vector<DiskRequest> take(std::optional<uint64_t> head);

 private:
  using Waiting = std::map<uint64_t, DiskRequest>;  // by the order in which they came
  using Place = std::pair<uint64_t, uint64_t>;      // sector and number

  uint64_t end(const DiskRequest& request) const { return request.sector + request.frames.size() * sectors_of_page_; }
  bool on_disk(const DiskRequest& request) const {
    return request.sector <= disk_end_ && end(request) - request.sector <= disk_end_ - request.sector;
  }
  Waiting::iterator choose(std::optional<uint64_t> head);
  // The first that came before and that this one must not overtake.
  std::optional<uint64_t> in_the_way(Waiting::const_iterator request) const;
  std::optional<uint64_t> neighbour_behind(const DiskRequest& request) const;
  std::optional<uint64_t> neighbour_before(const DiskRequest& request) const;
  bool may_join(uint64_t number, const DiskRequest& request, uint64_t pages) const;
  DiskRequest remove(Waiting::iterator request);

  bool elevator_;
  uint64_t most_pages_;  // of requests that are taken together
  uint64_t sectors_of_page_;
  uint64_t disk_end_;
  uint64_t longest_ = 0;  // sectors of the longest request that ever came
  uint64_t next_number_ = 0;
  Waiting waiting_;
  std::set<Place> by_place_;
};

}  // namespace faultline::hw
