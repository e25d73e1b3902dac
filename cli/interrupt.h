// Ctrl-C: asks the run to end with what it has counted so far.
#pragma once

#include <atomic>

namespace faultline::cli {

// What a command that Ctrl-C ended exits with: 128 + SIGINT, as a shell has it.
inline constexpr int kInterruptedStatus = 130;

// While it lives, SIGINT sets the flag; a second SIGINT ends the process at
// once. At most one at a time.
class InterruptFlag {
 public:
  InterruptFlag();
  ~InterruptFlag();
  InterruptFlag(const InterruptFlag&) = delete;
  InterruptFlag& operator=(const InterruptFlag&) = delete;

  const std::atomic<bool>* flag() const;
};

}  // namespace faultline::cli
