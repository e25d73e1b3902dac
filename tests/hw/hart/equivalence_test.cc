// Host-side shortcuts change no count, no cycle and no byte: the same program
// with and without them, on machines of every kind.
#include <gtest/gtest.h>

#include <optional>

#include "hart_rig.h"

namespace faultline::hw {
namespace {

constexpr uint64_t kBss = 2 << 20;

struct Program {
  const char* image;
  std::optional<size_t> output;  // bytes
};
constexpr Program kMix{MIX_IMAGE, 24}, kLoops{LOOP_IMAGE, std::nullopt};

enum class How { in_full, interpreted, translated, translated_at_once };

std::string run(MachineConfig config, How how, uint64_t quantum, uint64_t until, const Program& program = kMix) {
  return in_child([&] {
    config.hart.fast_path = how != How::in_full;
    config.hart.translate = how == How::translated || how == How::translated_at_once;
    if (how == How::translated_at_once) config.hart.translate_after = 1;
    config.hart.quantum = quantum;
    HartRig rig(config, read_file(program.image), kBss);
    const RunResult result = rig.run(kImageBase, until);
    EXPECT_EQ(result.trap.cause, Trap::Cause::ecall);
    if (program.output) {
      EXPECT_EQ(result.output.size(), *program.output);
    }
    if (testing::Test::HasFailure()) return std::string();
    return result.output + "\n" + result.statistics + std::to_string(static_cast<int>(result.trap.cause)) + " " +
           std::to_string(rig.budgets());
  });
}

void expect_equivalent(const MachineConfig& config) {
  const std::string slow = run(config, How::in_full, 100'000, 0);
  ASSERT_NE(slow, "");
  const std::string cut = run(config, How::in_full, 100'000, 5'000);
  for (const How how : {How::interpreted, How::translated, How::translated_at_once}) {
    EXPECT_EQ(run(config, how, 100'000, 0), slow);
    // The quantum and the joints of run() do not show either.
    EXPECT_EQ(run(config, how, 777, 0), slow);
    EXPECT_EQ(run(config, how, 100'000, 5'000), cut);
  }
}

TEST(Equivalence, Flat) { expect_equivalent(flat_machine()); }

TEST(Equivalence, FlatWithCosts) {
  MachineConfig config = flat_machine();
  config.hart.misaligned = Misaligned::slow;
  config.hart.multiply_cycles = 3;
  config.hart.divide_cycles = 20;
  config.hart.float_cycles = 4;
  config.hart.float_divide_cycles = 25;
  config.tlb.l1i.hit_cycles = 1;
  config.tlb.l1d.hit_cycles = 2;
  expect_equivalent(config);
}

TEST(Equivalence, WithoutTlb) {
  MachineConfig config = flat_machine();
  config.tlb.enabled = false;
  expect_equivalent(config);
}

TEST(Equivalence, WithoutInstructionTlb) {
  MachineConfig config = cached_machine();
  config.tlb.l1i.enabled = false;
  expect_equivalent(config);
}

TEST(Equivalence, WithoutDataTlb) {
  MachineConfig config = cached_machine();
  config.tlb.l1d.enabled = false;
  expect_equivalent(config);
}

TEST(Equivalence, Cached) { expect_equivalent(cached_machine()); }

TEST(Equivalence, SmallCachesAndTlbs) {
  MachineConfig config = cached_machine();
  config.cache.l1i.size = 1024;
  config.cache.l1i.ways = 2;
  config.cache.l1d.size = 3 * 2 * 64;  // three sets
  config.cache.l1d.ways = 2;
  config.tlb.l1i.sets = 1;
  config.tlb.l1d.sets = 3;
  config.tlb.l1d.replacement = Replacement::random;
  expect_equivalent(config);
}

TEST(Equivalence, OneSetWithPrefetch) {
  MachineConfig config = cached_machine();
  config.cache.l1i = {.size = 8 * 64, .ways = 8, .prefetch = true};
  config.cache.l1d = {.size = 8 * 64, .ways = 8, .prefetch = true};
  expect_equivalent(config);
}

TEST(Equivalence, BanksWithoutCaches) {
  MachineConfig config = flat_machine();
  config.dram.timing = DramTiming::banks;
  expect_equivalent(config);
}

TEST(Equivalence, InstructionCacheAlone) {
  MachineConfig config = cached_machine();
  config.cache.l1d.enabled = false;
  config.dram.timing = DramTiming::flat;
  config.cache.l2.enabled = false;
  expect_equivalent(config);
}

TEST(Equivalence, DataCacheAlone) {
  MachineConfig config = cached_machine();
  config.cache.l1i.enabled = false;
  config.dram.timing = DramTiming::flat;
  config.cache.l2.enabled = false;
  expect_equivalent(config);
}

// Short loops of one block, most of whose rounds need nobody's help.
TEST(Equivalence, Loops) {
  for (const MachineConfig& config : {flat_machine(), cached_machine()}) {
    const std::string interpreted = run(config, How::interpreted, 100'000, 0, kLoops);
    ASSERT_NE(interpreted, "");
    EXPECT_EQ(run(config, How::translated, 100'000, 0, kLoops), interpreted);
    EXPECT_EQ(run(config, How::translated, 777, 0, kLoops), interpreted);
  }
}

// A block that jumps to itself with a link: the next round reads the link, and
// the loop ends where a load comes to a page that is not mapped.
TEST(Equivalence, ALinkIsReadInTheNextRound) {
  // add a0,a0,t0; addi t0,t0,1; addi sp,sp,-8; ld t2,0(sp); jal t0,.-16
  const std::vector<uint8_t> image = assemble({0x00550533, 0x00128293, 0xff810113, 0x00013383, 0xff1ff2ef});
  const auto run_with = [&](bool translate) {
    return in_child([&] {
      MachineConfig config = flat_machine();
      config.hart.translate = translate;
      HartRig rig(config, image, 0);
      const RunResult result = rig.run();
      EXPECT_EQ(result.trap.cause, Trap::Cause::page_fault);
      EXPECT_EQ(result.state.x[5], kImageBase + 21);
      return testing::Test::HasFailure() ? std::string() : result.statistics;
    });
  };
  const std::string interpreted = run_with(false);
  ASSERT_NE(interpreted, "");
  EXPECT_EQ(run_with(true), interpreted);
}

TEST(Equivalence, OtherFormats) {
  for (const char* format : {"sv39", "ia32"}) {
    MachineConfig config = flat_machine();
    config.paging_format = format;
    expect_equivalent(config);
  }
}

}  // namespace
}  // namespace faultline::hw
