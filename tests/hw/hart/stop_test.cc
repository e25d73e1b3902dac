// A stop after so many instructions comes right behind the last of them, and changes nothing else; and
// a hart that began on a functional side ends where one ends that did not.
#include <gtest/gtest.h>

#include <cstring>

#include "hart_rig.h"

namespace faultline::hw {
namespace {

constexpr uint64_t kBss = 2 << 20;

MachineConfig cached_with_walker() {
  MachineConfig config = cached_machine();
  config.walker.caches = true;
  config.walker.parallel = 2;
  config.tlb.l1d = {.sets = 3, .ways = 2, .hit_cycles = 1};
  return config;
}

std::string text(const RunResult& result) { return result.output + "\n" + result.statistics; }

// Of the program without a stop.
std::string plain(const MachineConfig& config) {
  return in_child([&] { return text(HartRig(config, read_file(MIX_IMAGE), kBss).run()); });
}

// With a stop after `first` instructions, then after each `next`, `count` of them. Fails where one is late or early.
std::string stopped(const MachineConfig& config, uint64_t first, uint64_t next, uint64_t count) {
  return in_child([&] {
    HartRig rig(config, read_file(MIX_IMAGE), kBss);
    Machine& machine = rig.machine();
    uint64_t due = first;
    uint64_t stops = 0;
    std::function<void()> reached = [&] {
      EXPECT_EQ(machine.hart().statistics().instructions, due);
      EXPECT_EQ(machine.hart().ledger().total(), machine.hart().now().value);
      if (++stops == count) return;
      due += next;
      machine.stop_after(next, reached);
    };
    machine.stop_after(first, reached);
    const std::string result = text(rig.run());
    EXPECT_EQ(stops, count);
    return testing::Test::HasFailure() ? std::string() : result;
  });
}

void expect_exact(const MachineConfig& config) {
  const std::string without = plain(config);
  ASSERT_NE(without, "");
  // Each of many instructions by itself: taken and other branches, atomics, instructions of two pages, stores into
  // code.
  EXPECT_EQ(stopped(config, 1, 1, 5'000), without);
  EXPECT_EQ(stopped(config, 100'000, 1, 3'000), without);
  // Far enough apart that blocks, and host code, run between them.
  EXPECT_EQ(stopped(config, 9'999, 7'919, 20), without);
  EXPECT_EQ(stopped(config, 4'096, 4'097, 40), without);
}

TEST(Stop, IsExactOnFlatMemory) { expect_exact(flat_machine()); }
TEST(Stop, IsExactWithCaches) { expect_exact(cached_machine()); }
TEST(Stop, IsExactWithWalkCaches) { expect_exact(cached_with_walker()); }
TEST(Stop, IsExactWithoutATlb) {
  MachineConfig config = flat_machine();
  config.tlb.enabled = false;
  expect_exact(config);
}
TEST(Stop, IsExactWithoutShortcuts) {
  MachineConfig config = cached_machine();
  config.hart.fast_path = false;
  EXPECT_EQ(stopped(config, 1, 1, 5'000), plain(config));
}

// A store into the page that runs drops its code: the hart goes on behind the store, and stops there first.
TEST(Stop, IsExactBehindAStoreIntoCode) {
  // auipc t0, 0; sw zero, 64(t0); addi a0, a0, 1; sw zero, 68(t0); addi a0, a0, 1; li a7, 93; ecall
  const std::vector<uint8_t> code =
      assemble({0x00000297, 0x0402a023, 0x00150513, 0x0402a223, 0x00150513, 0x05d00893, 0x00000073});
  EXPECT_EQ(in_child([&] {
              HartRig rig(flat_machine(), code, 0);
              Machine& machine = rig.machine();
              std::string stops;
              std::function<void()> reached = [&] {
                stops += " " + std::to_string(machine.hart().statistics().instructions);
                machine.stop_after(1, reached);
              };
              machine.stop_after(1, reached);
              rig.run();
              return stops;
            }),
            " 1 2 3 4 5 6 7");
}

// Pages without a jump, each of which ends with a store into itself: every other one lies across two pages.
std::vector<uint8_t> pages_that_drop_their_code(size_t pages) {
  constexpr size_t kPage = 4096;
  std::vector<uint8_t> image;
  while (image.size() < (pages + 1) * kPage) image.insert(image.end(), {0x01, 0x00});  // c.nop
  const auto put = [&image](size_t at, uint32_t instruction) { std::memcpy(&image[at], &instruction, 4); };
  put(0, 0x00000297);  // auipc t0, 0
  put(4, 0x00001337);  // lui t1, 1
  for (size_t page = 0; page < pages; ++page) {
    if (page != 0) put(page * kPage + 8, 0x006282b3);               // add t0, t0, t1
    put((page + 1) * kPage - (page % 2 == 0 ? 4 : 2), 0x0402a023);  // sw zero, 64(t0)
  }
  put(pages * kPage + 8, 0x05d00893);   // li a7, 93
  put(pages * kPage + 12, 0x00000073);  // ecall
  return image;
}

// Interrupts are taken where such a page ends, as anywhere else, so that no stop comes late.
TEST(Stop, IsExactAmongPagesThatDropTheirCode) {
  EXPECT_EQ(in_child([] {
              HartRig rig(cached_machine(), pages_that_drop_their_code(20), 0);
              Machine& machine = rig.machine();
              std::string stops;
              std::function<void()> reached = [&] {
                stops += " " + std::to_string(machine.hart().statistics().instructions);
                machine.stop_after(10'001, reached);
              };
              machine.stop_after(20'000, reached);
              rig.run();
              return stops;
            }),
            " 20000 30001 40002");
}

TEST(Stop, InterruptsAreTakenWhereAPageDropsItsCode) {
  EXPECT_EQ(in_child([] {
              HartRig rig(flat_machine(), pages_that_drop_their_code(20), 0);
              rig.run(kImageBase, 1);
              return std::to_string(rig.budgets() >= 20);
            }),
            "1");
}

MachineConfig functional(MachineConfig config) {
  config.cache.enabled = false;
  config.dram.timing = DramTiming::flat;
  config.dram.flat_cycles = 0;
  config.walker = {};
  config.tlb = {};
  return config;
}

// Where the program ends is what it computed: output, registers, instructions.
std::string end_of(const RunResult& result) {
  std::string state = result.output + " " + std::to_string(result.hart.instructions);
  for (const uint64_t x : result.state.x) state += " " + std::to_string(x);
  for (const uint64_t f : result.state.f) state += " " + std::to_string(f);
  return state + " " + std::to_string(result.state.pc);
}

// The program reads its clock: memory takes no time on either side.
TEST(Stop, FromTheFunctionalSideToTheMachineAndBack) {
  MachineConfig config = flat_machine();
  config.dram.flat_cycles = 0;
  config.tlb.l1d = {.sets = 3, .ways = 2};
  const std::string whole = in_child([&] { return end_of(HartRig(config, read_file(MIX_IMAGE), kBss).run()); });
  for (const uint64_t apart : {1, 17, 997, 5'003, 60'001}) {
    SCOPED_TRACE(apart);
    EXPECT_EQ(in_child([&] {
                HartRig rig(config, read_file(MIX_IMAGE), kBss);
                Machine& machine = rig.machine();
                machine.begin_functionally(functional(config));
                unsigned switches = 0;
                std::function<void()> reached = [&] {
                  machine.set_functional(!machine.functional());
                  if (++switches < 100) machine.stop_after(apart, reached);
                };
                machine.stop_after(apart, reached);
                return end_of(rig.run());
              }),
              whole);
  }
}

// All that is counted behind the switch is of the machine as configured, and cold.
TEST(Stop, TheMachineBeginsWithNothingInItsTlbs) {
  const MachineConfig config = cached_machine();
  EXPECT_EQ(in_child([&] {
              HartRig rig(config, read_file(MIX_IMAGE), kBss);
              Machine& machine = rig.machine();
              machine.begin_functionally(functional(config));
              machine.stop_after(50'000, [&] {
                EXPECT_EQ(machine.mmu().statistics().walks, 0u);
                EXPECT_EQ(machine.mmu().reach().l1d, 0u);
                EXPECT_EQ(machine.l1d()->statistics().accesses, 0u);
                EXPECT_EQ(machine.hart().ledger()[CycleAccount::walk], 0u);
                machine.set_functional(false);
              });
              const RunResult result = rig.run();
              EXPECT_GT(machine.mmu().statistics().walks, 0u);
              EXPECT_EQ(machine.l1i()->statistics().accesses,
                        machine.l1i()->statistics().hits + machine.l1i()->statistics().misses);
              EXPECT_GE(machine.l1i()->statistics().accesses, result.hart.instructions - 50'000);
              return std::string(testing::Test::HasFailure() ? "" : "good");
            }),
            "good");
}

// While it was away nobody told it of flushes, so that what it held then must be gone, whatever keeps address spaces
// apart.
TEST(Stop, TheMachineComesBackWithNothingInItsTlbs) {
  MachineConfig config = cached_machine();
  config.tlb.asids = true;
  EXPECT_EQ(in_child([&] {
              HartRig rig(config, read_file(MIX_IMAGE), kBss);
              Machine& machine = rig.machine();
              machine.begin_functionally(functional(config));
              unsigned returns = 0;
              std::function<void()> reached = [&] {
                machine.set_functional(!machine.functional());
                if (!machine.functional()) {
                  EXPECT_EQ(machine.mmu().reach().l1i + machine.mmu().reach().l1d, 0u);
                } else {
                  EXPECT_GT(machine.mmu().reach().l1d, 0u);
                }
                if (++returns < 9) machine.stop_after(10'000, reached);
              };
              machine.stop_after(10'000, reached);
              rig.run();
              return std::string(returns == 9 && !testing::Test::HasFailure() ? "good" : "");
            }),
            "good");
}

}  // namespace
}  // namespace faultline::hw
