// Host-side shortcuts change no count, no cycle and no byte: the same program
// with and without them, on machines of every kind.
#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <random>

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

TEST(Equivalence, FlatWithCosts) { expect_equivalent(flat_machine_with_costs()); }

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

// First-level caches of any shape and policy, so small that lines of a set take
// turns: those that are found by a hint, those that are not, and misses.
TEST(Equivalence, CachesOfAnyShape) {
  std::mt19937_64 random(29);
  const auto shape = [&random](CacheLevelConfig& cache) {
    constexpr Replacement kPolicies[] = {Replacement::lru, Replacement::plru, Replacement::fifo, Replacement::random};
    cache.replacement = kPolicies[random() % 4];
    cache.ways = static_cast<uint32_t>(1 + random() % 12);
    if (cache.replacement == Replacement::plru) cache.ways = 1u << random() % 5;
    cache.prefetch = random() % 4 == 0;
    cache.size = (uint64_t{2} << random() % 6) * cache.ways * cache.line;
  };
  for (int n = 0; n < 16; ++n) {
    MachineConfig config = cached_machine();
    config.cache.l1i.line = config.cache.l1d.line = config.cache.l2.line = config.cache.l3.line = 16u << random() % 4;
    shape(config.cache.l1i);
    shape(config.cache.l1d);
    const std::string slow = run(config, How::in_full, 100'000, 0);
    ASSERT_NE(slow, "");
    EXPECT_EQ(run(config, How::interpreted, 100'000, 0), slow) << n;
    EXPECT_EQ(run(config, How::translated_at_once, 777, 0), slow) << n;
  }
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

// A loop in a line of L1I whose last instruction reaches into the next line. In
// a cache of two sets a miss there fetches a line ahead that comes before the
// loop's in its own set, so that the jump back must touch its line.
TEST(Equivalence, TheLineFetchedAheadComesBeforeTheLoop) {
  std::vector<uint8_t> image(0x2000);
  const auto put = [&image](uint32_t at, uint32_t bits) { std::memcpy(&image[at], &bits, sizeof(bits)); };
  const auto jump = [&put](uint32_t from, uint32_t to) {  // jal x0
    const uint32_t by = to - from;
    put(from, 0x6f | (by & 0x100000) << 11 | (by & 0x7fe) << 20 | (by & 0x800) << 9 | (by & 0xff000));
  };
  constexpr uint32_t kLoop = 0x20, kSameSet = 0x60, kOtherSet = 0xff0, kOtherSetToo = 0x1ff0, kEnd = 0x100;
  put(0x0, 0x01400493);  // li s1, 20
  put(0x4, 0x00300293);  // li t0, 3
  jump(0x8, kLoop);
  put(kLoop, 0xfff28293);        // addi t0, t0, -1
  put(kLoop + 0x4, 0x00000013);  // nop
  put(kLoop + 0x8, 0x00000013);
  put(kLoop + 0xc, 0x0001);      // c.nop
  put(kLoop + 0xe, 0xfe0299e3);  // bnez t0, loop: two bytes lie in the next line
  put(kLoop + 0x12, 0x0001);
  put(kLoop + 0x14, 0x00140413);  // addi s0, s0, 1
  jump(kLoop + 0x18, kSameSet);
  // The last lines of their 4 KB: nothing is fetched behind them.
  jump(kSameSet, kOtherSet);
  jump(kOtherSet, kOtherSetToo);
  put(kOtherSetToo, 0x00300293);        // li t0, 3
  put(kOtherSetToo + 0x4, 0x00941463);  // bne s0, s1, + 8
  jump(kOtherSetToo + 0x8, kEnd);
  jump(kOtherSetToo + 0xc, kLoop);
  put(kEnd, 0x05d00893);  // li a7, 93
  put(kEnd + 0x4, 0x00000073);
  const auto run_so = [&](How how) {
    return in_child([&] {
      MachineConfig config = cached_machine();
      config.hart.fast_path = how != How::in_full;
      config.hart.translate_after = 1;
      config.cache.l1i = {.size = 2 * 2 * 16, .ways = 2, .line = 16, .prefetch = true};
      HartRig rig(config, image, 0);
      const RunResult result = rig.run();
      EXPECT_EQ(result.state.x[8], 20u);
      return testing::Test::HasFailure() ? std::string() : result.statistics;
    });
  };
  const std::string slow = run_so(How::in_full);
  ASSERT_NE(slow, "");
  EXPECT_EQ(run_so(How::translated_at_once), slow);
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
