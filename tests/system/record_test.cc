// run --record and the replay of what it wrote: equal counts of everything that
// has to do with translation, on real programs.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "harness.h"

namespace faultline::system_test {
namespace {

using testing::HasSubstr;

struct Case {
  const char* name;
  const char* machine;
  const char* program;
  std::vector<std::string> arguments = {};
  std::vector<std::string> settings = {};
  bool memory_given = false;  // by the first setting: the recording knows it
};

void PrintTo(const Case& recorded, std::ostream* out) { *out << recorded.name; }

RunResult record(const Case& recorded, const fs::path& file) {
  RunRequest request{.machine = recorded.machine,
                     .settings = recorded.settings,
                     .program = recorded.program,
                     .arguments = recorded.arguments};
  if (!file.empty()) request.options = {"--record", file.string()};
  return faultline_run(request);
}

struct Replayed : Outcome {
  Json stats;
};

Replayed replay(const FreshDirectory& directory, const std::string& machine, const std::vector<std::string>& settings,
                const fs::path& file, const std::vector<std::string>& options = {"--quiet"}) {
  const fs::path stats = directory.path() / "replayed.json";
  std::vector<std::string> command = {(build_directory() / "faultline").string(), "trace", "-m", machine};
  for (const std::string& setting : settings) command.insert(command.end(), {"-s", setting});
  command.insert(command.end(), options.begin(), options.end());
  command.insert(command.end(), {"--stats", stats.string(), file.string()});
  Replayed replayed{{run(command)}, {}};
  if (fs::exists(stats) && fs::file_size(stats) != 0) replayed.stats = Json::parse(read_file(stats));
  return replayed;
}

// What of the statistics a replay must find again.
Json translation_of(Json stats) {
  return {{"references", stats["references"]},
          {"translation", stats["translation"]},
          {"tlb", stats["tlb"]},
          {"walk_cache", stats["walk_cache"]},
          {"nested", stats["nested"]},
          {"kernel_tlb", stats["kernel_accesses"]["tlb"]},
          {"kernel_translation", stats["kernel_accesses"]["translation"]},
          {"observe", stats.value("observe", Json())},
          {"regions", stats.contains("regions") ? stats["regions"]["count"] : Json()}};
}

class Recordings : public testing::TestWithParam<Case> {};

TEST_P(Recordings, AreReplayedWithEqualCounts) {
  const FreshDirectory directory;
  const Case& recorded = GetParam();
  const fs::path file = directory.path() / "r.fltrace";
  RunResult with = record(recorded, file);
  ASSERT_EQ(with.status, 0) << with.line << with.err;
  RunResult without = record(recorded, "");
  ASSERT_EQ(without.status, 0) << without.line << without.err;
  with.stats.erase("host");
  without.stats.erase("host");
  EXPECT_EQ(with.stats, without.stats) << "the recording changed the run";
  EXPECT_EQ(with.out, without.out);

  std::vector<std::string> settings = recorded.settings;
  if (recorded.memory_given) settings.erase(settings.begin());
  const Replayed replayed = replay(directory, recorded.machine, settings, file);
  ASSERT_EQ(replayed.status, 0) << replayed.err;
  EXPECT_EQ(translation_of(replayed.stats), translation_of(with.stats));
  EXPECT_EQ(replayed.stats["trace"]["format"], "faultline");
  EXPECT_GT(count(replayed.stats, "references.total"), 1'000u);
}

INSTANTIATE_TEST_SUITE_P(
    Programs, Recordings,
    testing::Values(Case{"TextbookFork", "textbook", "fork_write"}, Case{"CoreI7Fork", "core-i7", "fork_write"},
                    Case{"Sv39Fork", "sv39", "fork_write"}, Case{"TextbookStraddle", "textbook", "straddle"},
                    Case{"CoreI7Straddle", "core-i7", "straddle"}, Case{"Sv39Straddle", "sv39", "straddle"},
                    Case{"TextbookSwap", "textbook", "random_write", {"12"}, {"dram.size=8M", "swap.size=32M"}, true},
                    Case{"CoreI7Swap", "core-i7", "random_write", {"12"}, {"dram.size=8M", "swap.size=32M"}, true},
                    Case{"Sv39Swap", "sv39", "random_write", {"12"}, {"dram.size=8M", "swap.size=32M"}, true},
                    Case{"TextbookExec", "textbook", "fork_exec_large", {"16"}, {"dram.size=24M"}, true},
                    Case{"KernelTranslated", "core-i7", "fork_write", {}, {"os.translated=true"}},
                    Case{"KernelTranslatedSwap",
                         "core-i7",
                         "random_write",
                         {"12"},
                         {"dram.size=8M", "swap.size=32M", "os.translated=true", "tlb.l1d.replacement=random"},
                         true},
                    Case{"WithoutTlb", "textbook", "straddle", {}, {"tlb.enabled=false"}},
                    Case{"WalkCaches", "textbook", "fork_write", {}, {"walker.caches=true", "tlb.asids=true"}},
                    Case{"Observed", "textbook", "fork_write", {}, {"observe.tlb=true"}},
                    Case{"SelfModifying", "sv39", "self_modify"},
                    Case{"Regions", "textbook", "regions", {"twice"}, {"observe.tlb=true"}},
                    Case{"Warmup", "core-i7", "regions", {"warmup"}}, Case{"Nested", "nested", "fork_write"},
                    Case{"Ia32", "ia32", "fork_write"}, Case{"Linear", "linear32", "straddle"},
                    Case{"PingPong", "core-i7", "ping_pong"}),
    [](const auto& recorded) { return recorded.param.name; });

TEST(Recording, IsTheSameTwice) {
  const FreshDirectory directory;
  const Case recorded{"", "textbook", "fork_write"};
  const fs::path first = directory.path() / "1", second = directory.path() / "2";
  ASSERT_EQ(record(recorded, first).status, 0);
  ASSERT_EQ(record(recorded, second).status, 0);
  EXPECT_TRUE(read_file(first) == read_file(second));
  EXPECT_GT(fs::file_size(first), 1000u);
}

// One process without a device: the order of its references does not depend on time.
TEST(Recording, IsReplayedOnAnotherMachineAsThatMachineRuns) {
  const FreshDirectory directory;
  const fs::path file = directory.path() / "r.fltrace";
  ASSERT_EQ(record({"", "textbook", "matrix_multiply", {"48"}}, file).status, 0);
  const std::vector<std::string> other = {"tlb.l1i.sets=1",      "tlb.l1d.sets=4", "tlb.l1d.ways=3",
                                          "tlb.l2.enabled=true", "tlb.l2.sets=16", "walker.caches=true",
                                          "cache.enabled=true"};
  const RunResult there = record({"", "textbook", "matrix_multiply", {"48"}, other}, "");
  const Replayed replayed = replay(directory, "textbook", other, file);
  ASSERT_EQ(replayed.status, 0) << replayed.err;
  EXPECT_EQ(translation_of(replayed.stats), translation_of(there.stats));
  const RunResult here = record({"", "textbook", "matrix_multiply", {"48"}}, "");
  EXPECT_NE(translation_of(here.stats)["tlb"], translation_of(there.stats)["tlb"]) << "the test tells nothing apart";
}

TEST(Recording, CountsInBulkOrOneByOneAlike) {
  const FreshDirectory directory;
  const fs::path file = directory.path() / "r.fltrace";
  ASSERT_EQ(record({"", "textbook", "fork_write"}, file).status, 0);
  Replayed fast = replay(directory, "textbook", {}, file);
  Replayed slow = replay(directory, "textbook", {"hart.fast_path=false"}, file);
  ASSERT_EQ(slow.status, 0) << slow.err;
  for (Json* stats : {&fast.stats, &slow.stats}) {
    stats->erase("host");
    stats->erase("config");
  }
  EXPECT_EQ(fast.stats, slow.stats);
}

TEST(Recording, RefusesMachinesThatCannotReplayIt) {
  const FreshDirectory directory;
  const fs::path file = directory.path() / "r.fltrace";
  ASSERT_EQ(record({"", "textbook", "straddle"}, file).status, 0);
  const Replayed format = replay(directory, "sv39", {}, file);
  EXPECT_EQ(format.status, 2);
  EXPECT_THAT(format.err, HasSubstr("-s paging.format=x86-64"));
  const Replayed memory = replay(directory, "textbook", {"dram.size=64M"}, file);
  EXPECT_EQ(memory.status, 2);
  EXPECT_THAT(memory.err, HasSubstr("leave -s dram.size=64M away"));
  EXPECT_EQ(replay(directory, "sv39", {"paging.format=x86-64"}, file).status, 0);
}

TEST(Recording, OfTablesOfTheUsersOwn) {
  const FreshDirectory directory;
  const fs::path file = directory.path() / "r.fltrace";
  const std::vector<std::string> custom = {"paging.format=custom", "paging.custom.page=16384",
                                           "paging.custom.bits=[10, 11, 11]"};
  const RunResult ran = record({"", "textbook", "straddle", {}, custom}, file);
  ASSERT_EQ(ran.status, 0) << ran.err;
  const Replayed replayed = replay(directory, "textbook", custom, file);
  ASSERT_EQ(replayed.status, 0) << replayed.err;
  EXPECT_EQ(translation_of(replayed.stats), translation_of(ran.stats));
  const Replayed other = replay(directory, "textbook", {}, file);
  EXPECT_EQ(other.status, 2);
  EXPECT_THAT(other.err, HasSubstr("-s paging.custom.bits=[10,11,11]"));
}

TEST(Recording, CutShortIsAnErrorWithItsPlace) {
  const FreshDirectory directory;
  const fs::path file = directory.path() / "r.fltrace";
  ASSERT_EQ(record({"", "textbook", "straddle"}, file).status, 0);
  const std::string whole = read_file(file);
  write_file(file, whole.substr(0, whole.size() * 3 / 4));
  const Replayed replayed = replay(directory, "textbook", {}, file);
  EXPECT_EQ(replayed.status, 2);
  EXPECT_THAT(replayed.err, HasSubstr("r.fltrace: byte "));
}

TEST(Recording, ThatCannotBeWrittenIsAnError) {
  const RunResult full = record({"", "textbook", "straddle"}, "/dev/full");
  EXPECT_EQ(full.status, 2);
  EXPECT_THAT(full.err, HasSubstr("--record /dev/full: No space left on device"));
  EXPECT_TRUE(full.stats.is_object());
  const RunResult nowhere = record({"", "textbook", "straddle"}, "/nowhere/r");
  EXPECT_EQ(nowhere.status, 2);
  EXPECT_THAT(nowhere.err, HasSubstr("--record /nowhere/r: No such file or directory"));
}

TEST(Recording, OfAnInterruptedRunIsWhole) {
  const FreshDirectory directory;
  const fs::path file = directory.path() / "r.fltrace";
  const RunRequest request{.options = {"--record", file.string()}, .program = "spin"};
  Process process(faultline_command(request, ""), {});
  ASSERT_TRUE(process.wait_for_output("\n"));
  process.send_signal(SIGINT);
  EXPECT_EQ(process.finish().status, 130);
  const Replayed replayed = replay(directory, "textbook", {}, file);
  EXPECT_EQ(replayed.status, 0) << replayed.err;
}

// A pipe gives two references and stays open.
TEST(Recording, ATraceEndsWhenInterrupted) {
  const FreshDirectory directory;
  const std::string pipe = (directory.path() / "pipe").string();
  const std::string stats = (directory.path() / "s.json").string();
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  Process process({(build_directory() / "faultline").string(), "trace", "--format", "lackey", "--stats", stats, pipe},
                  {});
  std::ofstream into(pipe);
  into << " L 1000,8\n S 1000,8\n" << std::flush;
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  process.send_signal(SIGINT);
  const Outcome outcome = process.finish();
  EXPECT_EQ(outcome.status, 130);
  EXPECT_THAT(outcome.err, HasSubstr("interrupted after 2 records of lackey on textbook"));
  const Json json = Json::parse(read_file(stats));
  EXPECT_EQ(json["exit"]["reason"], "interrupted");
  EXPECT_EQ(count(json, "references.total"), 2u);
}

}  // namespace
}  // namespace faultline::system_test
