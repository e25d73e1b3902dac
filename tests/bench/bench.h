// The speed of faultline as `./dev bench` measures it: whole runs of real guest
// programs, beside the same binaries under qemu-riscv64, or beside the host's
// build of the same source, in turn, so that both see the same weather on the
// machine. Times are processor time (user and system) of the whole command.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness.h"

namespace faultline::system_test {

enum class Peer { qemu, native };

// What a run does many times, and the statistics that count it.
struct Event {
  const char* name;
  std::vector<std::string> counts;  // paths, added up
};

struct Benchmark {
  const char* name;
  const char* program;
  std::vector<std::string> arguments;
  std::vector<std::string> settings;
  std::vector<std::string> machines;  // presets
  std::vector<std::string> timings;   // levels of detail
  Peer peer = Peer::qemu;
  Event event = {"instruction", {"instructions"}};
};

const std::vector<Benchmark>& benchmarks();

struct Timing {
  std::string name, machine, timing;  // which of them: the key of a baseline
  double seconds = 0, peer_seconds = 0;
  uint64_t instructions = 0, events = 0, peak_bytes = 0;

  double ratio() const { return seconds > 0 ? peer_seconds / seconds : 0; }
  double mips() const { return static_cast<double>(instructions) / seconds / 1e6; }
  double nanoseconds_each() const { return events != 0 ? seconds * 1e9 / static_cast<double>(events) : 0; }
  std::string key() const { return name + ", " + machine + ", " + timing; }
};

// The best of `repeats` runs each. Empty if a run failed: its message is on
// standard error then.
std::optional<Timing> measure(const Benchmark& benchmark, const std::string& machine, const std::string& timing,
                              unsigned repeats);

struct TraceTiming {
  std::string format;
  double references_per_us = 0;
};

// Recordings and lackey's text through `faultline trace` on the textbook machine.
std::optional<std::vector<TraceTiming>> measure_traces(unsigned repeats);

// What was measured before, on some machine: ratios by Timing::key(). Ratios
// only, since seconds are one machine's own.
class Baseline {
 public:
  // A file that is not there has no ratios.
  explicit Baseline(const fs::path& file);
  // " 20 % slower than the baseline", or empty: less than 15 %, or not known.
  std::string verdict(const Timing& timing) const;

 private:
  Json ratios_;
};

}  // namespace faultline::system_test
