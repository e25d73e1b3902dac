// Host-side shortcuts change no count and no cycle: whole runs with and
// without them, of programs with loops, system calls, processes, signals, code
// that writes code, and instructions across pages.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

#include "guest_program.h"

namespace faultline::system_test {
namespace {

constexpr const char* kPrograms[] = {"matrix_multiply", "int_torture", "fp_torture",     "self_modify",
                                     "straddle",        "signals",     "fork_exec_wait", "pipes_procs"};

// All that a run tells but for the host's part and the setting itself.
Json figures(const char* machine, const GuestProgram& program, const std::vector<std::string>& settings, bool fast) {
  FreshDirectory directory;
  make_files(program, directory.path());
  const std::vector<std::string> arguments =
      program.name == "matrix_multiply" ? std::vector<std::string>{"24"} : program.runs.front();
  RunRequest request = faultline_request(program, arguments, directory.path());
  request.machine = machine;
  request.settings = settings;
  request.settings.push_back(fast ? "hart.fast_path=true" : "hart.fast_path=false");
  RunResult result = faultline_run(request);
  EXPECT_TRUE(result.stats.is_object()) << result.line << "\n" << result.err;
  if (!result.stats.is_object()) return Json();
  EXPECT_EQ(result.stats.at("config").at("hart").at("fast_path"), fast);
  result.stats.erase("host");
  result.stats.at("config").at("hart").erase("fast_path");
  result.stats["output"] = result.out;
  return result.stats;
}

void expect_equal_figures(const char* machine, const std::vector<std::string>& settings) {
  unsigned found = 0;
  for (const GuestProgram& program : guest_programs()) {
    if (std::find(std::begin(kPrograms), std::end(kPrograms), program.name) == std::end(kPrograms)) continue;
    ++found;
    const Json fast = figures(machine, program, settings, true);
    const Json slow = figures(machine, program, settings, false);
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
