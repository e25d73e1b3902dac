// Costs by page and by instruction, told apart by process.
#include "hw/mmu/cost_observer.h"

#include <gtest/gtest.h>

namespace faultline::hw {
namespace {

ObservedLookUp walk(uint64_t address, uint32_t process, uint64_t cycles) {
  return {
      .address = VirtAddr(address), .pc = 0x10000, .asid = 1, .process = process, .walks = 1, .walk = Cycles(cycles)};
}

// A process that ended gives its address-space identifier to another.
TEST(CostObserver, TwoProcessesWithOneIdentifierAreTwo) {
  CostObserver costs(PageSize{12});
  costs.looked_up(walk(0x5008, 2, 100));
  costs.looked_up(walk(0x5010, 3, 40));
  costs.looked_up(walk(0x5018, 3, 40));
  const std::vector<TranslationCost> top = costs.top_pages(10);
  ASSERT_EQ(top.size(), 2u);
  EXPECT_EQ(top[0].process, 2u);
  EXPECT_EQ(top[0].cycles, 100u);
  EXPECT_EQ(top[1].process, 3u);
  EXPECT_EQ(top[1].walks, 2u);
  EXPECT_EQ(top[1].address, 0x5000u);
  EXPECT_EQ(costs.instructions(), 2u);
}

TEST(CostObserver, SaysWhenThereAreMoreThanItTellsApart) {
  CostObserver costs(PageSize{12});
  for (uint64_t page = 0; page < CostObserver::kMost; ++page) costs.looked_up(walk(page << 12, 1, 1));
  EXPECT_FALSE(costs.more_pages());
  costs.looked_up(walk(0, 1, 1));
  EXPECT_FALSE(costs.more_pages()) << "a page that is known";
  costs.looked_up(walk(CostObserver::kMost << 12, 1, 1));
  EXPECT_TRUE(costs.more_pages());
  EXPECT_FALSE(costs.more_instructions());
  EXPECT_EQ(costs.pages(), CostObserver::kMost);
  EXPECT_EQ(costs.total().walks, CostObserver::kMost + 2);
  costs.clear_counts();
  EXPECT_FALSE(costs.more_pages());
}

}  // namespace
}  // namespace faultline::hw
