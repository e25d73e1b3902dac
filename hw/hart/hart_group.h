// What the harts of one machine must know of each other: whether somebody else runs.
#pragma once

#include <cstdint>

namespace faultline::hw {

struct HartGroup {
  uint32_t awake = 0;  // harts that run, or whose OS does; the others are idle
};

}  // namespace faultline::hw
