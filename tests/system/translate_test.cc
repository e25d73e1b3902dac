// Host code changes no count and no cycle: every guest program with and
// without it, on machines of every kind, at every level of detail.
#include <array>

#include "figures.h"

namespace faultline::system_test {
namespace {

const std::vector<std::string> kOwnSettings = {"translate", "translate_after"};
constexpr std::array<const char*, 3> kTimings = {"full", "tlb", "none"};
// Everything at once, and the two kinds of code mixed.
constexpr std::array<const char*, 2> kAfter = {"1", "8"};

// Each program with one of the timings; with the next one on the next machine.
void expect_no_difference(const std::string& machine, size_t number) {
  size_t programs = 0;
  for (const GuestProgram& program : guest_programs()) {
    if (program.slow) continue;
    const size_t turn = programs++ + number;
    const std::string timing = std::string("timing=") + kTimings[turn % kTimings.size()];
    const std::string after = std::string("hart.translate_after=") + kAfter[turn / kTimings.size() % kAfter.size()];
    const std::vector<std::string>& arguments = program.runs.front();
    const Json translated = figures(machine, program, arguments, {timing, after}, kOwnSettings);
    const Json interpreted = figures(machine, program, arguments, {timing, "hart.translate=false"}, kOwnSettings);
    EXPECT_EQ(translated, interpreted) << machine << " " << program.name << " " << timing << " " << after << "\n"
                                       << Json::diff(interpreted, translated).dump(2);
  }
  EXPECT_GT(programs, 20u);
}

TEST(Translate, ChangesNoFigureOnTextbook) { expect_no_difference("textbook", 0); }
TEST(Translate, ChangesNoFigureOnCoreI7) { expect_no_difference("core-i7", 1); }
TEST(Translate, ChangesNoFigureOnSv39) { expect_no_difference("sv39", 2); }
TEST(Translate, ChangesNoFigureOnNested) { expect_no_difference("nested", 0); }

}  // namespace
}  // namespace faultline::system_test
