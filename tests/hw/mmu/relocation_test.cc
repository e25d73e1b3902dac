// The fence and the base and bounds registers, by themselves and in the MMU.
#include "hw/mmu/relocation.h"

#include <gtest/gtest.h>

#include "tests/hw/mmu/mmu_rig.h"

namespace faultline::hw {
namespace {

using Status = Translation::Status;

constexpr PageSize kPage{12};
constexpr uint64_t kMemory = 1 << 20;

TEST(Fence, LetsPassWhatIsNotBelowIt) {
  RelocationUnit unit(MemoryModel::fence, kPage, kMemory);
  unit.set_fence(Pfn(16));
  EXPECT_EQ(unit.translate(VirtAddr(0)).status, Status::page_fault);
  EXPECT_EQ(unit.translate(VirtAddr(0xffff)).status, Status::page_fault);
  const Translation first = unit.translate(VirtAddr(0x10000));
  EXPECT_EQ(first.status, Status::ok);
  EXPECT_EQ(first.address, PhysAddr(0x10000)) << "nothing is added";
  EXPECT_EQ(unit.translate(VirtAddr(kMemory - 1)).status, Status::ok);
  EXPECT_EQ(unit.translate(VirtAddr(kMemory)).status, Status::access_fault) << "no memory is there";
  EXPECT_EQ(unit.translate(VirtAddr(~uint64_t{0})).status, Status::access_fault);
  const RelocationStatistics& counts = unit.statistics();
  EXPECT_EQ(counts.checks, 6u);
  EXPECT_EQ(counts.below_fence, 2u);
  EXPECT_EQ(counts.beyond_memory, 2u);
  EXPECT_EQ(counts.beyond_bounds, 0u);
  EXPECT_EQ(counts.additions, 0u);
}

TEST(BaseAndBounds, ChecksAndThenAdds) {
  RelocationUnit unit(MemoryModel::base_bounds, kPage, kMemory);
  EXPECT_EQ(unit.translate(VirtAddr(0)).status, Status::page_fault) << "before the registers are loaded";
  unit.set_base_and_bounds(Pfn(32), 2);
  EXPECT_EQ(unit.translate(VirtAddr(0)).address, PhysAddr(0x20000));
  EXPECT_EQ(unit.translate(VirtAddr(0x1fff)).address, PhysAddr(0x21fff));
  EXPECT_EQ(unit.translate(VirtAddr(0x2000)).status, Status::page_fault);
  // Compared before the addition: the sum would be 0x1ffff.
  EXPECT_EQ(unit.translate(VirtAddr(~uint64_t{0})).status, Status::page_fault);
  unit.set_base_and_bounds(Pfn(200), 2);
  EXPECT_EQ(unit.translate(VirtAddr(0x10)).address, PhysAddr(0xc8010)) << "the same program elsewhere";
  const RelocationStatistics& counts = unit.statistics();
  EXPECT_EQ(counts.checks, 6u);
  EXPECT_EQ(counts.additions, 3u);
  EXPECT_EQ(counts.beyond_bounds, 3u);
  EXPECT_EQ(counts.below_fence, 0u);
  EXPECT_EQ(counts.loads, 2u);
}

MachineConfig without_paging(MemoryModel model) {
  MachineConfig machine;
  machine.tlb.enabled = false;
  machine.dram.size = 64 << 20;
  machine.relocation = {.model = model, .check_cycles = 3};
  return machine;
}

TEST(RelocationInTheMmu, StandsInThePlaceOfTlbsAndTables) {
  MmuRig rig("relocation", without_paging(MemoryModel::base_bounds));
  ASSERT_NE(rig.mmu.relocation(), nullptr);
  rig.mmu.relocation()->set_base_and_bounds(Pfn(16), 1);
  for (const Access access : {Access::fetch, Access::load, Access::store}) {
    EXPECT_EQ(rig.refer(0x18, access).address, PhysAddr(0x10018));
    EXPECT_EQ(rig.refer(0x1000, access).status, Status::page_fault);
    EXPECT_EQ(rig.mmu.first_level_cycles(access), Cycles(3)) << "the check, of every reference";
  }
  EXPECT_EQ(rig.filtered, 0u) << "each is compared";
  EXPECT_EQ(rig.mmu.relocation()->statistics().checks, 6u);
  EXPECT_EQ(rig.mmu.statistics().walks, 0u);
  EXPECT_EQ(rig.mmu.statistics().fault_walk_reads, 0u);
  EXPECT_EQ(rig.now, Cycles(0)) << "no memory is read to find memory";
}

TEST(RelocationInTheMmu, IsNotThereWithPaging) {
  MmuRig rig("paging", MachineConfig{});
  EXPECT_EQ(rig.mmu.relocation(), nullptr);
}

}  // namespace
}  // namespace faultline::hw
