// faultline trace as a user meets it: files, pipes, errors, and exact counts.
#include <gmock/gmock.h>

#include <cstdio>

#include "harness.h"

namespace faultline::system_test {
namespace {

using testing::HasSubstr;

// Circles over `pages` pages: a fetch, a load and a store on each.
std::string circles(unsigned pages, unsigned rounds) {
  std::string text = "==1== Lackey\n";
  for (unsigned round = 0; round < rounds; ++round) {
    for (unsigned page = 0; page < pages; ++page) {
      char line[64];
      std::snprintf(line, sizeof line, "I  %x,4\n M %x,8\n", 0x400000 + 4 * page, 0x10000000 + 4096 * page);
      text += line;
    }
  }
  return text;
}

Outcome trace(const FreshDirectory& directory, const std::string& text, std::vector<std::string> options) {
  const fs::path file = directory.path() / "t.lackey";
  write_file(file, text);
  std::vector<std::string> command = {(build_directory() / "faultline").string(), "trace", "--quiet"};
  command.insert(command.end(), options.begin(), options.end());
  command.push_back(file.string());
  return run(command);
}

TEST(Trace, EveryReferenceWalksWithoutTlb) {
  const FreshDirectory directory;
  const std::string stats = (directory.path() / "s.json").string();
  const Outcome outcome = trace(directory, circles(10, 10), {"-s", "tlb.enabled=false", "--stats", stats});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const Json json = Json::parse(read_file(stats));
  EXPECT_EQ(count(json, "references.total"), 300u);
  EXPECT_EQ(count(json, "translation.walk_reads"), 1200u);
  EXPECT_EQ(number(json, "translation.penalty"), 5.0);
  EXPECT_EQ(count(json, "trace.records"), 200u);
  EXPECT_EQ(json["trace"]["format"], "lackey");
}

TEST(Trace, CountsTheTablesThatItBuilds) {
  const FreshDirectory directory;
  const std::string stats = (directory.path() / "s.json").string();
  ASSERT_EQ(trace(directory, circles(10, 1), {"--stats", stats}).status, 0);
  const Json json = Json::parse(read_file(stats));
  // A root, and 0x400000 and 0x10000000 have a directory in common: two last-level tables.
  EXPECT_EQ(count(json, "page_tables.bytes"), 5u * 4096);
  EXPECT_EQ(count(json, "page_tables.peak_bytes"), 5u * 4096);
  EXPECT_EQ(count(json, "page_tables.entries_present"), 11u);
  EXPECT_EQ(json["page_tables"]["by_level"][0]["bytes"], 4096);
  EXPECT_EQ(json["page_tables"]["by_level"][3]["bytes"], 2 * 4096);
}

TEST(Trace, ReportsRecordsInPlaceOfAnExitStatus) {
  const FreshDirectory directory;
  const fs::path file = directory.path() / "t.lackey";
  write_file(file, circles(10, 10));
  const Outcome outcome = run({(build_directory() / "faultline").string(), "trace", file.string()});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.err, HasSubstr("200 records of lackey on textbook"));
  EXPECT_THAT(outcome.err, HasSubstr("million references a second"));
  EXPECT_THAT(outcome.err, testing::Not(HasSubstr("exit status")));
  EXPECT_THAT(outcome.err, testing::Not(HasSubstr("\r"))) << "progress is for terminals";
}

// One trace with observe.tlb tells what each of these TLBs would have missed.
TEST(Trace, ObservesManyTlbsAtOnce) {
  const FreshDirectory directory;
  const std::string stats = (directory.path() / "s.json").string();
  ASSERT_EQ(trace(directory, circles(40, 5), {"-s", "observe.tlb=true", "--stats", stats}).status, 0);
  const Json rows = Json::parse(read_file(stats))["observe"]["tlb"]["l1d"];
  unsigned compared = 0;
  for (const Json& row : rows) {
    if (row["sets"] != 4 || row["ways"] > 12) continue;
    const std::string ways = "tlb.l1d.ways=" + std::to_string(row["ways"].get<unsigned>());
    ASSERT_EQ(trace(directory, circles(40, 5), {"-s", "tlb.l1d.sets=4", "-s", ways, "--stats", stats}).status, 0);
    EXPECT_EQ(count(Json::parse(read_file(stats)), "tlb.l1d.misses"), row["misses"].get<uint64_t>()) << ways;
    ++compared;
  }
  EXPECT_GE(compared, 4u);
}

TEST(Trace, ErrorsNameFileAndLine) {
  const FreshDirectory directory;
  const Outcome damaged = trace(directory, circles(2, 1) + " L 10\n", {});
  EXPECT_EQ(damaged.status, 2);
  EXPECT_THAT(damaged.err, HasSubstr("t.lackey:6: no comma after the address"));
  const Outcome far = trace(directory, " L 7fff00000000,8\n", {"-s", "paging.format=sv39"});
  EXPECT_EQ(far.status, 2);
  EXPECT_THAT(far.err, HasSubstr("t.lackey:1: address 0x7fff00000000: sv39 translates 39 bits"));
  const Outcome full = trace(directory, circles(300, 1), {"-s", "dram.size=1M"});
  EXPECT_EQ(full.status, 2);
  EXPECT_THAT(full.err, HasSubstr("-s dram.size"));
}

}  // namespace
}  // namespace faultline::system_test
