// Something to be done when a machine has retired so many instructions.
#pragma once

#include <cstdint>
#include <functional>

namespace faultline::hw {

// Shared by the harts of a machine, of which one runs at a time.
struct InstructionStop {
  static constexpr uint64_t kNever = ~uint64_t{0};

  // Instructions that all harts together still retire before; more than 0.
  uint64_t left = kNever;
  // Called once, on the thread of the hart that retired the last of them, right behind it: all
  // counts and cycles are booked, what the OS does for it is still to come. May set `left` again.
  std::function<void()> reached{};
};

}  // namespace faultline::hw
