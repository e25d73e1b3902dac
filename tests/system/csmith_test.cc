// Random C programs by csmith print the same under faultline as under
// qemu-riscv64, and every way to run them makes the same statistics: the
// translator, the interpreter, and the whole way of each access.
// FAULTLINE_CSMITH_PROGRAMS says how many (10; 200 where FAULTLINE_SOAK is set), and
// FAULTLINE_CSMITH_FIRST the first seed (1). A program on which qemu itself
// needs more than five seconds is skipped and counted; one that is too long to
// be run in full is compared otherwise, and counted.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <iterator>

#include "harness.h"

namespace faultline::system_test {
namespace {

constexpr std::chrono::seconds kReferenceLimit{5};
// An interpreter with every TLB modelled, against a translator.
constexpr std::chrono::seconds kModelLimit{200};

uint64_t environment_number(const char* name, uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value ? std::strtoull(value, nullptr, 10) : otherwise;
}

// Without the shortcuts some 15 million instructions take a second.
uint64_t most_in_full() { return std::getenv("FAULTLINE_SOAK") ? 400'000'000 : 15'000'000; }

constexpr const char* kMachines[] = {"textbook", "core-i7", "sv39", "ia32", "nested", "zen2", "u74"};
constexpr const char* kTimings[] = {"full", "tlb", "none"};
constexpr const char* kOptions[] = {"-O1", "-O2", "-O0", "-O3", "-Os"};

enum class Verdict { equal, different, skipped };

struct Tally {
  uint64_t equal = 0, different = 0, skipped = 0, in_full = 0, instructions = 0;
};

// A run's output, status and statistics, but for the host's part and what is set differently.
Json told(const std::string& program, uint64_t seed, const CommandOptions& command,
          const std::vector<std::string>& settings) {
  RunRequest request{.machine = kMachines[seed % std::size(kMachines)], .program = program, .command = command};
  request.settings = settings;
  request.settings.push_back(std::string("timing=") + kTimings[seed % std::size(kTimings)]);
  RunResult result = faultline_run(request);
  EXPECT_TRUE(result.stats.is_object()) << result.line << "\n" << result.err;
  if (!result.stats.is_object()) return Json();
  result.stats.erase("host");
  Json& hart = result.stats.at("config").at("hart");
  for (const char* key : {"fast_path", "translate", "translate_after"}) EXPECT_EQ(hart.erase(key), 1u) << key;
  result.stats["output"] = result.out;
  result.stats["status"] = result.status;
  return result.stats;
}

bool all_ways_are_equal(const std::string& program, uint64_t seed, const CommandOptions& command,
                        const Outcome& expected, Tally& tally) {
  const Json first = told(program, seed, command, {});
  if (!first.is_object()) return false;
  EXPECT_EQ(first.at("output"), expected.out) << "seed " << seed;
  EXPECT_EQ(first.at("status"), expected.status) << "seed " << seed;
  bool equal = first.at("output") == expected.out && first.at("status") == expected.status;
  const auto instructions = first.at("instructions").get<uint64_t>();
  tally.instructions += instructions;
  std::vector<std::string> others = {"hart.translate=false", "hart.translate_after=1"};
  if (instructions <= most_in_full()) {
    others.emplace_back("hart.fast_path=false");
    ++tally.in_full;
  }
  for (const std::string& setting : others) {
    const Json other = told(program, seed, command, {setting});
    EXPECT_EQ(other, first) << "seed " << seed << " " << setting << "\n" << Json::diff(first, other).dump(2);
    equal = equal && other == first;
  }
  return equal;
}

Verdict check_seed(uint64_t seed, Tally& tally) {
  FreshDirectory directory;
  CommandOptions here{.directory = directory.path().string()};
  const std::string number = std::to_string(seed), program = (directory.path() / "program").string();
  std::vector<std::string> make = {"csmith", "--seed", number, "--output", "program.c"};
  if (seed % 4 == 0) make.emplace_back("--float");
  Outcome made = run(make, here);
  EXPECT_EQ(made.status, 0) << "csmith --seed " << number << "\n" << made.err;
  Outcome compiled = run({"riscv64-linux-gnu-gcc", "-w", kOptions[seed % std::size(kOptions)], "-static",
                          "-I/usr/include/csmith", "program.c", "-o", program, "-lm"},
                         here);
  EXPECT_EQ(compiled.status, 0) << "seed " << number << "\n" << compiled.err;
  CommandOptions limited = here;
  limited.limit = kReferenceLimit;
  Outcome expected = run({"qemu-riscv64", program}, limited);
  if (expected.timed_out) return Verdict::skipped;
  CommandOptions patient = here;
  patient.limit = kModelLimit;
  return all_ways_are_equal(program, seed, patient, expected, tally) ? Verdict::equal : Verdict::different;
}

TEST(Csmith, ProgramsPrintWhatTheyPrintUnderQemuInEveryWay) {
  const uint64_t first = environment_number("FAULTLINE_CSMITH_FIRST", 1);
  const uint64_t wanted = environment_number("FAULTLINE_CSMITH_PROGRAMS", std::getenv("FAULTLINE_SOAK") ? 200 : 10);
  ASSERT_GT(wanted, 0u);
  Tally tally;
  for (uint64_t seed = first; tally.equal + tally.different < wanted && tally.skipped < wanted; ++seed) {
    switch (check_seed(seed, tally)) {
      case Verdict::equal:
        ++tally.equal;
        break;
      case Verdict::different:
        ++tally.different;
        break;
      case Verdict::skipped:
        ++tally.skipped;
        break;
    }
  }
  const auto print = [](const char* what, uint64_t n) {
    std::printf("%s %llu", what, static_cast<unsigned long long>(n));
  };
  print("csmith: equal", tally.equal);
  print(", different", tally.different);
  print(", skipped", tally.skipped);
  print(", run in full", tally.in_full);
  print(", instructions", tally.instructions);
  std::printf("\n");
  EXPECT_EQ(tally.equal, wanted);
  EXPECT_EQ(tally.different, 0u);
  EXPECT_GT(2 * tally.in_full, wanted);
}

}  // namespace
}  // namespace faultline::system_test
