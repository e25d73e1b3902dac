// What `faultline policy` was asked for, checked as far as it can be without
// reading the references.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace faultline::cli {

enum class PolicyTables : uint8_t { automatic, always, never };

struct PolicyOptions {
  std::optional<std::string> string;  // the references themselves ...
  std::optional<std::string> file;    // ... or a text of them, "-": standard input ...
  std::optional<std::string> replay;  // ... or what faultline run --record or --record-paging wrote
  std::vector<std::string> policies;  // none: all, or the recorded one
  std::vector<uint64_t> frames;       // ascending; none: not said
  uint64_t hand_spread = 0;           // 0: a quarter of the frames, at least 1
  uint64_t seed = 1;
  unsigned aging_bits = 8;
  uint64_t tick_every = 0;  // references; 0: as many as there are frames
  PolicyTables tables = PolicyTables::automatic;
  bool actions = false;  // tell what the hands did
  std::optional<std::string> stats_file;
};

}  // namespace faultline::cli
