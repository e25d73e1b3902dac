#include "cli/policy/policy_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace faultline::cli {
namespace {

constexpr size_t kLineWidth = 100;

using Steps = std::span<const PolicyStep>;

// One line: what `cell` says of every step.
template <class Cell>
void add_row(std::string& text, const std::string& label, size_t label_width, size_t width, Steps steps, Cell&& cell) {
  std::string line = fmt::format("{:<{}}", label, label_width);
  for (const PolicyStep& step : steps) line += fmt::format(" {:>{}}", cell(step), width);
  line.erase(line.find_last_not_of(' ') + 1);
  text += line + "\n";
}

// As many steps as go into a line.
void add_block(std::string& text, Steps steps, uint64_t frames, size_t label_width, size_t width,
               std::span<const uint64_t> names) {
  add_row(text, "page", label_width, width, steps, [&](const PolicyStep& s) { return std::to_string(names[s.page]); });
  for (uint64_t frame = 0; frame < frames; ++frame) {
    add_row(text, fmt::format("frame {}", frame), label_width, width, steps, [&](const PolicyStep& s) {
      const uint32_t page = s.contents[frame];
      return page == os::OfflineMemory::kEmpty ? std::string() : std::to_string(names[page]);
    });
  }
  add_row(text, "fault", label_width, width, steps, [](const PolicyStep& s) { return s.step.hit ? "" : "*"; });
  add_row(text, "out", label_width, width, steps,
          [&](const PolicyStep& s) { return s.step.victim ? std::to_string(names[*s.step.victim]) : std::string(); });
}

std::string plural(uint64_t count, const char* one) {
  return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s");
}

}  // namespace

std::string policy_table(const PolicyResult& result, std::span<const uint64_t> names) {
  const uint64_t references = result.steps.size();
  std::string text = fmt::format("{}, {}: {}, {}\n\n", result.policy, plural(result.frames, "frame"),
                                 plural(result.faults, "fault"), plural(references - result.faults, "hit"));
  size_t width = 1;
  for (const uint64_t name : names) width = std::max(width, std::to_string(name).size());
  const size_t label_width = fmt::format("frame {}", result.frames - 1).size() + 1;
  const size_t in_a_line = std::max<size_t>((kLineWidth - label_width) / (width + 1), 1);
  const Steps steps(result.steps);
  for (size_t at = 0; at < steps.size(); at += in_a_line) {
    add_block(text, steps.subspan(at, std::min(in_a_line, steps.size() - at)), result.frames, label_width, width,
              names);
    text += "\n";
  }
  return text;
}

std::string policy_actions(const PolicyResult& result, std::span<const uint64_t> names) {
  std::string text;
  for (size_t i = 0; i < result.steps.size(); ++i) {
    const PolicyStep& step = result.steps[i];
    if (step.actions.empty()) continue;
    text += fmt::format("{:>4}. page {}:", i + 1, names[step.page]);
    for (const os::PolicyAction& action : step.actions) {
      using Kind = os::PolicyAction::Kind;
      text += fmt::format(" {}{}{}", action.hand == os::Hand::front ? 'f' : 'b', action.frame,
                          action.kind == Kind::taken     ? "!"
                          : action.kind == Kind::cleared ? "-"
                                                         : "");
    }
    text += "\n";
  }
  if (text.empty()) return "no page was looked for\n\n";
  return "f: the front hand looks at a frame, b: the back hand; -: a bit is cleared, !: the page is taken\n" + text +
         "\n";
}

std::string policy_summary(std::span<const PolicyResult> results, uint64_t references, uint64_t pages) {
  std::vector<std::string> policies;
  std::vector<uint64_t> frames;
  size_t width = 1;
  for (const PolicyResult& result : results) {
    if (std::find(policies.begin(), policies.end(), result.policy) == policies.end()) policies.push_back(result.policy);
    if (std::find(frames.begin(), frames.end(), result.frames) == frames.end()) frames.push_back(result.frames);
    width = std::max({width, std::to_string(result.faults).size(), std::to_string(result.frames).size()});
  }
  const size_t label_width = 12;
  std::string text = fmt::format("{} to {}; faults, of which {} first use{}\n\n{:<{}}", plural(references, "reference"),
                                 plural(pages, "page"), pages, pages == 1 ? "" : "s", "frames", label_width);
  for (const uint64_t size : frames) text += fmt::format("  {:>{}}", size, width);
  text += "\n";
  for (const std::string& policy : policies) {
    text += fmt::format("{:<{}}", policy, label_width);
    for (const PolicyResult& result : results) {
      if (result.policy == policy) text += fmt::format("  {:>{}}", result.faults, width);
    }
    text += "\n";
  }
  return text;
}

}  // namespace faultline::cli
