// Random programs whose code runs more than once: loops of every form, calls,
// jumps through tables, code that changes code, instructions across pages,
// and on request instructions that trap.
#pragma once

#include <cstdint>

#include "random_code.h"

namespace faultline::hw {

// From here on every other page of the image is a hole: a test may leave it
// out. Programs without traps do not come here.
inline constexpr uint32_t kHoles = 0x192000, kHoleBytes = 0x8000;

// `programs` loops, each run three times with other values in the registers.
// Equal arguments, equal code.
RandomCode make_loop_code(uint64_t seed, unsigned programs, bool traps);

}  // namespace faultline::hw
