// What translation costs, to the access: without a TLB every reference walks
// all levels, and the DRAM sees each read that the walker says it made.
#include <gtest/gtest.h>

#include "harness.h"

namespace faultline::system_test {
namespace {

struct Machine {
  const char* preset;
  unsigned levels;
};

// Levels: Intel SDM volume 3A chapter 4, RISC-V privileged specification 1.12
// section 4.3 to 4.6; a linear table has one.
constexpr Machine kMachines[] = {{"textbook", 4}, {"la57", 5}, {"sv57", 5}, {"sv48", 4},
                                 {"sv39", 3},     {"sv32", 2}, {"ia32", 2}, {"linear32", 1}};

struct Program {
  const char* name;
  std::vector<std::string> arguments;
};

// The first executes straddling instructions and accesses that cross pages;
// the last has several processes and copies on write.
const std::vector<Program> kPrograms = {{"straddle", {"50"}},
                                        {"private_list", {}},
                                        {"matrix_multiply", {"16"}},
                                        {"self_modify", {}},
                                        {"fork_write", {"16"}}};

struct Case {
  Machine machine;
  Program program;
};

std::ostream& operator<<(std::ostream& out, const Case& item) {
  return out << item.program.name << " on " << item.machine.preset;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Machine& machine : kMachines)
    for (const Program& program : kPrograms) all.push_back({machine, program});
  return all;
}

class Penalty : public testing::TestWithParam<Case> {};

std::string case_name(const testing::TestParamInfo<Case>& info) {
  return std::string(info.param.program.name) + "_" + info.param.machine.preset;
}

TEST_P(Penalty, IsOneMoreThanTheLevelsWithoutTlb) {
  const auto& [machine, program] = GetParam();
  RunResult result = faultline_run({.machine = machine.preset,
                                    .settings = {"tlb.enabled=false"},
                                    .program = program.name,
                                    .arguments = program.arguments});
  ASSERT_EQ(result.status, 0) << result.line << "\n" << result.err;
  const uint64_t total = count(result.stats, "references.total");
  EXPECT_GT(total, 1000u);
  EXPECT_EQ(count(result.stats, "translation.walk_reads"), total * machine.levels);
  EXPECT_EQ(number(result.stats, "translation.penalty"), machine.levels + 1.0);
  EXPECT_EQ(count(result.stats, "translation.walks"), total);
  EXPECT_EQ(count(result.stats, "translation.dirty_walks"), 0u);
  // The DRAM counts for itself, by who asked.
  EXPECT_EQ(count(result.stats, "dram.by_requester.walker.reads"),
            count(result.stats, "translation.walk_reads") + count(result.stats, "translation.fault_walk_reads"));
  EXPECT_EQ(count(result.stats, "dram.by_requester.walker.writes"), count(result.stats, "translation.walk_writes"));
  EXPECT_EQ(count(result.stats, "tlb.l1i.lookups"), 0u);
  EXPECT_EQ(count(result.stats, "tlb.l1d.lookups"), 0u);
}

// The same program makes the same references whatever the tables are, and the
// TLB takes walks away but no reference.
TEST_P(Penalty, FallsWithTlb) {
  const auto& [machine, program] = GetParam();
  RunResult with = faultline_run({.machine = machine.preset, .program = program.name, .arguments = program.arguments});
  ASSERT_EQ(with.status, 0) << with.line << "\n" << with.err;
  const uint64_t misses = count(with.stats, "tlb.l1i.misses") + count(with.stats, "tlb.l1d.misses");
  EXPECT_EQ(count(with.stats, "translation.walks"), misses + count(with.stats, "translation.dirty_walks"));
  EXPECT_EQ(count(with.stats, "translation.walk_reads"), count(with.stats, "translation.walks") * machine.levels);
  EXPECT_LT(number(with.stats, "translation.penalty"), 1.2);
  EXPECT_EQ(count(with.stats, "tlb.l1i.lookups"), count(with.stats, "references.fetch"));
  EXPECT_EQ(count(with.stats, "tlb.l1d.lookups"),
            count(with.stats, "references.load") + count(with.stats, "references.store"));
}

INSTANTIATE_TEST_SUITE_P(, Penalty, testing::ValuesIn(cases()), case_name);

// A straddling fetch is two references: the penalty stays exact because both
// are counted, and there are more fetches than instructions.
TEST(Straddling, CountsBothPages) {
  RunResult result = faultline_run({.settings = {"tlb.enabled=false"}, .program = "straddle", .arguments = {"50"}});
  ASSERT_EQ(result.status, 0) << result.err;
  // Five instructions lie across a border; each runs 50 times.
  EXPECT_GE(count(result.stats, "references.fetch"), count(result.stats, "instructions") + 5 * 50);
}

}  // namespace
}  // namespace faultline::system_test
