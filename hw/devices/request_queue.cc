#include "hw/devices/request_queue.h"

#include <algorithm>

#include "hw/devices/block_storage.h"

namespace faultline::hw {

RequestQueue::RequestQueue(const DiskConfig& config, PageSize page)
    : elevator_(config.scheduler == DiskScheduler::elevator),
      most_pages_(config.merge),
      sectors_of_page_(page.bytes() / kSectorBytes),
      disk_end_(config.size / kSectorBytes) {}

void RequestQueue::add(DiskRequest request) {
  longest_ = std::max(longest_, end(request) - request.sector);
  by_place_.emplace(request.sector, next_number_);
  waiting_.emplace(next_number_++, std::move(request));
}

std::vector<DiskRequest> RequestQueue::take(std::optional<uint64_t> head) {
  std::vector<DiskRequest> together;
  together.push_back(remove(choose(head)));
  uint64_t pages = together.front().frames.size();
  while (const auto number = neighbour_behind(together.back())) {
    if (!may_join(*number, together.back(), pages)) break;
    together.push_back(remove(waiting_.find(*number)));
    pages += together.back().frames.size();
  }
  while (const auto number = neighbour_before(together.front())) {
    if (!may_join(*number, together.front(), pages)) break;
    together.insert(together.begin(), remove(waiting_.find(*number)));
    pages += together.front().frames.size();
  }
  return together;
}

RequestQueue::Waiting::iterator RequestQueue::choose(std::optional<uint64_t> head) {
  auto chosen = waiting_.begin();
  if (elevator_ && head) {
    auto place = by_place_.lower_bound({*head, 0});
    if (place == by_place_.end()) place = by_place_.begin();
    chosen = waiting_.find(place->second);
  }
  while (const auto earlier = in_the_way(chosen)) chosen = waiting_.find(*earlier);
  return chosen;
}

std::optional<uint64_t> RequestQueue::in_the_way(Waiting::const_iterator request) const {
  const DiskRequest& mine = request->second;
  std::optional<uint64_t> first;
  const uint64_t from = mine.sector - std::min(mine.sector, longest_);
  for (auto place = by_place_.lower_bound({from, 0}); place != by_place_.end() && place->first < end(mine); ++place) {
    if (place->second >= first.value_or(request->first)) continue;
    const DiskRequest& other = waiting_.at(place->second);
    if (end(other) > mine.sector && (mine.write || other.write)) first = place->second;
  }
  return first;
}

std::optional<uint64_t> RequestQueue::neighbour_behind(const DiskRequest& request) const {
  const auto place = by_place_.lower_bound({end(request), 0});
  if (place == by_place_.end() || place->first != end(request)) return std::nullopt;
  return place->second;
}

std::optional<uint64_t> RequestQueue::neighbour_before(const DiskRequest& request) const {
  const uint64_t from = request.sector - std::min(request.sector, longest_);
  for (auto place = by_place_.lower_bound({from, 0}); place != by_place_.end() && place->first < request.sector;
       ++place) {
    if (end(waiting_.at(place->second)) == request.sector) return place->second;
  }
  return std::nullopt;
}

// One that runs off the disk stays by itself, and fails by itself.
bool RequestQueue::may_join(uint64_t number, const DiskRequest& request, uint64_t pages) const {
  const auto other = waiting_.find(number);
  return other->second.write == request.write && pages + other->second.frames.size() <= most_pages_ &&
         on_disk(other->second) && on_disk(request) && !in_the_way(other);
}

DiskRequest RequestQueue::remove(Waiting::iterator request) {
  DiskRequest taken = std::move(request->second);
  by_place_.erase({taken.sector, request->first});
  waiting_.erase(request);
  return taken;
}

}  // namespace faultline::hw
