// Processes that do memory operations at random, with a model of what every
// page must hold: on machines that page out all the time, with every policy,
// nothing is ever wrong, and at the end all frames and swap slots are back
// (which faultline itself checks after the last exit). The same program under
// the host's kernel is the judge of the model. With FAULTLINE_SOAK: minutes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "harness.h"

namespace faultline::system_test {
namespace {

struct Machine {
  std::string name;
  std::vector<std::string> settings;
};

std::ostream& operator<<(std::ostream& out, const Machine& machine) { return out << machine.name; }

bool soak() { return std::getenv("FAULTLINE_SOAK") != nullptr; }
int seeds() { return soak() ? 40 : 3; }
std::string rounds() { return soak() ? "4000" : "400"; }
std::string nothing_wrong() { return "3 workers, " + rounds() + " rounds each: 0 failed\n"; }

TEST(MemoryModel, IsThatOfTheHostsKernel) {
  FreshDirectory directory;
  for (int seed = 1; seed <= seeds(); ++seed) {
    const Outcome got = run({native_guest("memory_model").string(), std::to_string(seed), rounds()},
                            {.directory = directory.path().string(), .limit = std::chrono::seconds(300)});
    ASSERT_EQ(got.out, nothing_wrong()) << "seed " << seed << "\n" << got.err;
  }
}

class MemoryModelOn : public testing::TestWithParam<Machine> {};

TEST_P(MemoryModelOn, IsNeverWrong) {
  uint64_t paged_out = 0;
  for (int seed = 1; seed <= seeds(); ++seed) {
    RunRequest request{.settings = GetParam().settings,
                       .program = "memory_model",
                       .arguments = {std::to_string(seed), rounds()},
                       .command = {.limit = std::chrono::seconds(600)}};
    const RunResult got = faultline_run(request);
    ASSERT_FALSE(got.timed_out) << got.line;
    ASSERT_EQ(got.out, nothing_wrong()) << got.line << "\n" << got.err;
    ASSERT_EQ(got.status, 0) << got.line << "\n" << got.err;
    EXPECT_EQ(got.err, "") << got.line;
    EXPECT_EQ(count(got.stats, "pageout.out_of_memory"), 0u) << got.line;
    paged_out += count(got.stats, "swap.outs");
  }
  EXPECT_GT(paged_out, 100u);
}

INSTANTIATE_TEST_SUITE_P(
    , MemoryModelOn,
    testing::Values(
        Machine{"one_megabyte", {"timing=none", "dram.size=1M", "swap.size=8M"}},
        Machine{"two_megabytes", {"timing=tlb", "dram.size=2M", "swap.size=8M", "vm.swap_readaround=8"}},
        Machine{"one_hand", {"timing=none", "dram.size=2M", "swap.size=16M", "vm.replacement=one-handed"}},
        Machine{"fifo", {"timing=none", "dram.size=2M", "swap.size=8M", "vm.replacement=fifo", "vm.writebehind=false"}},
        Machine{"lru", {"timing=none", "dram.size=2M", "swap.size=8M", "vm.replacement=lru", "vm.readahead=0"}},
        Machine{"huge_pages", {"timing=tlb", "dram.size=4M", "swap.size=16M", "paging.huge=always", "vm.lotsfree=700"}},
        Machine{"sv39", {"timing=tlb", "dram.size=2M", "swap.size=8M", "paging.format=sv39", "tlb.asids=true"}},
        Machine{"ia32", {"timing=none", "dram.size=2M", "swap.size=8M", "paging.format=ia32"}},
        Machine{"large_base_page",
                {"timing=none", "dram.size=16M", "swap.size=64M", "paging.format=custom", "paging.custom.page=64K",
                 "paging.custom.bits=[12, 12, 8]"}},
        Machine{"short_slices", {"timing=none", "dram.size=2M", "swap.size=8M", "os.timer_hz=20000"}},
        Machine{"stale_bits", {"timing=tlb", "dram.size=2M", "swap.size=8M", "vm.flush_on_clear=false"}}),
    [](const auto& item) { return item.param.name; });

}  // namespace
}  // namespace faultline::system_test
