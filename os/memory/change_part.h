// For those parts of AddressSpace that change one area's part: mlock, madvise.
#pragma once

#include <cerrno>
#include <utility>

#include "os/memory/address_space.h"
#include "os/memory/memory_manager.h"

namespace faultline::os {

// Changes what the areas of a range say of themselves, and not what they show.
// EINVAL where a border would cut a page of MAP_HUGETLB, ENOMEM.
template <class Change>
Result<> AddressSpace::change_part(Areas::iterator area, uint64_t start, uint64_t end, Change&& how) {
  if (cuts_hugetlb(start, end)) return Errno{EINVAL};
  const unsigned borders = (area->second.start < start) + (end < area->second.end);
  if (borders != 0 && too_many_areas(borders)) return Errno{ENOMEM};
  split_at(start);
  split_at(end);
  areas_.change(areas_.find(start), std::forward<Change>(how));
  manager_.cpu().charge(Cycles(manager_.costs().area_change));
  merge_around(end);
  merge_around(start);
  return Unit{};
}

}  // namespace faultline::os
