#include "comparison.h"

#include <set>
#include <sstream>
#include <utility>

namespace faultline::conformance {
namespace {

using Verdicts = std::vector<std::pair<std::string, std::string>>;

Verdicts parse_verdicts(const std::string& text) {
  Verdicts verdicts;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const size_t colon = line.find(": ");
    if (colon == std::string::npos) {
      verdicts.emplace_back(line, "");
    } else {
      verdicts.emplace_back(line.substr(0, colon), line.substr(colon + 2));
    }
  }
  return verdicts;
}

}  // namespace

Differences parse_differences(const std::string& text, std::vector<std::string>& mistakes) {
  Differences differences;
  std::istringstream lines(text);
  unsigned number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    const size_t colon = line.find(": ");
    const size_t dot = line.find('.');
    const bool whole = colon != std::string::npos && colon + 2 < line.size() && dot < colon;
    if (!whole) {
      mistakes.push_back("line " + std::to_string(number) + ": expected PROGRAM.CASE: reason");
    } else if (!differences.emplace(line.substr(0, colon), line.substr(colon + 2)).second) {
      mistakes.push_back("line " + std::to_string(number) + ": " + line.substr(0, colon) + " is there twice");
    }
  }
  return differences;
}

Report compare(const std::string& program, const std::string& native, const std::string& guest,
               const Differences& differences) {
  const Verdicts judged = parse_verdicts(native), seen = parse_verdicts(guest);
  Report report;
  std::set<std::string> names;
  if (judged.empty()) report.failures.push_back("the native program said nothing");
  if (judged.size() != seen.size())
    report.failures.push_back(std::to_string(judged.size()) + " lines natively, " + std::to_string(seen.size()) +
                              " under faultline");
  for (size_t i = 0; i < judged.size(); ++i) {
    const auto& [name, verdict] = judged[i];
    const std::string other = i < seen.size() && seen[i].first == name ? seen[i].second : "no line";
    const auto listed = differences.find(program + "." + name);
    if (!names.insert(name).second) report.failures.push_back(name + " is there twice");
    if (verdict.rfind("unsupported: ", 0) == 0) {
      ++report.skipped;
      report.notes.push_back("skipped " + name + ": " + verdict.substr(13));
    } else if (verdict == other && listed != differences.end()) {
      report.failures.push_back(name + " is listed as different, but both say: " + verdict);
    } else if (verdict == other) {
      ++report.same;
    } else if (listed != differences.end()) {
      ++report.listed;
      report.notes.push_back("differs " + name + ": native \"" + verdict + "\", faultline \"" + other +
                             "\": " + listed->second);
    } else {
      report.failures.push_back(name + "\n  native:    " + verdict + "\n  faultline: " + other);
    }
  }
  const std::string prefix = program + ".";
  for (const auto& [name, reason] : differences) {
    if (name.rfind(prefix, 0) == 0 && !names.count(name.substr(prefix.size())))
      report.failures.push_back(name + " is listed as different, but there is no such case");
  }
  return report;
}

}  // namespace faultline::conformance
