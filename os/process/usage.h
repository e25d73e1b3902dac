// What a process or a task has used.
#pragma once

#include <cstdint>

namespace faultline::os {

// getrusage and the statistics of one process.
struct Usage {
  uint64_t instructions = 0;
  uint64_t user_cycles = 0;
  uint64_t system_cycles = 0;
  uint64_t minor_faults = 0;
  uint64_t major_faults = 0;
  uint64_t voluntary_switches = 0;
  uint64_t involuntary_switches = 0;
  uint64_t peak_resident_pages = 0;

  void add(const Usage& other);
};

}  // namespace faultline::os
