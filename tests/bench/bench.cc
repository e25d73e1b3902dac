// How fast faultline is: whole runs of real guest programs, beside
// qemu-riscv64 on the same binaries, in turn, so that both see the same
// weather on the machine. Prints a table; --json writes it with the machine's
// name. Status 1 if the integer mix with everything modelled falls below the
// ratio that the project promises.
//
// Then traces: how many references a second faultline trace makes of a recording
// and of lackey's text, on the textbook machine.
//
//   bench [--json FILE] [--repeats N]
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "harness.h"

namespace faultline::system_test {
namespace {

constexpr double kPromisedRatio = 0.14;  // of qemu-riscv64's speed, see docs/timing.md

struct Benchmark {
  const char* machine;
  const char* program;
  std::vector<std::string> arguments, settings;
  bool promised = false;  // must reach kPromisedRatio
};

// core-i7: two levels of TLB, walker, L1, L2, L3 and DRAM all modelled.
const std::vector<Benchmark> kBenchmarks = {
    {"core-i7", "integer_mix", {"60"}, {}, true},
    {"textbook", "integer_mix", {"60"}, {}},
    {"sv39", "integer_mix", {"60"}, {}},
    {"textbook", "integer_mix", {"5"}, {"tlb.enabled=false"}},
    {"core-i7", "matrix_multiply", {"192"}, {}},
    {"core-i7", "stream", {"131072", "20"}, {}},
    {"core-i7", "pointer_chase", {"16384", "4000000"}, {}},
    {"textbook", "random_write", {"48"}, {"dram.size=32M", "swap.size=64M"}},
    {"textbook", "fork_exec_large", {"48"}, {"dram.size=64M"}},
};

struct Timing {
  double faultline_seconds = 0, qemu_seconds = 0, mips = 0;
  uint64_t instructions = 0;

  double ratio() const { return faultline_seconds > 0 ? qemu_seconds / faultline_seconds : 0; }
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

// Empty if a run failed: its message is on standard error then.
std::optional<Timing> measure(const Benchmark& benchmark, unsigned repeats) {
  std::vector<double> faultline_seconds, qemu_seconds;
  Timing timing;
  std::vector<std::string> qemu{"qemu-riscv64", guest(benchmark.program).string()};
  qemu.insert(qemu.end(), benchmark.arguments.begin(), benchmark.arguments.end());
  for (unsigned i = 0; i < repeats; ++i) {
    qemu_seconds.push_back(run(qemu, {.limit = std::chrono::seconds(300)}).seconds);
    RunResult result = faultline_run({.machine = benchmark.machine,
                                      .settings = benchmark.settings,
                                      .program = benchmark.program,
                                      .arguments = benchmark.arguments,
                                      .command = {.limit = std::chrono::seconds(300)}});
    if (result.status != 0 || !result.stats.is_object()) {
      fmt::print(stderr, "bench: failed: {}\n{}", result.line, result.err);
      return std::nullopt;
    }
    faultline_seconds.push_back(result.seconds);
    timing.instructions = count(result.stats, "instructions");
  }
  timing.faultline_seconds = median(faultline_seconds);
  timing.qemu_seconds = median(qemu_seconds);
  timing.mips = static_cast<double>(timing.instructions) / timing.faultline_seconds / 1e6;
  return timing;
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += " " + word;
  return text;
}

// "AMD EPYC ..., 2 processors"
std::string host_name() {
  std::ifstream file("/proc/cpuinfo");
  std::string name = "unknown processor";
  unsigned processors = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("processor")) ++processors;
    if (line.starts_with("model name")) name = line.substr(line.find(':') + 2);
  }
  return fmt::format("{}, {} processors", name, processors);
}

Json json_of(const Benchmark& benchmark, const Timing& timing) {
  return {{"machine", benchmark.machine},
          {"program", benchmark.program},
          {"arguments", benchmark.arguments},
          {"settings", benchmark.settings},
          {"instructions", timing.instructions},
          {"mips", timing.mips},
          {"seconds", timing.faultline_seconds},
          {"qemu_seconds", timing.qemu_seconds},
          {"ratio", timing.ratio()},
          {"promised_ratio", benchmark.promised ? Json(kPromisedRatio) : Json()}};
}

struct TraceBenchmark {
  const char* format;
  fs::path file;
};

// A recording of integer_mix, and lackey's lines of a loop over 256 KB: an
// instruction a line, and every third one loads or stores.
std::vector<TraceBenchmark> make_traces(const fs::path& directory) {
  const fs::path recording = directory / "integer_mix.fltrace";
  const RunResult recorded = faultline_run({.machine = "textbook",
                                            .options = {"--record", recording.string()},
                                            .program = "integer_mix",
                                            .arguments = {"5"},
                                            .command = {.limit = std::chrono::seconds(300)}});
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

// Million references a second, of the whole process.
std::optional<double> measure_trace(const TraceBenchmark& benchmark, const fs::path& stats, unsigned repeats) {
  std::vector<double> rates;
  for (unsigned i = 0; i < repeats; ++i) {
    const Outcome outcome = run({(build_directory() / "faultline").string(), "trace", "--quiet", "--stats",
                                 stats.string(), benchmark.file.string()},
                                {.limit = std::chrono::seconds(300)});
    if (outcome.status != 0) {
      fmt::print(stderr, "bench: failed: faultline trace {}\n{}", benchmark.file.string(), outcome.err);
      return std::nullopt;
    }
    const Json json = Json::parse(read_file(stats));
    rates.push_back(static_cast<double>(count(json, "references.total")) / number(json, "host.seconds") / 1e6);
  }
  return median(rates);
}

// Rows of the table, and of `rows`. False if a trace could not be made or read.
bool bench_traces(Json& rows, unsigned repeats) {
  const FreshDirectory directory;
  const std::vector<TraceBenchmark> benchmarks = make_traces(directory.path());
  fmt::print("\n{:<9} {:<46} {:>27}\n", "machine", "trace", "million references a second");
  for (const TraceBenchmark& benchmark : benchmarks) {
    const std::optional<double> rate = measure_trace(benchmark, directory.path() / "s.json", repeats);
    if (!rate) return false;
    fmt::print("{:<9} {:<46} {:>27.1f}\n", "textbook", benchmark.file.filename().string(), *rate);
    std::fflush(stdout);
    rows.push_back({{"machine", "textbook"}, {"trace", benchmark.format}, {"references_per_us", *rate}});
  }
  return !benchmarks.empty();
}

int bench(const std::string& json_file, unsigned repeats) {
  fmt::print("{}; median of {} runs each\n\n", host_name(), repeats);
  fmt::print("{:<9} {:<46} {:>9} {:>7} {:>8} {:>8} {:>7}\n", "machine", "program", "million", "MIPS", "seconds", "qemu",
             "ratio");
  Json rows = Json::array();
  bool kept = true;
  for (const Benchmark& benchmark : kBenchmarks) {
    std::optional<Timing> timing = measure(benchmark, repeats);
    if (!timing) return 2;
    rows.push_back(json_of(benchmark, *timing));
    const bool below = benchmark.promised && timing->ratio() < kPromisedRatio;
    kept = kept && !below;
    fmt::print("{:<9} {:<46} {:>9.1f} {:>7.1f} {:>8.2f} {:>8.2f} {:>7.3f}{}\n", benchmark.machine,
               benchmark.program + join(benchmark.arguments) + join(benchmark.settings),
               static_cast<double>(timing->instructions) / 1e6, timing->mips, timing->faultline_seconds,
               timing->qemu_seconds, timing->ratio(), below ? fmt::format("  below {}", kPromisedRatio) : "");
    std::fflush(stdout);
  }
  Json traces = Json::array();
  if (!bench_traces(traces, repeats)) return 2;
  if (!json_file.empty())
    write_file(json_file, Json{{"schema", "faultline.bench/1"},
                               {"host", host_name()},
                               {"repeats", repeats},
                               {"rows", rows},
                               {"traces", traces}}
                                  .dump(2) +
                              "\n");
  return kept ? 0 : 1;
}

}  // namespace
}  // namespace faultline::system_test

int main(int argc, char** argv) {
  std::string json_file;
  unsigned repeats = 3;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string option = argv[i];
    if (option == "--json") json_file = argv[i + 1];
    if (option == "--repeats") repeats = std::max(1, std::atoi(argv[i + 1]));
  }
  return faultline::system_test::bench(json_file, repeats);
}
