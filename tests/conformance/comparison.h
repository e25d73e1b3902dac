// Compares what a conformance program said on the host and as a guest.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace faultline::conformance {

// Cases that may differ, by "PROGRAM.CASE", and why.
using Differences = std::map<std::string, std::string>;

struct Report {
  unsigned same = 0, skipped = 0, listed = 0;  // cases
  std::vector<std::string> notes;              // what was skipped, and the listed differences
  std::vector<std::string> failures;           // one line each; empty: the program conforms
};

// The text of differences.txt: "PROGRAM.CASE: reason"; '#' begins a comment. A
// line that is not so is told of in `mistakes`.
Differences parse_differences(const std::string& text, std::vector<std::string>& mistakes);

// Both outputs are lines "CASE: verdict" in the same order. What the host calls
// "unsupported: ..." is not judged.
Report compare(const std::string& program, const std::string& native, const std::string& guest,
               const Differences& differences);

}  // namespace faultline::conformance
