// How fast faultline is: whole runs of real guest programs, beside
// qemu-riscv64 on the same binaries, in turn, so that both see the same
// weather on the machine. Prints a table; --json writes it with the machine's
// name. Status 1 if the integer mix with everything modelled falls below the
// ratio that the project promises.
//
//   bench [--json FILE] [--repeats N]
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
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
  if (!json_file.empty())
    write_file(
        json_file,
        Json{{"schema", "faultline.bench/1"}, {"host", host_name()}, {"repeats", repeats}, {"rows", rows}}.dump(2) +
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
