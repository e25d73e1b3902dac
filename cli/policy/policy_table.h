// What a policy did with a reference string: as a table of a textbook, as a list
// of what the hands did, and in numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "os/reclaim/reference_string.h"

namespace faultline::cli {

struct PolicyStep {
  uint32_t page = 0;  // by number
  os::OfflineMemory::Step step;
  std::vector<uint32_t> contents;  // by frame, after the step
  std::vector<os::PolicyAction> actions;
};

struct PolicyResult {
  std::string policy;
  uint64_t frames = 0;
  uint64_t hand_spread = 0;
  uint64_t faults = 0;
  std::vector<PolicyStep> steps;  // empty where nobody asked for them
};

// `names`: of the pages, by number.
std::string policy_table(const PolicyResult& result, std::span<const uint64_t> names);
// A line for each reference at which there was something to do.
std::string policy_actions(const PolicyResult& result, std::span<const uint64_t> names);
// Faults: a line for each policy, a column for each number of frames.
std::string policy_summary(std::span<const PolicyResult> results, uint64_t references, uint64_t pages);

}  // namespace faultline::cli
