// Pages above the base size, as programs meet them: each level that such a page
// saves is one read less of every walk to it, and what programs print does not
// depend on them.
#include <gtest/gtest.h>

#include <algorithm>

#include "guest_program.h"

namespace faultline::system_test {
namespace {

struct Leaf {
  const char* name;
  const char* preset;
  const char* log2_bytes;
  const char* pages;
  const char* dram;
  uint64_t levels;  // of the tables
  uint64_t saved;   // reads of a walk
};

std::ostream& operator<<(std::ostream& out, const Leaf& leaf) { return out << leaf.name; }

constexpr uint64_t kLoads = 5000;
constexpr Leaf kLeaves[] = {
    {"x86_64_2M", "textbook", "21", "4", "256M", 4, 1}, {"x86_64_1G", "textbook", "30", "2", "4G", 4, 2},
    {"la57_1G", "la57", "30", "1", "3G", 5, 2},         {"sv39_2M", "sv39", "21", "4", "256M", 3, 1},
    {"sv39_1G", "sv39", "30", "1", "3G", 3, 2},         {"sv48_1G", "sv48", "30", "1", "3G", 4, 2},
    {"ia32_4M", "ia32", "22", "4", "256M", 2, 1},       {"sv32_4M", "sv32", "22", "4", "256M", 2, 1}};

class LargeLeaves : public testing::TestWithParam<Leaf> {};

RunResult walk(const Leaf& leaf, std::vector<std::string> settings) {
  settings.push_back(std::string("dram.size=") + leaf.dram);
  return faultline_run({.machine = leaf.preset,
                        .settings = settings,
                        .program = "huge_walk",
                        .arguments = {leaf.log2_bytes, leaf.pages, std::to_string(kLoads)}});
}

TEST_P(LargeLeaves, SaveAReadOfEveryWalkToThem) {
  RunResult result = walk(GetParam(), {"tlb.enabled=false"});
  ASSERT_EQ(result.status, 0) << result.line << "\n" << result.err;
  const uint64_t all = count(result.stats, "references.total") * GetParam().levels;
  EXPECT_EQ(all - count(result.stats, "translation.walk_reads"), kLoads * GetParam().saved);
  EXPECT_EQ(count(result.stats, "huge.faults"), std::stoull(GetParam().pages));
  EXPECT_EQ(count(result.stats, "huge.split"), 0u);
}

// Every page is in the TLB after one walk, and stays.
TEST_P(LargeLeaves, TakeOneEntryOfTheTlb) {
  RunResult small = walk(GetParam(), {});
  ASSERT_EQ(small.status, 0) << small.err;
  EXPECT_LE(count(small.stats, "tlb.l1d.misses"), std::stoull(GetParam().pages) + 1);
}

INSTANTIATE_TEST_SUITE_P(, LargeLeaves, testing::ValuesIn(kLeaves),
                         [](const auto& item) { return std::string(item.param.name); });

// Programs with every anonymous area in large pages where it can be, and the
// daemon awake.
class EveryArea : public testing::TestWithParam<const char*> {};

TEST_P(EveryArea, ProgramsPrintWhatTheReferencePrints) {
  const std::vector<std::string> names = {"huge_pages",    "private_list", "fork_write",  "fork_half",
                                          "brk_sbrk",      "swap_full",    "table_reuse", "fork_exec_wait",
                                          "memory_limits", "random_write"};
  for (const GuestProgram& program : guest_programs()) {
    if (std::find(names.begin(), names.end(), program.name) == names.end()) continue;
    // Its places lie beyond 32 bits.
    if (program.name == "table_reuse" && GetParam() == std::string("ia32")) continue;
    FreshDirectory expected_directory, directory;
    make_files(program, expected_directory.path());
    make_files(program, directory.path());
    for (const auto& arguments : program.runs) {
      Outcome expected = reference_run(program, arguments, expected_directory.path());
      RunRequest request = faultline_request(program, arguments, directory.path());
      request.settings = {std::string("paging.format=") + GetParam(), "paging.huge=always",
                          "paging.collapse.milliseconds=1"};
      RunResult got = faultline_run(request);
      EXPECT_EQ(got.out, expected.out) << got.line << "\n" << got.err;
      EXPECT_EQ(got.status, expected.status) << got.line << "\n" << got.err;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, EveryArea, testing::Values("x86-64", "sv39", "ia32"), [](const auto& item) {
  std::string name = item.param;
  std::erase(name, '-');
  return "of_" + name;
});

TEST(HugePages, ByAdviceCostLessTableAndMoreZeroes) {
  const auto run = [](const char* huge) {
    return faultline_run({.settings = {std::string("paging.huge=") + huge}, .program = "huge_pages"});
  };
  RunResult never = run("never");
  RunResult advised = run("madvise");
  ASSERT_EQ(never.status, 0) << never.err;
  ASSERT_EQ(advised.status, 0) << advised.err;
  EXPECT_EQ(never.out, advised.out);
  EXPECT_EQ(count(never.stats, "huge.faults"), 0u);
  EXPECT_EQ(count(advised.stats, "huge.faults"), 4u);
  EXPECT_GT(count(advised.stats, "huge.split"), 0u);
  EXPECT_LT(count(advised.stats, "faults.demand_zero") + 2000, count(never.stats, "faults.demand_zero"));
}

// Too little memory: large pages are taken apart and paged out.
TEST(HugePages, UnderPressureKeepEveryByte) {
  for (const char* format : {"x86-64", "sv39", "ia32"}) {
    RunResult got = faultline_run(
        {.settings = {std::string("paging.format=") + format, "paging.huge=always", "dram.size=12M", "swap.size=64M"},
         .program = "huge_pages",
         .arguments = {"4", "100"}});
    ASSERT_EQ(got.status, 0) << format << " " << got.err;
    EXPECT_GT(count(got.stats, "swap.outs"), 0u);
    EXPECT_GT(count(got.stats, "huge.split"), 0u);
    RunResult plain = faultline_run({.program = "huge_pages", .arguments = {"4", "100"}});
    EXPECT_EQ(got.out, plain.out) << format;
  }
}

}  // namespace
}  // namespace faultline::system_test
