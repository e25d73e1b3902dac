// Which units of a row are free: contiguous memory, or swap space. Everything is
// handed out and given back in runs, so that what is free falls to pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include "os/config.h"

namespace faultline::os::early {

class HoleMap {
 public:
  // All of [begin, end) is free.
  HoleMap(uint64_t begin, uint64_t end);

  // Where a hole begins that holds so many units (more than 0); of equal holes the lowest.
  std::optional<uint64_t> find(uint64_t units, Placement placement) const;
  bool is_free(uint64_t begin, uint64_t units) const;
  // All of it must be free.
  void take(uint64_t begin, uint64_t units);
  // None of it may be free. Joins the holes on both sides.
  void give(uint64_t begin, uint64_t units);

  uint64_t free_units() const { return free_; }
  uint64_t largest() const;
  size_t holes() const { return holes_.size(); }

 private:
  std::map<uint64_t, uint64_t> holes_;  // by beginning: units
  uint64_t free_ = 0;
};

}  // namespace faultline::os::early
