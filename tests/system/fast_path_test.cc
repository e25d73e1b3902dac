// Host-side shortcuts change no count and no cycle: whole runs with and
// without them, of programs with loops, system calls, processes, signals, code
// that writes code, and instructions across pages.
#include <algorithm>
#include <iterator>

#include "figures.h"

namespace faultline::system_test {
namespace {

constexpr const char* kPrograms[] = {"matrix_multiply", "int_torture", "fp_torture",     "self_modify",
                                     "straddle",        "signals",     "fork_exec_wait", "pipes_procs"};

void expect_equal_figures(const char* machine, const std::vector<std::string>& settings) {
  unsigned found = 0;
  for (const GuestProgram& program : guest_programs()) {
    if (std::find(std::begin(kPrograms), std::end(kPrograms), program.name) == std::end(kPrograms)) continue;
    ++found;
    const std::vector<std::string> arguments =
        program.name == "matrix_multiply" ? std::vector<std::string>{"24"} : program.runs.front();
    std::vector<std::string> in_full = settings;
    in_full.push_back("hart.fast_path=false");
    const Json fast = figures(machine, program, arguments, settings, {"fast_path"});
    const Json slow = figures(machine, program, arguments, in_full, {"fast_path"});
    EXPECT_EQ(fast, slow) << machine << " " << program.name << "\n" << Json::diff(fast, slow).dump(2);
  }
  EXPECT_EQ(found, std::size(kPrograms));
}

TEST(FastPath, ChangesNoFigureOnTextbook) { expect_equal_figures("textbook", {}); }
TEST(FastPath, ChangesNoFigureOnCoreI7) { expect_equal_figures("core-i7", {}); }
TEST(FastPath, ChangesNoFigureOnSv39) { expect_equal_figures("sv39", {}); }
TEST(FastPath, ChangesNoFigureOnIa32) { expect_equal_figures("ia32", {}); }
TEST(FastPath, ChangesNoFigureWithTlbsAlone) { expect_equal_figures("core-i7", {"timing=tlb"}); }
TEST(FastPath, ChangesNoFigureWithInstructionsAlone) { expect_equal_figures("core-i7", {"timing=none"}); }
TEST(FastPath, ChangesNoFigureWithoutTlb) { expect_equal_figures("core-i7", {"tlb.enabled=false"}); }

// More ways than are compared at once, and every policy.
TEST(FastPath, ChangesNoFigureWithOtherCaches) {
  for (const char* policy : {"lru", "fifo", "random"})
    expect_equal_figures("core-i7", {"cache.l1d.size=36K", "cache.l1d.ways=12",
                                     std::string("cache.l1d.replacement=") + policy, "cache.l1i.replacement=lru"});
}

}  // namespace
}  // namespace faultline::system_test
