// Levels of detail: what `timing` leaves out, and that it leaves the rest as it is.
#include <gtest/gtest.h>

#include "harness.h"

namespace faultline::system_test {
namespace {

struct Case {
  const char* program;
  std::vector<std::string> arguments;
  std::vector<std::string> settings;
};

// One process each: when several change places hangs on time.
const std::vector<Case> kCases = {
    {"integer_mix", {"1"}, {}},    {"matrix_multiply", {"24"}, {}},          {"pointer_chase", {"512", "20000"}, {}},
    {"stream", {"4096", "2"}, {}}, {"zero_read", {"64"}, {"dram.size=16M"}}, {"straddle", {}, {}},
};

RunResult run_at(const char* level, const char* machine, const Case& which) {
  std::vector<std::string> settings = which.settings;
  settings.push_back(std::string("timing=") + level);
  return faultline_run(
      {.machine = machine, .settings = settings, .program = which.program, .arguments = which.arguments});
}

void expect_equal_translation(const char* machine) {
  for (const Case& which : kCases) {
    const RunResult full = run_at("full", machine, which);
    const RunResult tlb = run_at("tlb", machine, which);
    const RunResult none = run_at("none", machine, which);
    for (const RunResult* result : {&full, &tlb, &none}) {
      ASSERT_TRUE(result->stats.is_object()) << result->line << "\n" << result->err;
      EXPECT_EQ(result->status, 0) << result->line;
    }
    EXPECT_EQ(full.out, tlb.out);
    EXPECT_EQ(full.out, none.out);
    for (const char* part : {"instructions", "references", "translation", "tlb", "faults", "copies", "zeroed"})
      EXPECT_EQ(full.stats.at(part), tlb.stats.at(part)) << machine << " " << which.program << " " << part;
    for (const char* part : {"instructions", "references", "faults", "copies", "zeroed"})
      EXPECT_EQ(full.stats.at(part), none.stats.at(part)) << machine << " " << which.program << " " << part;
    EXPECT_EQ(tlb.stats.at("cycle_stack").at("fetch"), 0);
    EXPECT_EQ(tlb.stats.at("cycle_stack").at("data"), 0);
    EXPECT_EQ(none.stats.at("cycle_stack").at("walk"), 0);
    EXPECT_TRUE(none.stats.at("tlb").at("l1d").at("misses").is_null());
    EXPECT_TRUE(none.stats.at("translation").at("penalty").is_null());
  }
}

TEST(Detail, TlbCountsEqualThoseOfTheFullMachineOnTextbook) { expect_equal_translation("textbook"); }
TEST(Detail, TlbCountsEqualThoseOfTheFullMachineOnCoreI7) { expect_equal_translation("core-i7"); }
TEST(Detail, TlbCountsEqualThoseOfTheFullMachineOnSv39) { expect_equal_translation("sv39"); }

// Walks take the time that they take alone: entries x latency.
TEST(Detail, WalksPayForTheirEntries) {
  const RunResult run = run_at("tlb", "textbook", {"integer_mix", {"1"}, {"dram.flat_cycles=70"}});
  ASSERT_TRUE(run.stats.is_object()) << run.err;
  const Json& t = run.stats.at("translation");
  const uint64_t entries = t.at("walk_reads").get<uint64_t>() + t.at("walk_writes").get<uint64_t>() +
                           t.at("fault_walk_reads").get<uint64_t>();
  EXPECT_EQ(run.stats.at("cycle_stack").at("walk"), entries * 70);
  EXPECT_EQ(run.stats.at("cycle_stack").at("compute"), run.stats.at("instructions"));
}

}  // namespace
}  // namespace faultline::system_test
