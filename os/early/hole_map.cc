#include "os/early/hole_map.h"

#include <algorithm>
#include <cassert>
#include <iterator>

namespace faultline::os::early {

HoleMap::HoleMap(uint64_t begin, uint64_t end) {
  if (begin < end) give(begin, end - begin);
}

std::optional<uint64_t> HoleMap::find(uint64_t units, Placement placement) const {
  const std::pair<const uint64_t, uint64_t>* best = nullptr;
  for (const auto& hole : holes_) {
    if (hole.second < units) continue;
    if (placement == Placement::first_fit) return hole.first;
    const bool better =
        best == nullptr || (placement == Placement::best_fit ? hole.second < best->second : hole.second > best->second);
    if (better) best = &hole;
  }
  if (best == nullptr) return std::nullopt;
  return best->first;
}

bool HoleMap::is_free(uint64_t begin, uint64_t units) const {
  const auto after = holes_.upper_bound(begin);
  if (after == holes_.begin()) return false;
  const auto& [first, size] = *std::prev(after);
  return begin - first <= size && units <= size - (begin - first);
}

void HoleMap::take(uint64_t begin, uint64_t units) {
  assert(is_free(begin, units));
  const auto hole = std::prev(holes_.upper_bound(begin));
  const uint64_t first = hole->first;
  const uint64_t end = first + hole->second;
  holes_.erase(hole);
  if (first < begin) holes_[first] = begin - first;
  if (begin + units < end) holes_[begin + units] = end - (begin + units);
  free_ -= units;
}

void HoleMap::give(uint64_t begin, uint64_t units) {
  if (units == 0) return;
  free_ += units;
  auto after = holes_.lower_bound(begin);
  if (after != holes_.end() && after->first == begin + units) {
    units += after->second;
    after = holes_.erase(after);
  }
  if (after != holes_.begin()) {
    auto& [first, size] = *std::prev(after);
    if (first + size == begin) {
      size += units;
      return;
    }
  }
  holes_.emplace(begin, units);
}

uint64_t HoleMap::largest() const {
  uint64_t most = 0;
  for (const auto& [first, size] : holes_) most = std::max(most, size);
  return most;
}

}  // namespace faultline::os::early
