// Random C programs by csmith print the same under faultline as under
// qemu-riscv64. FAULTLINE_CSMITH_PROGRAMS says how many (10; 200 where FAULTLINE_SOAK is set), and
// FAULTLINE_CSMITH_FIRST the first seed (1). A program on which qemu itself
// needs more than five seconds is skipped and counted.
#include <gtest/gtest.h>

#include <cstdlib>

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

enum class Verdict { equal, different, skipped };

Verdict check_seed(uint64_t seed) {
  FreshDirectory directory;
  CommandOptions here{.directory = directory.path().string()};
  const std::string number = std::to_string(seed), program = (directory.path() / "program").string();
  Outcome made = run({"csmith", "--seed", number, "--output", "program.c"}, here);
  EXPECT_EQ(made.status, 0) << "csmith --seed " << number << "\n" << made.err;
  Outcome compiled = run({"riscv64-linux-gnu-gcc", "-w", seed % 2 ? "-O2" : "-O1", "-static", "-I/usr/include/csmith",
                          "program.c", "-o", program},
                         here);
  EXPECT_EQ(compiled.status, 0) << "seed " << number << "\n" << compiled.err;
  CommandOptions limited = here;
  limited.limit = kReferenceLimit;
  Outcome expected = run({"qemu-riscv64", program}, limited);
  if (expected.timed_out) return Verdict::skipped;
  CommandOptions patient = here;
  patient.limit = kModelLimit;
  RunResult got = faultline_run({.program = program, .command = patient});
  EXPECT_EQ(got.out, expected.out) << "seed " << number << "\n" << got.err;
  EXPECT_EQ(got.status, expected.status) << "seed " << number << "\n" << got.err;
  return got.out == expected.out && got.status == expected.status ? Verdict::equal : Verdict::different;
}

TEST(Csmith, ProgramsPrintWhatTheyPrintUnderQemu) {
  const uint64_t first = environment_number("FAULTLINE_CSMITH_FIRST", 1);
  const uint64_t wanted = environment_number("FAULTLINE_CSMITH_PROGRAMS", std::getenv("FAULTLINE_SOAK") ? 200 : 10);
  ASSERT_GT(wanted, 0u);
  uint64_t equal = 0, different = 0, skipped = 0;
  for (uint64_t seed = first; equal + different < wanted && skipped < wanted; ++seed) {
    switch (check_seed(seed)) {
      case Verdict::equal:
        ++equal;
        break;
      case Verdict::different:
        ++different;
        break;
      case Verdict::skipped:
        ++skipped;
        break;
    }
  }
  std::printf("csmith: %llu equal, %llu different, %llu skipped\n", static_cast<unsigned long long>(equal),
              static_cast<unsigned long long>(different), static_cast<unsigned long long>(skipped));
  EXPECT_EQ(equal, wanted);
  EXPECT_EQ(different, 0u);
}

}  // namespace
}  // namespace faultline::system_test
