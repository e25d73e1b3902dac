// Random legal instructions, against qemu-riscv64: every register, the flags
// and the memory after each short program must be equal.
#include "random_code.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "code_generator.h"
#include "hart_rig.h"
#include "qemu_output.h"

namespace faultline::hw {
namespace {

constexpr unsigned kPrograms = 600, kLength = 60;

class RandomCodeTest : public testing::TestWithParam<uint64_t> {};

TEST_P(RandomCodeTest, AgreesWithQemu) {
  const RandomCode code = make_random_code(GetParam(), kPrograms, kLength);
  const std::string theirs = run_qemu(code.image, "random_code_" + std::to_string(GetParam()));
  ASSERT_GT(theirs.size(), kDumpBytes * kPrograms);
  for (const bool cached : {false, true}) {
    std::string statistics;
    for (const bool translate : {false, true}) {
      const std::string ours = in_child([&] {
        MachineConfig config = cached ? cached_machine() : flat_machine();
        config.hart.translate = translate;
        config.hart.translate_after = 1;
        HartRig rig(config, code.image, 0);
        const RunResult result = rig.run();
        return result.output + result.statistics;
      });
      const size_t output = std::min(theirs.size(), ours.size());
      EXPECT_EQ(dump_difference(ours.substr(0, output), theirs), "") << (translate ? "translated" : "interpreted");
      // Every count and every cycle too.
      if (translate) {
        EXPECT_EQ(ours.substr(output), statistics);
      }
      statistics = ours.substr(output);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomCodeTest, testing::Range<uint64_t>(1, 9));

}  // namespace
}  // namespace faultline::hw
