// Every guest program on every preset: faultline's own checks find nothing
// broken, and the sums that a reader of the statistics would make come out.
#include <gtest/gtest.h>

#include "guest_program.h"

namespace faultline::system_test {
namespace {

constexpr const char* kPresets[] = {"textbook", "core-i7", "skylake", "zen2", "u74",  "la57",
                                    "sv32",     "sv39",    "sv48",    "sv57", "ia32", "linear32"};

void expect_tlb_sums(const Json& stats) {
  for (const char* level : {"l1i", "l1d", "l2"}) {
    std::string tlb = std::string("tlb.") + level;
    EXPECT_EQ(count(stats, tlb + ".hits") + count(stats, tlb + ".misses"), count(stats, tlb + ".lookups")) << tlb;
  }
  EXPECT_EQ(count(stats, "references.fetch") + count(stats, "references.load") + count(stats, "references.store"),
            count(stats, "references.total"));
  EXPECT_GE(count(stats, "references.fetch"), count(stats, "instructions"));
}

void expect_cache_sums(const Json& stats) {
  for (const auto& [name, level] : stats.at("cache").items())
    EXPECT_EQ(level.at("hits").get<uint64_t>() + level.at("misses").get<uint64_t>(),
              level.at("accesses").get<uint64_t>())
        << name;
}

void expect_cycle_sums(const Json& stats) {
  uint64_t sum = 0;
  for (const auto& [name, cycles] : stats.at("cycle_stack").items()) sum += cycles.get<uint64_t>();
  EXPECT_EQ(sum, count(stats, "cycles"));
}

void expect_fault_sums(const Json& stats) {
  uint64_t kinds = 0;
  for (const auto& [name, faults] : stats.at("faults").items())
    if (name != "minor" && name != "major" && name != "protection") kinds += faults.get<uint64_t>();
  EXPECT_EQ(count(stats, "faults.minor") + count(stats, "faults.major"), kinds);
}

void expect_frame_sums(const Json& stats) {
  uint64_t kinds = 0;
  for (const char* kind : {"free", "anonymous", "file", "kernel", "page_tables"})
    kinds += count(stats, std::string("frames.") + kind);
  EXPECT_EQ(kinds, count(stats, "frames.total"));
  EXPECT_LE(count(stats, "frames.peak"), count(stats, "frames.total"));
  for (const char* left : {"anonymous_frames", "page_table_frames", "swap_slots"})
    EXPECT_EQ(count(stats, std::string("after_exit.") + left), 0u) << left;
}

uint64_t instructions_of_processes(const Json& stats) {
  uint64_t sum = 0;
  for (const Json& process : stats.at("processes")) sum += process.at("instructions").get<uint64_t>();
  return sum;
}

struct Case {
  GuestProgram program;
  std::string preset;
};

std::ostream& operator<<(std::ostream& out, const Case& item) {
  return out << item.program.name << " on " << item.preset;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const GuestProgram& program : guest_programs())
    for (const char* preset : kPresets)
      if (!program.slow) all.push_back({program, preset});
  return all;
}

class Invariants : public testing::TestWithParam<Case> {};

TEST_P(Invariants, Hold) {
  const auto& [program, preset] = GetParam();
  FreshDirectory directory;
  make_files(program, directory.path());
  for (const auto& arguments : program.runs) {
    RunRequest request = faultline_request(program, arguments, directory.path());
    request.machine = preset;
    RunResult result = faultline_run(request);
    ASSERT_FALSE(result.timed_out) << result.line;
    EXPECT_EQ(result.err.find("internal error"), std::string::npos) << result.line << "\n" << result.err;
    ASSERT_TRUE(result.stats.is_object()) << result.line << "\n" << result.err;
    SCOPED_TRACE(result.line);
    expect_tlb_sums(result.stats);
    expect_cache_sums(result.stats);
    expect_cycle_sums(result.stats);
    expect_fault_sums(result.stats);
    expect_frame_sums(result.stats);
    // With regions marked the counts cover those alone; the list of processes covers the whole run.
    const char* whole = result.stats.contains("regions") ? "regions.whole.instructions" : "instructions";
    EXPECT_EQ(instructions_of_processes(result.stats), count(result.stats, whole));
  }
}

std::string case_name(const testing::TestParamInfo<Case>& info) {
  std::string preset = info.param.preset;
  std::erase(preset, '-');
  return info.param.program.name + "_" + preset;
}

INSTANTIATE_TEST_SUITE_P(, Invariants, testing::ValuesIn(cases()), case_name);

}  // namespace
}  // namespace faultline::system_test
