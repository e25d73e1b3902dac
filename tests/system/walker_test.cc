// The walker on real programs: nested translation, page-walk caches, where its
// reads enter memory, and walks at once. What a program computes and which
// references it makes never change.
#include <gtest/gtest.h>

#include <algorithm>

#include "harness.h"

namespace faultline::system_test {
namespace {

struct Program {
  const char* name;
  std::vector<std::string> arguments;
};

// Accesses across pages; several processes and copies on write; tables made
// and given back.
const std::vector<Program> kPrograms = {
    {"straddle", {"50"}}, {"matrix_multiply", {"16"}}, {"fork_write", {"16"}}, {"table_reuse", {"10"}}};

std::ostream& operator<<(std::ostream& out, const Program& program) { return out << program.name; }

RunResult run(const Program& program, const std::string& machine, std::vector<std::string> settings) {
  RunResult result = faultline_run(
      {.machine = machine, .settings = std::move(settings), .program = program.name, .arguments = program.arguments});
  EXPECT_EQ(result.status, 0) << result.line << "\n" << result.err;
  return result;
}

class Walker : public testing::TestWithParam<Program> {};

void expect_dram_agrees(const Json& stats) {
  EXPECT_EQ(count(stats, "dram.by_requester.walker.reads"),
            count(stats, "translation.walk_reads") + count(stats, "translation.fault_walk_reads"));
  EXPECT_EQ(count(stats, "dram.by_requester.walker.writes"), count(stats, "translation.walk_writes"));
}

struct Nested {
  const char* machine;
  const char* page;
  uint64_t reads;
};

// Host tables of 2 MB pages leave one level less at the host's stage:
// (4 + 1)(3 + 1) - 1 and (5 + 1)(4 + 1) - 1; of 1 GB one more.
TEST_P(Walker, NestedPenaltiesAreExact) {
  for (const Nested& nested : {Nested{"nested", "4K", 24}, Nested{"nested-la57", "4K", 35}, Nested{"nested", "2M", 19},
                               Nested{"nested-la57", "2M", 29}, Nested{"nested", "1G", 14}}) {
    std::vector<std::string> settings = {"tlb.enabled=false", std::string("nested.page=") + nested.page};
    if (nested.page == std::string("1G")) settings.push_back("dram.size=1G");
    const RunResult result = run(GetParam(), nested.machine, settings);
    const Json& stats = result.stats;
    const uint64_t total = count(stats, "references.total");
    EXPECT_GT(total, 1000u);
    EXPECT_EQ(count(stats, "translation.walk_reads"), total * nested.reads) << result.line;
    EXPECT_EQ(number(stats, "translation.penalty"), static_cast<double>(nested.reads + 1));
    EXPECT_EQ(count(stats, "nested.guest_reads"), total * (nested.machine == std::string("nested") ? 4 : 5));
    EXPECT_EQ(count(stats, "nested.host_reads") + count(stats, "nested.guest_reads"), total * nested.reads);
    expect_dram_agrees(stats);
  }
}

// A guest has the frames and the faults that it has without a host below it;
// the host's tables are no frames of its own.
TEST_P(Walker, AGuestSeesNoHost) {
  const RunResult native = run(GetParam(), "textbook", {});
  const RunResult nested = run(GetParam(), "nested", {});
  EXPECT_EQ(native.out, nested.out);
  EXPECT_EQ(count(native.stats, "frames.total"), count(nested.stats, "frames.total"));
  EXPECT_EQ(count(native.stats, "instructions"), count(nested.stats, "instructions"));
  EXPECT_EQ(native.stats.at("faults"), nested.stats.at("faults"));
  EXPECT_EQ(count(native.stats, "nested.host_table_bytes"), 0u);
  // 256 MB: 128 tables of 2 MB, and one at each level above.
  EXPECT_EQ(count(nested.stats, "nested.host_table_bytes"), (128u + 3) * 4096);
  EXPECT_EQ(count(nested.stats, "translation.walk_reads"), 24 * count(nested.stats, "translation.walks"));
}

// Equal references and walks; the reads that are left are those that the
// caches did not spare. A stale entry would show as a wrong result.
TEST_P(Walker, WalkCachesSpareReadsAndNothingElse) {
  for (const char* machine : {"textbook", "sv39", "ia32", "nested"}) {
    if (machine == std::string("ia32") && GetParam().name == std::string("table_reuse")) continue;  // above 4 GB
    for (const char* asids : {"tlb.asids=false", "tlb.asids=true"}) {
      const RunResult without = run(GetParam(), machine, {asids, "tlb.l1d.sets=2"});
      const RunResult with = run(GetParam(), machine, {asids, "tlb.l1d.sets=2", "walker.caches=true"});
      EXPECT_EQ(with.out, without.out) << with.line;
      EXPECT_EQ(with.stats.at("references"), without.stats.at("references"));
      EXPECT_EQ(with.stats.at("faults"), without.stats.at("faults"));
      const uint64_t levels = count(with.stats, "translation.levels");
      const uint64_t walks = count(with.stats, "translation.walks");
      const uint64_t skipped = count(with.stats, "translation.walk_reads_skipped");
      EXPECT_GT(skipped, 0u) << with.line;
      EXPECT_EQ(count(with.stats, "walk_cache.l1.lookups"), walks);
      if (machine == std::string("nested")) {
        EXPECT_EQ(count(with.stats, "nested.guest_reads") + skipped, walks * levels);
      } else {
        EXPECT_EQ(count(with.stats, "translation.walk_reads") + skipped, walks * levels);
      }
      expect_dram_agrees(with.stats);
    }
  }
}

TEST_P(Walker, TheNestedTlbSparesTheHostsReads) {
  const RunResult without = run(GetParam(), "nested", {"nested.page=2M"});
  const RunResult with = run(GetParam(), "nested", {"nested.page=2M", "nested.tlb.enabled=true"});
  EXPECT_EQ(with.out, without.out);
  EXPECT_EQ(with.stats.at("references"), without.stats.at("references"));
  EXPECT_EQ(count(with.stats, "nested.guest_reads"), 4 * count(with.stats, "translation.walks"));
  EXPECT_EQ(count(with.stats, "nested.tlb.lookups"), 5 * count(with.stats, "translation.walks"));
  EXPECT_EQ(count(with.stats, "nested.host_reads"), 3 * count(with.stats, "nested.tlb.misses"));
  EXPECT_LT(count(with.stats, "nested.host_reads") * 2, count(without.stats, "nested.host_reads"));
}

// Fast paths change no count and no cycle.
TEST_P(Walker, FastPathsChangeNothing) {
  const std::vector<std::vector<std::string>> cases = {
      {"walker.caches=true", "tlb.asids=true"},
      {"walker.parallel=2", "tlb.l1i.sets=1", "tlb.l1i.ways=1", "tlb.l1d.sets=1", "tlb.l1d.ways=1"},
      {"nested.enabled=true", "walker.caches=true", "nested.tlb.enabled=true", "tlb.l2.enabled=true"},
      {"cache.enabled=true", "walker.entry=l1d", "walker.caches=true", "walker.parallel=2"}};
  for (std::vector<std::string> settings : cases) {
    const RunResult fast = run(GetParam(), "textbook", settings);
    settings.push_back("hart.fast_path=false");
    const RunResult full = run(GetParam(), "textbook", settings);
    for (const char* part : {"cycles", "instructions", "references", "translation", "tlb", "walk_cache", "nested",
                             "cache", "dram", "cycle_stack", "faults"})
      EXPECT_EQ(fast.stats.at(part), full.stats.at(part)) << part << ": " << full.line;
  }
}

// On a machine with caches the walker's reads enter where the setting says: at
// L1D they are look-ups of L1D, at L2 of L2 alone, and memory sees all of them.
TEST_P(Walker, EntersTheHierarchyWhereItIsTold) {
  const auto with_entry = [](const char* entry) {
    return run(GetParam(), "textbook", {"cache.enabled=true", std::string("walker.entry=") + entry, "tlb.l1d.sets=4"});
  };
  const RunResult l1d = with_entry("l1d");
  const RunResult l2 = with_entry("l2");
  const RunResult memory = with_entry("memory");
  for (const RunResult* result : {&l2, &memory}) {
    EXPECT_EQ(result->out, l1d.out);
    EXPECT_EQ(result->stats.at("references"), l1d.stats.at("references"));
  }
  const auto accesses = [](const RunResult& result) {
    return count(result.stats, "translation.walk_reads") + count(result.stats, "translation.fault_walk_reads") +
           count(result.stats, "translation.walk_writes");
  };
  EXPECT_GT(accesses(l1d), 0u);
  expect_dram_agrees(memory.stats);
  EXPECT_EQ(count(l1d.stats, "cache.l1d.accesses") - count(l2.stats, "cache.l1d.accesses"), accesses(l1d));
  EXPECT_EQ(count(l2.stats, "cache.l1d.accesses"), count(memory.stats, "cache.l1d.accesses"));
  EXPECT_LT(count(l2.stats, "dram.by_requester.walker.reads"), accesses(l2) / 2);
  EXPECT_LT(count(l2.stats, "cycle_stack.walk"), count(memory.stats, "cycle_stack.walk"));
}

INSTANTIATE_TEST_SUITE_P(Programs, Walker, testing::ValuesIn(kPrograms),
                         [](const auto& info) { return std::string(info.param.name); });

// One entry on each side: every page of an instruction walks, and those that
// lie on two pages save the shorter walk. No count changes.
TEST(WalksAtOnce, SaveTheShorterOfTwo) {
  const std::vector<std::string> small = {"tlb.l1i.sets=1", "tlb.l1i.ways=1", "tlb.l1d.sets=1", "tlb.l1d.ways=1"};
  const auto with = [&small](const char* parallel) {
    std::vector<std::string> settings = small;
    settings.push_back(parallel);
    return run({"straddle", {"50"}}, "textbook", settings);
  };
  const RunResult one = with("walker.parallel=1");
  const RunResult two = with("walker.parallel=2");
  const RunResult many = with("walker.parallel=16");
  for (const char* part : {"instructions", "references", "translation", "tlb", "dram", "faults"})
    EXPECT_EQ(one.stats.at(part), two.stats.at(part)) << part;
  const uint64_t saved = count(one.stats, "cycle_stack.walk") - count(two.stats, "cycle_stack.walk");
  EXPECT_GT(saved, 0u);
  EXPECT_EQ(saved % 100, 0u);  // whole accesses
  // Of the rest only waiting for the disk depends on when it begins.
  for (const char* account : {"compute", "fetch", "data", "tlb", "minor_fault", "syscall"})
    EXPECT_EQ(count(one.stats, std::string("cycle_stack.") + account),
              count(two.stats, std::string("cycle_stack.") + account))
        << account;
  EXPECT_LT(count(two.stats, "cycles"), count(one.stats, "cycles"));
  EXPECT_EQ(many.stats.at("cycle_stack"), two.stats.at("cycle_stack"));
}

TEST(NestedSettings, WhatCannotBeIsRefused) {
  const auto line = [](std::vector<std::string> settings) {
    settings.insert(settings.begin(), "nested.enabled=true");
    const RunResult result = faultline_run({.machine = "textbook", .settings = settings, .program = "page_size"});
    EXPECT_EQ(result.status, 2);
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    return result.err;
  };
  EXPECT_NE(line({"nested.format=ia32", "nested.page=2M"}).find("nested.page"), std::string::npos);
  EXPECT_NE(line({"nested.page=1G"}).find("dram.size"), std::string::npos);
  EXPECT_NE(line({"nested.format=ia32", "dram.size=4G"}).find("dram.size"), std::string::npos);
}

// A host whose tables are of the user's own format, three levels over three: (3 + 1)(3 + 1) - 1 reads.
TEST(Nested, OfTheUsersOwnFormat) {
  const RunResult run =
      faultline_run({.settings = {"nested.enabled=true", "nested.format=custom", "nested.page=base",
                                  "paging.format=custom", "paging.custom.page=64K", "paging.custom.bits=[8,12,12]",
                                  "tlb.enabled=false", "dram.size=128M", "swap.size=64M"},
                     .program = "worked_example"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(number(run.stats, "translation.penalty"), 16.0);
  EXPECT_EQ(count(run.stats, "nested.host_levels"), 3u);
}

}  // namespace
}  // namespace faultline::system_test
