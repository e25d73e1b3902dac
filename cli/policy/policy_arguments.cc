#include "cli/policy/policy_arguments.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <functional>

#include "cli/config/user_error.h"
#include "cli/report/say.h"
#include "os/reclaim/replacement_policy.h"

namespace faultline::cli {
namespace {

constexpr uint64_t kMostFrames = uint64_t{1} << 26;  // 256 GB in pages of 4 KB
constexpr size_t kMostSizes = 1000;

constexpr const char* kExamples = R"(Examples:
  faultline policy --string "1 2 3 4 1 2 5 1 2 3 4 5" --frames 3 --policy fifo
  faultline policy --string "1 2 3 4 1 2 5 1 2 3 4 5" --frames 1-7     Belady's anomaly: fifo, 3 and 4
  faultline policy --string "0 1 2 3 0 4" --frames 4 --policy two-handed --hand-spread 2 --actions
  faultline run --record-paging out.pages -s dram.size=8M ./prog
  faultline policy --replay out.pages          the same pages in the same order?
  faultline run --record out.refs ./prog
  faultline policy --replay out.refs --frames 256,512,1024             what each policy would do

docs/page-out.md says what the policies do.
)";

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == at) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

std::optional<uint64_t> whole_number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

uint64_t number(const char* option, const std::string& text, uint64_t least, uint64_t greatest) {
  const std::optional<uint64_t> value = whole_number(text);
  if (value && *value >= least && *value <= greatest) return *value;
  throw UserError(fmt::format("{} {}: expected a whole number from {} to {}", option, clipped(text), least, greatest));
}

std::vector<std::string> policy_names(const std::string& text) {
  const auto known = os::replacement_policy_names();
  std::vector<std::string> names;
  for (const std::string& name : split(text, ',')) {
    if (name == "all") {
      names.insert(names.end(), known.begin(), known.end());
    } else if (std::find(known.begin(), known.end(), name) != known.end()) {
      names.push_back(name);
    } else {
      throw UserError(
          fmt::format("--policy {}: there are {} and all", clipped(text), fmt::join(known.begin(), known.end(), ", ")));
    }
  }
  return names;
}

}  // namespace

std::vector<uint64_t> parse_frames(const std::string& text) {
  std::vector<uint64_t> frames;
  for (const std::string& part : split(text, ',')) {
    const size_t dash = part.find('-');
    const std::optional<uint64_t> first = whole_number(std::string_view(part).substr(0, dash));
    const std::optional<uint64_t> last =
        dash == std::string::npos ? first : whole_number(std::string_view(part).substr(dash + 1));
    if (!first || !last || *first == 0 || *last < *first || *last > kMostFrames) {
      throw UserError(fmt::format("--frames {}: expected numbers from 1 to {}, such as 3, 1-7 or 64,128", clipped(text),
                                  kMostFrames));
    }
    if (frames.size() + (*last - *first) >= kMostSizes) {
      throw UserError(fmt::format("--frames {}: at most {} sizes of memory at once", clipped(text), kMostSizes));
    }
    for (uint64_t size = *first; size <= *last; ++size) frames.push_back(size);
  }
  std::sort(frames.begin(), frames.end());
  frames.erase(std::unique(frames.begin(), frames.end()), frames.end());
  return frames;
}

void add_policy_options(CLI::App& app, PolicyOptions& options) {
  app.footer(kExamples);
  app.get_formatter()->column_width(30);
  const auto option = [&app](const char* name, const char* type, const char* help,
                             std::function<void(const std::string&)> take) {
    return app.add_option_function<std::string>(name, std::move(take), help)->type_name(type);
  };
  option("--string", "\"PAGE ...\"", "The references: page numbers", [&](const auto& text) { options.string = text; });
  option("--file", "FILE", "A text of them, - for standard input; # begins a comment",
         [&](const auto& text) { options.file = text; });
  option("--replay", "FILE", "What faultline run --record-paging wrote, or --record",
         [&](const auto& text) { options.replay = text; });
  option("--frames", "N", "Frames of memory: 3, 1-7, 64,128,256",
         [&](const auto& text) { options.frames = parse_frames(text); });
  option("--policy", "NAME", "One or several with commas, or all; else all, or the recorded one",
         [&](const auto& text) { options.policies = policy_names(text); });
  option("--hand-spread", "PAGES", "Of the two-handed clock; else a quarter of the frames",
         [&](const auto& text) { options.hand_spread = number("--hand-spread", text, 1, kMostFrames); });
  option("--seed", "N", "Of random", [&](const auto& text) { options.seed = number("--seed", text, 0, ~uint64_t{0}); });
  option("--bits", "N", "Width of the counters of nfu and aging; else 8",
         [&](const auto& text) { options.aging_bits = static_cast<unsigned>(number("--bits", text, 1, 64)); });
  option("--interval", "N", "References between two samples of nfu and aging; else as many as frames",
         [&](const auto& text) { options.tick_every = number("--interval", text, 1, UINT32_MAX); });
  app.add_flag_callback(
      "--table", [&options] { options.tables = PolicyTables::always; },
      "Each step's frames, also of a long string or for several sizes of memory");
  app.add_flag_callback(
      "--summary", [&options] { options.tables = PolicyTables::never; }, "Numbers of faults alone");
  app.add_flag("--actions", options.actions, "Under each table what the hands did");
  option("--stats", "FILE", "Write the results as JSON", [&](const auto& text) { options.stats_file = text; });
}

void check_policy_options(const PolicyOptions& options) {
  const int sources = options.string.has_value() + options.file.has_value() + options.replay.has_value();
  if (sources != 1) {
    throw UserError(sources == 0
                        ? "policy: no references; give --string, --file or --replay, see faultline policy --help"
                        : "policy: one of --string, --file and --replay, not several");
  }
  if (!options.replay && options.frames.empty())
    throw UserError("policy: how many frames? --frames 3, see faultline policy --help");
}

}  // namespace faultline::cli
