#include <fmt/format.h>

#include <algorithm>

#include "bench.h"

namespace faultline::system_test {
namespace {

const std::vector<std::string> kAll = {"full", "tlb", "none"};
const std::vector<std::string> kOne = {"full", "tlb"};

constexpr auto kLimit = std::chrono::seconds(300);

std::vector<std::string> peer_command(const Benchmark& benchmark) {
  std::vector<std::string> command;
  if (benchmark.peer == Peer::qemu) {
    command = {"qemu-riscv64", guest(benchmark.program).string()};
  } else {
    command = {native_guest(benchmark.program).string()};
  }
  command.insert(command.end(), benchmark.arguments.begin(), benchmark.arguments.end());
  return command;
}

}  // namespace

// core-i7: two levels of TLB, walker, L1, L2, L3 and DRAM all modelled;
// textbook, the default: TLBs of one level and flat memory.
const std::vector<Benchmark>& benchmarks() {
  static const std::vector<Benchmark> all = {
      {"integer mix", "integer_mix", {"30"}, {}, {"textbook", "core-i7"}, kAll},
      {"tight loops", "storms", {"loops", "60"}, {}, {"textbook", "core-i7"}, kAll},
      {"pointer chase, 64 MiB", "pointer_chase", {"65536", "2000000"}, {}, {"textbook", "core-i7"}, kAll},
      {"matrix multiply, doubles", "matrix_multiply", {"192"}, {}, {"textbook", "core-i7"}, kAll},
      {"stream", "stream", {"131072", "20"}, {}, {"textbook", "core-i7"}, kAll},
      {"integer mix, no TLB",
       "integer_mix",
       {"2"},
       {"tlb.enabled=false"},
       {"textbook"},
       {"full"},
       Peer::qemu,
       {"walk", {"translation.walks"}}},
      {"system calls",
       "storms",
       {"calls", "300000"},
       {},
       {"textbook"},
       kOne,
       Peer::native,
       {"system call", {"syscalls.getpid"}}},
      {"fork and copy on write, 32 MiB x 20",
       "storms",
       {"cow", "32", "20"},
       {"dram.size=128M"},
       {"textbook"},
       kOne,
       Peer::native,
       {"copy on write", {"faults.cow"}}},
      {"demand zero, 64 MiB x 10",
       "storms",
       {"zero", "64", "10"},
       {"dram.size=128M"},
       {"textbook"},
       kOne,
       Peer::native,
       {"minor fault", {"faults.minor"}}},
      {"file reads, 16 MiB x 40",
       "storms",
       {"read", "16", "40"},
       {},
       {"textbook"},
       kOne,
       Peer::native,
       {"page found", {"page_cache.hits"}}},
      {"swap, 48 MiB on 32",
       "random_write",
       {"48"},
       {"dram.size=32M", "swap.size=64M"},
       {"textbook"},
       kOne,
       Peer::native,
       {"page swapped", {"swap.ins", "swap.outs"}}},
      {"two processes in turn",
       "ping_pong",
       {"50000", "4"},
       {},
       {"textbook"},
       kOne,
       Peer::native,
       {"switch", {"context_switches"}}},
      {"hello", "storms", {"hello"}, {}, {"textbook"}, kOne, Peer::qemu, {"run", {}}},
  };
  return all;
}

std::optional<Timing> measure(const Benchmark& benchmark, const std::string& machine, const std::string& timing,
                              unsigned repeats) {
  std::vector<std::string> settings = benchmark.settings;
  settings.push_back("timing=" + timing);
  Timing best{.name = benchmark.name, .machine = machine, .timing = timing, .seconds = 1e9, .peer_seconds = 1e9};
  for (unsigned i = 0; i < repeats; ++i) {
    const FreshDirectory directory;
    const Outcome peer = run(peer_command(benchmark), {.directory = directory.path().string(), .limit = kLimit});
    const RunResult result = faultline_run({.machine = machine,
                                            .settings = settings,
                                            .program = benchmark.program,
                                            .arguments = benchmark.arguments,
                                            .command = {.limit = kLimit}});
    if (result.status != 0 || !result.stats.is_object() || peer.status != 0 || result.out != peer.out) {
      fmt::print(stderr, "bench: failed, or printed something else: {}\n{}", result.line, result.err);
      return std::nullopt;
    }
    best.peer_seconds = std::min(best.peer_seconds, peer.cpu_seconds);
    best.seconds = std::min(best.seconds, result.cpu_seconds);
    best.peak_bytes = result.peak_bytes;
    best.instructions = count(result.stats, "instructions");
    best.events = benchmark.event.counts.empty() ? 1 : 0;
    for (const std::string& path : benchmark.event.counts) best.events += count(result.stats, path);
  }
  return best;
}

Baseline::Baseline(const fs::path& file) {
  if (fs::exists(file)) ratios_ = Json::parse(read_file(file)).at("ratios");
}

std::string Baseline::verdict(const Timing& timing) const {
  constexpr double kTolerance = 0.15;
  if (!ratios_.contains(timing.key())) return "";
  const double slower = 1 - timing.ratio() / ratios_.at(timing.key()).get<double>();
  return slower > kTolerance ? fmt::format("  {:.0f} % slower than the baseline", slower * 100) : "";
}

}  // namespace faultline::system_test
