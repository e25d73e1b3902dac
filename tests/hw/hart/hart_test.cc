// Traps, counts and cycles of a hart, worked by hand. Textbook memory: every
// access takes L = 100 cycles, every instruction 1; Sv39, so a walk reads three
// entries and writes one on first use (referenced, or referenced and modified).
#include <gtest/gtest.h>

#include "hart_rig.h"

namespace faultline::hw {
namespace {

constexpr uint64_t kL = 100;
constexpr uint32_t kEcall = 0x00000073;
constexpr uint32_t kExit = 0x05d00893;  // li a7, 93

MachineConfig sv39() {
  MachineConfig config = flat_machine();
  config.paging_format = "sv39";
  return config;
}

std::vector<uint8_t> at(uint64_t offset, std::initializer_list<uint32_t> instructions) {
  std::vector<uint8_t> image(offset);
  const std::vector<uint8_t> code = assemble(instructions);
  image.insert(image.end(), code.begin(), code.end());
  return image;
}

TEST(Hart, CountsAStraightLine) {
  HartRig rig(sv39(), assemble({0x00150513, 0x0505, 0xff813283, 0xfe513823, kExit, kEcall}), 0);
  // addi, c.addi, ld t0,-8(sp), sd t0,-16(sp), li, ecall
  const RunResult run = rig.run();
  EXPECT_EQ(run.trap.cause, Trap::Cause::ecall);
  EXPECT_EQ(run.state.pc, kImageBase + 18);
  EXPECT_EQ(run.state.x[10], 2u);
  EXPECT_EQ(run.hart.instructions, 6u);
  EXPECT_EQ(run.hart.fetch_references, 6u);
  EXPECT_EQ(run.hart.load_references, 1u);
  EXPECT_EQ(run.hart.store_references, 1u);
  const CycleLedger& ledger = rig.machine().hart().ledger();
  EXPECT_EQ(ledger[CycleAccount::compute], 6u);
  EXPECT_EQ(ledger[CycleAccount::fetch], 6 * kL);
  EXPECT_EQ(ledger[CycleAccount::data], 2 * kL);
  // Code page, stack page for the load; the store then finds it not modified.
  EXPECT_EQ(ledger[CycleAccount::walk], (3 * (3 + 1)) * kL);
  EXPECT_EQ(run.cycles, ledger.total());
}

TEST(Hart, AnInstructionThatStraddlesPagesIsTwoReferences) {
  HartRig rig(sv39(), at(0xffe, {0x00150513, kExit, kEcall}), 0);
  const RunResult run = rig.run(kImageBase + 0xffe);
  EXPECT_EQ(run.hart.instructions, 3u);
  EXPECT_EQ(run.hart.fetch_references, 4u);
  EXPECT_EQ(rig.machine().hart().ledger()[CycleAccount::fetch], 4 * kL);
  EXPECT_EQ(rig.machine().mmu().statistics().walks, 2u);
}

TEST(Hart, AFaultOnTheSecondHalfOfAnInstruction) {
  HartRig rig(sv39(), at(0xffe, {0x00150513, kExit, kEcall}), 0);
  rig.unmap(kImageBase + 0x1000);
  const RunResult run = rig.run(kImageBase + 0xffe);
  EXPECT_EQ(run.trap.cause, Trap::Cause::page_fault);
  EXPECT_EQ(run.trap.access, Access::fetch);
  EXPECT_EQ(run.trap.address.value, kImageBase + 0x1000);
  EXPECT_EQ(run.state.pc, kImageBase + 0xffe);
  EXPECT_EQ(run.hart.instructions, 0u);
  EXPECT_EQ(run.hart.fetch_references, 1u);
  EXPECT_EQ(rig.machine().mmu().statistics().fault_walk_reads, 3u);
}

TEST(Hart, AStoreAcrossPagesWritesBothOrNeither) {
  // The page behind the stack is not mapped: sd t0,-4(sp) reaches it.
  HartRig rig(sv39(), assemble({0x00500293, 0xfe513e23, kExit, kEcall}), 0);
  const RunResult run = rig.run();
  EXPECT_EQ(run.trap.cause, Trap::Cause::page_fault);
  EXPECT_EQ(run.trap.access, Access::store);
  EXPECT_EQ(run.trap.address.value, kStackTop);
  EXPECT_EQ(run.trap.instruction, 0xfe513e23u);
  EXPECT_EQ(run.state.pc, kImageBase + 4);
  EXPECT_EQ(rig.machine().memory().load<uint32_t>(rig.physical(kStackTop - 4)), 0u);
  EXPECT_EQ(run.hart.instructions, 1u);
  EXPECT_EQ(run.hart.fetch_references, 2u);
  EXPECT_EQ(run.hart.store_references, 1u);  // the first half's translation succeeded
  EXPECT_EQ(rig.machine().hart().ledger()[CycleAccount::data], 0u);
}

TEST(Hart, ALoadAcrossPagesIsTwoReferencesAndTwoAccesses) {
  // sp - 4096, then ld t0,-4(sp): across two pages of the stack.
  HartRig rig(sv39(), assemble({0xfffff337, 0x00610133, 0xffc13283, kExit, kEcall}), 0);
  const RunResult run = rig.run();
  EXPECT_EQ(run.hart.load_references, 2u);
  EXPECT_EQ(rig.machine().hart().ledger()[CycleAccount::data], 2 * kL);
}

struct TrapRow {
  uint32_t bits;
  Trap::Cause cause;
};

class HartTraps : public testing::TestWithParam<TrapRow> {};
TEST_P(HartTraps, LeaveNothingBehind) {
  HartRig rig(sv39(), assemble({0x00150513, GetParam().bits, kExit, kEcall}), 0);
  const RunResult run = rig.run();
  EXPECT_EQ(run.trap.cause, GetParam().cause);
  EXPECT_EQ(run.trap.instruction, GetParam().bits);
  EXPECT_EQ(run.state.pc, kImageBase + 4);
  EXPECT_EQ(run.hart.instructions, 1u);
  EXPECT_EQ(run.hart.fetch_references, 2u);
  EXPECT_EQ(rig.machine().hart().ledger()[CycleAccount::compute], 1u);
}
INSTANTIATE_TEST_SUITE_P(Rows, HartTraps,
                         testing::Values(TrapRow{0x0000, Trap::Cause::illegal_instruction},
                                         TrapRow{0x00100073, Trap::Cause::ebreak},
                                         TrapRow{0x9002, Trap::Cause::ebreak},                   // c.ebreak
                                         TrapRow{0x10500073, Trap::Cause::illegal_instruction},  // wfi
                                         TrapRow{0xc0001073, Trap::Cause::illegal_instruction},  // csrw cycle
                                         TrapRow{0xc0302573, Trap::Cause::illegal_instruction},  // hpmcounter3
                                         TrapRow{0x30002573, Trap::Cause::illegal_instruction},  // csrr mstatus
                                         TrapRow{0x1005a52f, Trap::Cause::page_fault},           // lr.w a0,(a1), a1 = 0
                                         TrapRow{0x1001352f | 0, Trap::Cause::page_fault},  // lr.d a0,(sp): not mapped
                                         TrapRow{0x00b5252f, Trap::Cause::misaligned}));    // amoadd.w (a0), a0 = 1

TEST(Hart, ReservedRoundingModeInFrmIsIllegal) {
  // csrwi frm, 5; fadd.d fa0, fa0, fa0 (dynamic)
  HartRig rig(sv39(), assemble({0x0022d073, 0x02a57553, kExit, kEcall}), 0);
  const RunResult run = rig.run();
  EXPECT_EQ(run.trap.cause, Trap::Cause::illegal_instruction);
  EXPECT_EQ(run.state.frm, 5);
}

TEST(Hart, MisalignedTrapsWhereAsked) {
  MachineConfig config = sv39();
  config.hart.misaligned = Misaligned::trap;
  HartRig rig(config, assemble({0xff912283, kExit, kEcall}), 0);  // lw t0,-7(sp)
  const RunResult run = rig.run();
  EXPECT_EQ(run.trap.cause, Trap::Cause::misaligned);
  EXPECT_EQ(run.trap.access, Access::load);
  EXPECT_EQ(run.trap.address.value, kStackTop - 7);
}

TEST(Hart, FailedStoreConditionalIsNoReference) {
  // sc.w t0, t1, (x0-based garbage): no reservation, so it does not look there.
  HartRig rig(sv39(), assemble({0x1861a2af, kExit, kEcall}), 0);  // sc.w t0,t1,(gp), gp = 0
  const RunResult run = rig.run();
  EXPECT_EQ(run.trap.cause, Trap::Cause::ecall);
  EXPECT_EQ(run.state.x[5], 1u);
  EXPECT_EQ(run.hart.store_references, 0u);
}

TEST(Hart, TheClockIsReadable) {
  // rdcycle a0; rdinstret a1; rdtime a2
  HartRig rig(sv39(), assemble({0xc0002573, 0xc02025f3, 0xc0102673, kExit, kEcall}), 0);
  const RunResult run = rig.run();
  const uint64_t walk = (3 + 1) * kL;
  EXPECT_EQ(run.state.x[10], walk + kL);  // its own fetch is over
  EXPECT_EQ(run.state.x[11], 1u);
  EXPECT_EQ(run.state.x[12], (walk + 3 * kL + 2) / 100);  // 10 MHz beside 1000 MHz
}

TEST(Hart, ALoopWithoutEndIsLeftAtTheBound) {
  HartRig rig(sv39(), assemble({0x0000006f}), 0);  // j .
  Hart& hart = rig.machine().hart();
  HartState& state = rig.state();
  state.pc = kImageBase;
  Trap trap{.cause = Trap::Cause::ebreak};
  uint64_t now = 0;
  hart.on_start([&] {
    // The rig's run() is not used: its tables are loaded by hand.
    rig.use_tables();
    trap = hart.run(state, Cycles(10'000));
    now = hart.now().value;
  });
  sc_core::sc_start();
  EXPECT_EQ(trap.cause, Trap::Cause::budget);
  EXPECT_GE(now, 10'000u);
  EXPECT_LT(now, 10'000u + 1 + kL);
  EXPECT_EQ(state.pc, kImageBase);
}

// An event elsewhere in the machine raises an interrupt: the hart sees it at
// its next control transfer, not at the end of its quantum.
struct Alarm : sc_core::sc_module {
  Alarm(sc_core::sc_module_name name, Hart& hart, sc_core::sc_time when) : sc_module(name), hart_(hart), when_(when) {
    SC_HAS_PROCESS(Alarm);
    SC_THREAD(ring);
  }
  void ring() {
    wait(when_);
    hart_.wake();
  }
  Hart& hart_;
  sc_core::sc_time when_;
};

TEST(Hart, InterruptsArriveOnTime) {
  HartRig rig(sv39(), assemble({0x0000006f}), 0);
  Hart& hart = rig.machine().hart();
  Alarm alarm("alarm", hart, rig.machine().clock().time(Cycles(5'000)));
  HartState& state = rig.state();
  state.pc = kImageBase;
  uint64_t after_run = 0, after_idle = 0;
  bool deadlock = true;
  hart.on_start([&] {
    rig.use_tables();
    hart.run(state, Cycles(~uint64_t{0}));
    after_run = hart.now().value;
    EXPECT_TRUE(hart.take_interrupt());
    hart.idle(hart.now() + Cycles(1'000));
    after_idle = hart.now().value;
    deadlock = !hart.idle(Cycles(~uint64_t{0}));
  });
  sc_core::sc_start();
  EXPECT_GE(after_run, 5'000u);
  EXPECT_LT(after_run, 5'000u + 1 + kL);
  EXPECT_EQ(after_idle, after_run + 1'000);
  EXPECT_EQ(hart.ledger()[CycleAccount::idle], 1'000u);
  EXPECT_TRUE(deadlock);
}

TEST(Hart, KernelAccessesTakeTimeAndAreCountedApart) {
  HartRig rig(sv39(), assemble({kEcall}), 0);
  Hart& hart = rig.machine().hart();
  hart.on_start([&] {
    EXPECT_EQ(hart.kernel_access(CycleAccount::syscall, PhysAddr(64), 8, false).value, kL);
    EXPECT_EQ(hart.kernel_sweep(CycleAccount::syscall, PhysAddr(4096), 4096, true).value, 512 * kL);
    EXPECT_EQ(hart.kernel_sweep(CycleAccount::syscall, PhysAddr(4097), 8, false).value, 2 * kL);
  });
  sc_core::sc_start();
  const DramStatistics& dram = rig.machine().dram()->statistics();
  EXPECT_EQ(dram.reads[static_cast<size_t>(Requester::kernel)], 3u);
  EXPECT_EQ(dram.writes[static_cast<size_t>(Requester::kernel)], 512u);
  EXPECT_EQ(hart.ledger()[CycleAccount::syscall], 515 * kL);
}

// Of a cache with one set, where what is fetched ahead takes the place of the most recent line, or of the only one.
TEST(Hart, KernelSweepsAsWordByWord) {
  const auto sweep = [](bool fast_path, uint32_t ways) {
    return in_child([=] {
      MachineConfig config = cached_machine();
      config.hart.fast_path = fast_path;
      config.cache.l1d.ways = ways;
      config.cache.l1d.size = uint64_t{ways} * config.cache.l1d.line;
      config.cache.l1d.prefetch = true;
      HartRig rig(config, assemble({kEcall}), 0);
      Hart& hart = rig.machine().hart();
      hart.on_start([&] {
        hart.kernel_sweep(CycleAccount::syscall, PhysAddr(4096), 1000, true);
        hart.kernel_sweep(CycleAccount::syscall, PhysAddr(8192), 24, false);
        hart.kernel_sweep(CycleAccount::syscall, PhysAddr(16384), 24, false);
        hart.kernel_sweep(CycleAccount::syscall, PhysAddr(8192), 24, false);
      });
      sc_core::sc_start();
      const CacheStatistics counts = rig.machine().l1d()->statistics();
      return std::to_string(counts.hits) + " " + std::to_string(counts.misses) + " " +
             std::to_string(counts.writebacks) + " " + std::to_string(hart.now().value);
    });
  };
  for (const uint32_t ways : {1, 2, 3, 8}) EXPECT_EQ(sweep(true, ways), sweep(false, ways)) << ways;
}

}  // namespace
}  // namespace faultline::hw
