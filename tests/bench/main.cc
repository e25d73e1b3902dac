// Prints the table of bench.h; --json writes it with the machine's name. What
// became slower than the baseline by 15 % is said in its line.
//
//   bench [--json FILE] [--repeats N] [--only TEXT] [--baseline FILE] [--write-baseline FILE]
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "bench.h"

namespace faultline::system_test {
namespace {

struct Options {
  std::string json, only, baseline = BENCH_BASELINE, new_baseline;
  unsigned repeats = 3;
};

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
  return {{"name", timing.name},
          {"machine", timing.machine},
          {"timing", timing.timing},
          {"program", benchmark.program},
          {"arguments", benchmark.arguments},
          {"settings", benchmark.settings},
          {"peer", benchmark.peer == Peer::qemu ? "qemu-riscv64" : "native"},
          {"instructions", timing.instructions},
          {"mips", timing.mips()},
          {"cpu_seconds", timing.seconds},
          {"peer_cpu_seconds", timing.peer_seconds},
          {"ratio", timing.ratio()},
          {"event", benchmark.event.name},
          {"events", timing.events},
          {"nanoseconds_each", timing.nanoseconds_each()},
          {"peak_bytes", timing.peak_bytes}};
}

void print_row(const Benchmark& benchmark, const Timing& timing, const Baseline& baseline) {
  fmt::print("{:<36} {:<9} {:<5} {:>7.1f} {:>8.2f} {:>8.2f} {:>7.3f}  {:>9.1f} ns a {:<14} {:>5} MB{}\n", timing.name,
             timing.machine, timing.timing, timing.mips(), timing.seconds, timing.peer_seconds, timing.ratio(),
             timing.nanoseconds_each(), benchmark.event.name, timing.peak_bytes >> 20, baseline.verdict(timing));
  std::fflush(stdout);
}

// Rows of the table; false if a run failed.
bool bench_programs(const Options& options, Json& rows, Json& ratios) {
  const Baseline baseline(options.baseline);
  fmt::print("{:<36} {:<9} {:<5} {:>7} {:>8} {:>8} {:>7}\n", "program", "machine", "timing", "MIPS", "seconds", "peer",
             "ratio");
  for (const Benchmark& benchmark : benchmarks()) {
    if (std::string(benchmark.name).find(options.only) == std::string::npos) continue;
    for (const std::string& machine : benchmark.machines) {
      for (const std::string& timing : benchmark.timings) {
        const std::optional<Timing> measured = measure(benchmark, machine, timing, options.repeats);
        if (!measured) return false;
        print_row(benchmark, *measured, baseline);
        rows.push_back(json_of(benchmark, *measured));
        ratios[measured->key()] = measured->ratio();
      }
    }
  }
  return true;
}

bool bench_traces(const Options& options, Json& rows) {
  const auto timings = measure_traces(options.repeats);
  if (!timings) return false;
  fmt::print("\n{:<46} {:>27}\n", "trace, on textbook", "million references a second");
  for (const TraceTiming& timing : *timings) {
    fmt::print("{:<46} {:>27.1f}\n", timing.format, timing.references_per_us);
    rows.push_back(
        {{"machine", "textbook"}, {"trace", timing.format}, {"references_per_us", timing.references_per_us}});
  }
  return true;
}

int bench(const Options& options) {
  fmt::print(
      "{}; the best of {} runs each; seconds of processor time; the peer is qemu-riscv64 with the same\n"
      "binary, or for what goes through the system the host's build of the same source\n\n",
      host_name(), options.repeats);
  Json rows = Json::array(), traces = Json::array(), ratios = Json::object();
  if (!bench_programs(options, rows, ratios)) return 2;
  if (options.only.empty() && !bench_traces(options, traces)) return 2;
  if (!options.json.empty()) {
    const Json all{{"schema", "faultline.bench/2"},
                   {"host", host_name()},
                   {"repeats", options.repeats},
                   {"rows", rows},
                   {"traces", traces}};
    write_file(options.json, all.dump(2) + "\n");
  }
  if (!options.new_baseline.empty()) {
    const Json all{{"about", "Ratios of ./dev bench --write-baseline, on " + host_name()}, {"ratios", ratios}};
    write_file(options.new_baseline, all.dump(2) + "\n");
  }
  return 0;
}

}  // namespace
}  // namespace faultline::system_test

int main(int argc, char** argv) {
  faultline::system_test::Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string option = argv[i];
    const std::string value = i + 1 < argc ? argv[i + 1] : "";
    if (option == "--json") {
      options.json = value;
    } else if (option == "--only") {
      options.only = value;
    } else if (option == "--baseline") {
      options.baseline = value;
    } else if (option == "--write-baseline") {
      options.new_baseline = value;
    } else if (option == "--repeats") {
      options.repeats = static_cast<unsigned>(std::max(1, std::atoi(value.c_str())));
    } else {
      fmt::print(stderr,
                 "bench: {}: expected --json FILE, --repeats N, --only TEXT, --baseline FILE or "
                 "--write-baseline FILE\n",
                 option);
      return 2;
    }
  }
  return faultline::system_test::bench(options);
}
