#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "bench.h"

namespace faultline::system_test {
namespace {

constexpr auto kLimit = std::chrono::seconds(300);

struct Trace {
  const char* format;
  fs::path file;
};

// A recording of integer_mix, and lackey's lines of a loop over 256 KB: an
// instruction a line, and every third one loads or stores.
std::vector<Trace> make_traces(const fs::path& directory) {
  const fs::path recording = directory / "integer_mix.fltrace";
  const RunResult recorded = faultline_run({.machine = "textbook",
                                            .options = {"--record", recording.string()},
                                            .program = "integer_mix",
                                            .arguments = {"5"},
                                            .command = {.limit = kLimit}});
  if (recorded.status != 0) return {};
  constexpr unsigned kInstructions = 6'000'000;
  std::string text;
  text.reserve(kInstructions * 20ull);
  for (unsigned i = 0; i < kInstructions; ++i) {
    fmt::format_to(std::back_inserter(text), "I  {:08x},4\n", 0x109000 + i % 200 * 4);
    if (i % 3 == 0)
      fmt::format_to(std::back_inserter(text), " {} {:08x},8\n", i % 9 == 0 ? 'S' : 'L', 0x4a30000 + i * 8 % 262144);
  }
  const fs::path lackey = directory / "loop.lackey";
  write_file(lackey, text);
  return {{"faultline", recording}, {"lackey", lackey}};
}

}  // namespace

std::optional<std::vector<TraceTiming>> measure_traces(unsigned repeats) {
  const FreshDirectory directory;
  const fs::path stats = directory.path() / "s.json";
  std::vector<TraceTiming> timings;
  for (const Trace& trace : make_traces(directory.path())) {
    double best = 0;
    for (unsigned i = 0; i < repeats; ++i) {
      const Outcome outcome = run({(build_directory() / "faultline").string(), "trace", "--quiet", "--stats",
                                   stats.string(), trace.file.string()},
                                  {.limit = kLimit});
      if (outcome.status != 0) {
        fmt::print(stderr, "bench: failed: faultline trace {}\n{}", trace.file.string(), outcome.err);
        return std::nullopt;
      }
      const auto references = static_cast<double>(count(Json::parse(read_file(stats)), "references.total"));
      best = std::max(best, references / outcome.cpu_seconds / 1e6);
    }
    timings.push_back({trace.format, best});
  }
  if (timings.empty()) return std::nullopt;
  return timings;
}

}  // namespace faultline::system_test
