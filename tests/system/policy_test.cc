// faultline policy: tables, recorded page-out, and every policy under pressure.
#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "harness.h"

namespace faultline::system_test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string kBelady = "1 2 3 4 1 2 5 1 2 3 4 5";
const std::string kTextbook = "7 0 1 2 0 3 0 4 2 3 0 3 2 1 2 0 1 7 0 1";

Outcome policy(std::vector<std::string> arguments, const CommandOptions& options = {}) {
  std::vector<std::string> command = {(build_directory() / "faultline").string(), "policy"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run(command, options);
}

struct Faults {
  const char* policy;
  const std::string& string;
  uint64_t three;
  uint64_t four;
};

TEST(Policy, GivesTheTablesOfTheTextbooks) {
  const FreshDirectory directory;
  const fs::path stats = directory.path() / "stats.json";
  const Faults rows[] = {{"fifo", kBelady, 9, 10},       {"lru", kBelady, 10, 8},         {"opt", kBelady, 7, 6},
                         {"one-handed", kBelady, 9, 10}, {"fifo", kTextbook, 15, 10},     {"lru", kTextbook, 12, 8},
                         {"opt", kTextbook, 9, 8},       {"one-handed", kTextbook, 14, 9}};
  for (const Faults& row : rows) {
    const Outcome outcome =
        policy({"--string", row.string, "--frames", "3,4", "--policy", row.policy, "--stats", stats.string()});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    const Json json = Json::parse(read_file(stats));
    EXPECT_EQ(json["schema"], "faultline.policy/1");
    EXPECT_EQ(json["results"][0]["faults"], row.three) << row.policy;
    EXPECT_EQ(json["results"][1]["faults"], row.four) << row.policy;
  }
}

// The table that stands in textbooks beside Belady's anomaly.
TEST(Policy, PrintsEachStep) {
  const Outcome outcome = policy({"--string", kBelady, "--frames", "3", "--policy", "fifo"});
  EXPECT_EQ(outcome.out,
            "fifo, 3 frames: 9 faults, 3 hits\n\n"
            "page     1 2 3 4 1 2 5 1 2 3 4 5\n"
            "frame 0  1 1 1 4 4 4 5 5 5 5 5 5\n"
            "frame 1    2 2 2 1 1 1 1 1 3 3 3\n"
            "frame 2      3 3 3 2 2 2 2 2 4 4\n"
            "fault    * * * * * * *     * *\n"
            "out            1 2 3 4     1 2\n\n"
            "12 references to 5 pages; faults, of which 5 first uses\n\n"
            "frames        3\n"
            "fifo          9\n");
}

TEST(Policy, SaysThatNoHandMoved) {
  const Outcome outcome = policy({"--string", "1 2", "--frames", "3", "--policy", "fifo", "--actions"});
  EXPECT_THAT(outcome.out, HasSubstr("no page was looked for\n"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("front hand")));
}

// Two hands two frames apart. Frames 0 to 3 get pages 0 to 3, bits set.
//   page 4: the front hand sets out alone: clears 0, clears 1. Then both move: front
//     clears 2, back at 0: bit clear, page 0 goes. Page 4 comes into frame 0, bit set.
//   page 1 is in frame 1: its bit is set again.
//   page 5: front clears 3, back at 1: its bit is set, it stays. Front clears 0 (page
//     4), back at 2: bit clear since before, page 2 goes.
//   page 2: front clears 1, back at 3: page 3 goes.
TEST(Policy, TellsWhatTheTwoHandsDo) {
  const Outcome outcome = policy(
      {"--string", "0 1 2 3 4 1 5 2", "--frames", "4", "--policy", "two-handed", "--hand-spread", "2", "--actions"});
  EXPECT_THAT(outcome.out, HasSubstr("   5. page 4: f0- f1- f2- b0!\n"
                                     "   7. page 5: f3- b1 f0- b2!\n"
                                     "   8. page 2: f1- b3!\n"));
  EXPECT_THAT(outcome.out, StartsWith("two-handed, 4 frames: 7 faults, 1 hit\n"));
}

TEST(Policy, TakesFilesPipesAndRanges) {
  const FreshDirectory directory;
  const fs::path file = directory.path() / "string.txt";
  write_file(file, "# Belady\n1,2,3,4\n1 2 5 # a new one\n0x1 2 3 4 5\n");
  const std::string expected =
      "12 references to 5 pages; faults, of which 5 first uses\n\n"
      "frames         1   2   3   4   5   6   7\n"
      "fifo          12  12   9  10   5   5   5\n"
      "lru           12  12  10   8   5   5   5\n"
      "opt           12   9   7   6   5   5   5\n";
  const std::vector<std::string> rest = {"--frames", "1-7", "--policy", "fifo,lru,opt"};
  const auto with = [&](const std::string& from) {
    std::vector<std::string> arguments = {"--file", from};
    arguments.insert(arguments.end(), rest.begin(), rest.end());
    return arguments;
  };
  EXPECT_EQ(policy(with(file)).out, expected);
  EXPECT_EQ(policy(with("-"), {.input = read_file(file)}).out, expected);
}

TEST(Policy, MistakesAreOneLine) {
  const FreshDirectory directory;
  const fs::path bad = directory.path() / "bad.txt";
  write_file(bad, "1 2\n3 four\n");
  const std::pair<std::vector<std::string>, const char*> mistakes[] = {
      {{}, "policy: no references; give --string, --file or --replay, see faultline policy --help"},
      {{"--string", "1 2"}, "policy: how many frames? --frames 3, see faultline policy --help"},
      {{"--string", "1 2", "--file", "x", "--frames", "1"},
       "policy: one of --string, --file and --replay, not several"},
      {{"--string", "", "--frames", "3"}, "--string: there is no reference in it"},
      {{"--string", "1 x7", "--frames", "3"}, "--string: \"x7\" is no page number: expected a whole number"},
      {{"--string", "1 -7", "--frames", "3"}, "--string: \"-7\" is no page number: expected a whole number"},
      {{"--file", bad, "--frames", "3"}, "bad.txt: line 2: \"four\" is no page number: expected a whole number"},
      {{"--file", "/no/such", "--frames", "3"}, "/no/such: No such file or directory"},
      {{"--string", "1", "--frames", "0"}, "--frames 0: expected numbers from 1 to 67108864, such as 3, 1-7 or 64,128"},
      {{"--string", "1", "--frames", "7-1"}, "--frames 7-1: expected numbers"},
      {{"--string", "1", "--frames", "3", "--policy", "best"},
       "--policy best: there are two-handed, one-handed, fifo, lru, random, nfu, aging, opt and all"},
      {{"--string", "1", "--frames", "257", "--table"},
       "--table: at most 10000 references and 256 frames, and here are 1 and 257"},
      {{"--string", "1", "--frames", "3", "--bits", "65"}, "--bits 65: expected a whole number from 1 to 64"},
      {{"--replay", bad, "--frames", "3"}, "bad.txt: byte 0: not a recording of faultline's"},
  };
  for (const auto& [arguments, line] : mistakes) {
    const Outcome outcome = policy(arguments);
    EXPECT_EQ(outcome.status, 2) << line;
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, StartsWith("faultline: "));
    EXPECT_THAT(outcome.err, HasSubstr(line));
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  }
}

TEST(Policy, OptIsRefusedOnTheMachine) {
  const RunResult result = faultline_run({.settings = {"vm.replacement=opt"}, .program = "page_size"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("vm.replacement = opt: a running machine does not know the future"));
}

TEST(Policy, HandsCanBeWatched) {
  const FreshDirectory directory;
  const fs::path series = directory.path() / "series.csv";
  const RunResult result = faultline_run({.settings = {"dram.size=8M", "observe.interval=10000000"},
                                          .options = {"--series", series.string()},
                                          .program = "random_write",
                                          .arguments = {"10"}});
  ASSERT_EQ(result.status, 0) << result.err;
  std::istringstream rows(read_file(series));
  std::string line;
  std::getline(rows, line);
  EXPECT_THAT(line, EndsWith(",front_hand,back_hand"));
  uint64_t front = 0, back = 0, moved = 0;
  while (std::getline(rows, line)) {
    const size_t last = line.rfind(','), before = line.rfind(',', last - 1);
    front += std::stoull(line.substr(before + 1));
    back += std::stoull(line.substr(last + 1));
    moved += line.substr(last + 1) != "0";
    EXPECT_GE(front, back) << "the front hand is ahead";
  }
  EXPECT_EQ(front, count(result.stats, "pageout.front_hand"));
  EXPECT_EQ(back, count(result.stats, "pageout.back_hand"));
  EXPECT_GT(moved, 10u);
}

// --- under pressure -----------------------------------------------------------------

struct Program {
  const char* name;
  std::vector<std::string> arguments;
};

const Program kPrograms[] = {
    {"random_write", {"10"}}, {"locality", {"hot", "10240", "6000"}}, {"fork_write", {"2500"}}};

class UnderPressure : public testing::TestWithParam<const char*> {};

// 8 MB of memory, programs of 10 MB.
TEST_P(UnderPressure, TheReplayTakesTheSamePagesInTheSameOrder) {
  const FreshDirectory directory;
  const fs::path recorded = directory.path() / "pages", stats = directory.path() / "stats.json";
  for (const Program& program : kPrograms) {
    const RunRequest request{.settings = {"dram.size=8M", std::string("vm.replacement=") + GetParam()},
                             .program = program.name,
                             .arguments = program.arguments};
    RunRequest recording = request;
    recording.options = {"--record-paging", recorded.string()};
    RunResult with = faultline_run(recording);
    ASSERT_EQ(with.status, 0) << with.line << with.err;
    RunResult without = faultline_run(request);
    with.stats.erase("host");
    without.stats.erase("host");
    EXPECT_EQ(with.stats, without.stats) << "the recording changed the run";
    std::vector<std::string> native = {native_guest(program.name).string()};
    native.insert(native.end(), program.arguments.begin(), program.arguments.end());
    EXPECT_EQ(with.out, run(native).out);

    const Outcome replayed = policy({"--replay", recorded.string(), "--stats", stats.string()});
    ASSERT_EQ(replayed.status, 0) << replayed.out << replayed.err;
    const Json json = Json::parse(read_file(stats));
    EXPECT_EQ(json["same"], true);
    EXPECT_EQ(json["policy"], GetParam());
    // Each look was charged and counted, and each page taken was freed or written.
    EXPECT_EQ(json["looks"], count(with.stats, "pageout.front_hand") + count(with.stats, "pageout.back_hand"));
    EXPECT_GE(json["taken"].size(), count(with.stats, "pageout.freed"));
    EXPECT_GT(json["taken"].size(), 200u) << program.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Policies, UnderPressure,
                         testing::Values("two-handed", "one-handed", "fifo", "lru", "random", "nfu", "aging"),
                         [](const auto& item) {
                           std::string name = item.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(Replay, AnotherPolicyNeedsEveryReference) {
  const FreshDirectory directory;
  const fs::path pages = directory.path() / "pages", references = directory.path() / "references",
                 stats = directory.path() / "stats.json";
  const RunResult result =
      faultline_run({.settings = {"dram.size=8M"},
                     .options = {"--record-paging", pages.string(), "--record", references.string()},
                     .program = "locality",
                     .arguments = {"hot", "10240", "6000"}});
  ASSERT_EQ(result.status, 0) << result.err;
  const Outcome refused = policy({"--replay", pages.string(), "--policy", "lru"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr("record every reference with faultline run --record"));
  const Outcome how_many = policy({"--replay", references.string()});
  EXPECT_EQ(how_many.status, 2);
  EXPECT_THAT(how_many.err, HasSubstr("how many frames?"));

  const Outcome what_if = policy({"--replay", references.string(), "--frames", "512,1024,1536,4096", "--stats", stats});
  ASSERT_EQ(what_if.status, 0) << what_if.err;
  const Json json = Json::parse(read_file(stats));
  std::map<std::pair<std::string, uint64_t>, uint64_t> faults;
  for (const Json& one : json["results"]) faults[{one["policy"], one["frames"]}] = one["faults"];
  ASSERT_EQ(faults.size(), 8u * 4);
  for (const auto& [key, value] : faults) {
    EXPECT_GE(value, faults.at({"opt", key.second})) << key.first << " " << key.second;
    EXPECT_TRUE(key.second < 4096 || value == json["pages"]) << "all fit: each page comes once";
  }
  EXPECT_GT(faults.at({"fifo", 512}), faults.at({"lru", 512})) << "7 of 8 references go to 320 pages";
}

// A record that was changed, or ends early, is told.
TEST(Replay, DamageIsAnError) {
  const FreshDirectory directory;
  const fs::path pages = directory.path() / "pages";
  ASSERT_EQ(faultline_run({.settings = {"dram.size=8M"},
                           .options = {"--record-paging", pages.string()},
                           .program = "random_write",
                           .arguments = {"10"}})
                .status,
            0);
  const std::string whole = read_file(pages);
  write_file(pages, whole.substr(0, whole.size() / 2));
  const Outcome outcome = policy({"--replay", pages.string()});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
}

}  // namespace
}  // namespace faultline::system_test
