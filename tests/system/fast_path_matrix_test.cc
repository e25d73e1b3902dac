// Host-side shortcuts change no count and no cycle: every guest program, on
// every preset, so in every format of page tables. In CI each program is
// compared on two presets; where FAULTLINE_SOAK is set, on all. A program that is too long to
// be run in full is counted and named.
#include <array>
#include <cstdio>
#include <cstdlib>

#include "figures.h"

namespace faultline::system_test {
namespace {

constexpr std::array<const char*, 14> kMachines = {"textbook", "ia32", "linear32", "sv32",       "sv39",
                                                   "sv48",     "sv57", "la57",     "core-i7",    "skylake",
                                                   "zen2",     "u74",  "nested",   "nested-la57"};
constexpr std::array<const char*, 3> kTimings = {"full", "tlb", "none"};
constexpr size_t kCompared = 2;  // presets for each program in CI

// Without the shortcuts some 15 million instructions take a second.
uint64_t most_instructions(bool soak) { return soak ? 60'000'000 : 16'000'000; }

class FastPathMatrix : public testing::TestWithParam<size_t> {};

TEST_P(FastPathMatrix, ChangesNoFigure) {
  const bool soak = std::getenv("FAULTLINE_SOAK") != nullptr;
  const std::string machine = kMachines[GetParam()];
  const std::vector<std::string> own = {"fast_path", "translate", "translate_after"};
  size_t number = 0, compared = 0, left_out = 0;
  for (const GuestProgram& program : guest_programs()) {
    const size_t turn = number++;
    if (program.slow && !soak) continue;
    if (!soak && turn % (kMachines.size() / kCompared) != GetParam() % (kMachines.size() / kCompared)) continue;
    const std::string timing = std::string("timing=") + kTimings[(turn + GetParam()) % kTimings.size()];
    const std::vector<std::string>& arguments = program.runs.front();
    const Json fast = figures(machine, program, arguments, {timing, "hart.translate_after=1"}, own);
    ASSERT_TRUE(fast.is_object()) << machine << " " << program.name;
    const auto instructions = fast.at("instructions").get<uint64_t>();
    if (instructions > most_instructions(soak)) {
      ++left_out;
      std::printf("%s: %s is not run in full, %llu instructions\n", machine.c_str(), program.name.c_str(),
                  static_cast<unsigned long long>(instructions));
      continue;
    }
    ++compared;
    const Json in_full = figures(machine, program, arguments, {timing, "hart.fast_path=false"}, own);
    EXPECT_EQ(fast, in_full) << machine << " " << program.name << " " << timing << "\n"
                             << Json::diff(in_full, fast).dump(2);
  }
  std::printf("%s: %zu programs compared, %zu too long\n", machine.c_str(), compared, left_out);
  EXPECT_GT(compared, left_out);
}

INSTANTIATE_TEST_SUITE_P(Presets, FastPathMatrix, testing::Range<size_t>(0, kMachines.size()), [](const auto& machine) {
  std::string name = kMachines[machine.param];
  std::erase(name, '-');
  return name;
});

}  // namespace
}  // namespace faultline::system_test
