// The names and the sums that other people's scripts rest on, in the statistics
// of every machine that comes with faultline.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <sstream>

#include "harness.h"

namespace faultline::system_test {
namespace {

// An object of the document, and the members that it always has.
struct Promise {
  const char* object;
  std::vector<const char*> names;
};

const std::vector<Promise>& promises() {
  static const std::vector<Promise> list = {
      {"exit", {"status", "signal"}},
      {"references", {"fetch", "load", "store", "total"}},
      {"translation", {"walks", "dirty_walks", "walk_reads", "walk_writes", "fault_walk_reads", "penalty"}},
      {"tlb.l1i", {"lookups", "hits", "misses", "evictions", "flushes"}},
      {"tlb.l1d", {"lookups", "hits", "misses", "evictions", "flushes"}},
      {"tlb.l2", {"lookups", "hits", "misses", "evictions", "flushes"}},
      {"cache.l1i", {"accesses", "hits", "misses", "writebacks"}},
      {"cache.l1d", {"accesses", "hits", "misses", "writebacks"}},
      {"cache.l2", {"accesses", "hits", "misses", "writebacks"}},
      {"dram", {"reads", "writes", "row_hits", "row_misses"}},
      {"cycle_stack",
       {"compute", "fetch", "data", "tlb", "walk", "minor_fault", "major_fault", "syscall", "context_switch", "idle"}},
      {"faults",
       {"minor", "major", "demand_zero", "zero_page", "file", "cow", "cow_reuse", "swap_in", "reclaimed", "protection",
        "spurious"}},
      {"frames", {"total", "free", "anonymous", "file", "kernel", "page_tables", "peak_page_table_bytes", "peak"}},
      {"huge", {"faults", "fallback", "collapsed", "failed", "copied", "scans", "split", "mapped_peak"}},
      {"address_space", {"areas", "mapped_bytes", "largest_hole"}},
      {"copies", {"pages", "bytes"}},
      {"zeroed", {"pages"}},
      {"swap", {"ins", "outs", "slots_total", "slots_used_peak"}},
      {"pageout", {"wakeups", "front_hand", "back_hand", "freed", "cleaned", "batches"}},
      {"page_cache", {"hits", "misses", "readahead", "writebehind", "written_back"}},
      {"page_tables", {"linear_bytes"}},
      {"disk", {"reads", "writes", "bytes_read", "bytes_written", "busy_seconds"}},
      {"host", {"seconds", "mips"}},
  };
  return list;
}

// Those that are times or ratios; every other number is a whole one.
bool is_fraction(const std::string& path) {
  return path == "translation.penalty" || path == "disk.busy_seconds" || path.starts_with("host.");
}

std::vector<std::string> machines() {
  Outcome listed = run({(build_directory() / "faultline").string(), "machines"});
  EXPECT_EQ(listed.status, 0) << listed.err;
  std::vector<std::string> names;
  std::istringstream lines(listed.out);
  for (std::string line; std::getline(lines, line);) names.push_back(line.substr(0, line.find(' ')));
  return names;
}

const Json& at(const Json& document, const std::string& path) {
  const Json* node = &document;
  std::istringstream words(path);
  for (std::string word; std::getline(words, word, '.');) {
    static const Json nothing;
    if (!node->is_object() || !node->contains(word)) return nothing;
    node = &node->at(word);
  }
  return *node;
}

void expect_promised_names(const Json& stats) {
  EXPECT_EQ(at(stats, "schema"), "faultline.stats/1");
  for (const char* name : {"config", "syscalls", "host"}) EXPECT_TRUE(at(stats, name).is_object()) << name;
  for (const char* name : {"instructions", "cycles"}) EXPECT_TRUE(at(stats, name).is_number_unsigned()) << name;
  for (const Promise& promise : promises()) {
    for (const char* name : promise.names) {
      const std::string path = std::string(promise.object) + "." + name;
      const Json& value = at(stats, path);
      EXPECT_TRUE(is_fraction(path) ? value.is_number() : value.is_number_integer()) << path << " is " << value;
    }
  }
  const Json& processes = at(stats, "processes");
  ASSERT_TRUE(processes.is_array() && processes.size() == 1);
  for (const char* name : {"pid", "command", "exit", "instructions", "minor_faults", "major_faults", "max_rss_pages"}) {
    EXPECT_TRUE(processes.front().contains(name)) << name;
  }
}

TEST(Contract, EveryNameIsThereOnEveryMachine) {
  const std::vector<std::string> names = machines();
  ASSERT_GE(names.size(), 6u);
  for (const std::string& machine : names) {
    SCOPED_TRACE(machine);
    RunResult result = faultline_run({.machine = machine, .program = "worked_example"});
    ASSERT_EQ(result.status, 0) << result.err;
    ASSERT_TRUE(result.stats.is_object());
    expect_promised_names(result.stats);
  }
}

// What a process has when it exits, before it gives anything back.
TEST(Contract, TablesAndAreasAreThoseOfTheExit) {
  const RunResult run = faultline_run({.program = "worked_example"});
  ASSERT_TRUE(run.stats.is_object()) << run.err;
  uint64_t bytes = 0;
  for (const Json& level : run.stats.at("page_tables").at("by_level")) bytes += level.at("bytes").get<uint64_t>();
  EXPECT_EQ(count(run.stats, "page_tables.bytes_at_exit"), bytes);
  EXPECT_EQ(bytes, count(run.stats, "frames.page_tables") * 4096);
  EXPECT_GT(count(run.stats, "page_tables.entries_at_exit"), 0u);
  EXPECT_EQ(count(run.stats, "page_tables.bytes"), 0u) << "at the end nobody is left";
  uint64_t anonymous = 0, unused = 0;
  for (const char* kind : {"heap", "stack", "anonymous", "code", "file", "shared"}) {
    const Json& area = run.stats.at("areas").at(kind);
    EXPECT_LE(area.at("unused_bytes"), area.at("resident_bytes")) << kind;
    EXPECT_LE(area.at("resident_bytes"), area.at("bytes")) << kind;
    anonymous += area.at("resident_bytes").get<uint64_t>();
    unused += area.at("unused_bytes").get<uint64_t>();
  }
  EXPECT_EQ(count(run.stats, "areas.total.resident_bytes"), anonymous);
  EXPECT_EQ(count(run.stats, "areas.total.unused_bytes"), unused);
  EXPECT_GE(count(run.stats, "areas.code.areas"), 1u);
}

// A clock whose period is no whole femtosecond too.
TEST(Contract, SecondsAreCyclesOverTheClock) {
  for (const char* mhz : {"1", "1000", "2667", "3333", "9999"}) {
    SCOPED_TRACE(mhz);
    RunResult result = faultline_run({.settings = {std::string("hart.clock_mhz=") + mhz}, .program = "worked_example"});
    ASSERT_TRUE(result.stats.is_object()) << result.err;
    EXPECT_EQ(number(result.stats, "seconds"),
              static_cast<double>(count(result.stats, "cycles")) / (std::stod(mhz) * 1e6));
  }
}

// 2^20 entries of 4 bytes for 32 bits, 2^52 of 8 for 64.
TEST(Contract, OneLinearTableIsAWholeNumberOfBytes) {
  RunResult wide = faultline_run({.program = "worked_example"});
  EXPECT_EQ(count(wide.stats, "page_tables.linear_bytes"), uint64_t{1} << 55);
  RunResult narrow = faultline_run({.machine = "ia32", .program = "worked_example"});
  EXPECT_EQ(count(narrow.stats, "page_tables.linear_bytes"), uint64_t{4} << 20);
}

}  // namespace
}  // namespace faultline::system_test
