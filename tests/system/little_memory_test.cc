// Much work on little memory: every run gets on, however slowly, or says that
// memory is out, and one that mostly waits for its own pages says thrashing. A
// run hangs when its simulated time stands still while the host's goes by.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <future>

#include "harness.h"

namespace faultline::system_test {
namespace {

using testing::HasSubstr;
using testing::Not;

// How long simulated time may stand still: far longer than anything takes.
constexpr std::chrono::seconds kPatience{120};

struct Watched : Outcome {
  bool hung = false;
  std::string line;
};

// Every run writes a row for each tenth of a simulated second in which it got on.
Watched watch(const std::vector<std::string>& settings, const std::vector<std::string>& program,
              const std::vector<std::string>& options = {}) {
  FreshDirectory directory;
  const fs::path rows = directory.path() / "rows.csv";
  // Nothing is refused beforehand: it shall be tried.
  std::vector<std::string> command = {(build_directory() / "faultline").string(),
                                      "run",
                                      "--bind",
                                      ".:rw",
                                      "--series",
                                      rows.string(),
                                      "-s",
                                      "observe.interval=100000000",
                                      "-s",
                                      "vm.overcommit=1"};
  for (const std::string& setting : settings) command.insert(command.end(), {"-s", setting});
  command.insert(command.end(), options.begin(), options.end());
  command.insert(command.end(), program.begin(), program.end());
  Process process(command, {.directory = directory.path().string(), .limit = std::chrono::hours(1)});
  auto end = std::async(std::launch::async, [&process] { return process.finish(); });
  bool hung = false;
  uintmax_t seen = 0;
  auto moved = std::chrono::steady_clock::now();
  while (end.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready) {
    std::error_code none_yet;
    const uintmax_t size = fs::file_size(rows, none_yet);
    const auto now = std::chrono::steady_clock::now();
    if (!none_yet && size != seen) {
      seen = size;
      moved = now;
    } else if (!hung && now - moved > kPatience) {
      hung = true;
      process.send_signal(SIGKILL);
    }
  }
  return {end.get(), hung, command_line(command)};
}

struct Work {
  std::string name;
  std::vector<std::string> command;
};

std::ostream& operator<<(std::ostream& out, const Work& work) { return out << work.name; }

class LittleMemory : public testing::TestWithParam<Work> {};

TEST_P(LittleMemory, GetsOnOrSaysWhyNot) {
  std::vector<std::string> command = GetParam().command;
  command.front() = guest(command.front()).string();
  const Watched plenty = watch({"timing=tlb", "dram.size=256M"}, command);
  ASSERT_EQ(plenty.status, 0) << plenty.err;
  for (const char* size : {"1M", "2M", "3M", "6M"})
    for (const char* swap : {"0", "4M", "64M"}) {
      const Watched got =
          watch({"timing=tlb", std::string("dram.size=") + size, std::string("swap.size=") + swap}, command);
      ASSERT_FALSE(got.hung) << got.line << "\n" << got.err;
      EXPECT_THAT(got.err, Not(HasSubstr("internal error"))) << got.line;
      const bool killed = got.err.find("out of memory: killed process") != std::string::npos;
      const bool done = got.status == 0 && got.out == plenty.out;
      EXPECT_TRUE(done || killed) << got.line << "\n" << got.out << got.err.substr(0, 1000);
    }
}

INSTANTIATE_TEST_SUITE_P(, LittleMemory,
                         testing::Values(Work{"random_writes", {"random_write", "8"}},
                                         Work{"private_copies", {"tight_memory", "1500", "800"}},
                                         Work{"shared_objects", {"memory_model", "3", "150"}},
                                         Work{"matrices", {"matrix_multiply", "128"}},
                                         Work{"forks", {"fork_half", "4"}}, Work{"pipes", {"pipes_procs"}},
                                         Work{"threads", {"threads"}},
                                         Work{"pointers", {"pointer_chase", "4096", "10000"}}),
                         [](const auto& item) { return item.param.name; });

TEST(Thrashing, IsSaidByTheReportAndOnlyThen) {
  const std::vector<std::string> chase = {guest("pointer_chase").string(), "4096", "5000"};
  EXPECT_THAT(watch({"timing=tlb", "dram.size=2M"}, chase).err, HasSubstr("thrashing: a page on swap came back"));
  EXPECT_THAT(watch({"timing=tlb", "dram.size=16M"}, chase).err, Not(HasSubstr("thrashing")));
}

// Twenty processes that share their libraries and little else.
TEST(LittleMemoryOfMany, GetOn) {
  for (const char* size : {"1M", "2M", "4M"}) {
    const Watched got =
        watch({"timing=tlb", std::string("dram.size=") + size}, {guest("shared_libraries").string(), "20"});
    ASSERT_FALSE(got.hung) << got.line;
    EXPECT_EQ(got.status, 0) << got.line << "\n" << got.err;
    EXPECT_THAT(got.out, HasSubstr("20 copies run"));
  }
}

// Programs of megabytes, text and all, with no swap to put anything: the text
// goes and comes back.
TEST(LittleMemoryOfSoftware, GetsOnOrSaysWhyNot) {
  const fs::path root = build_directory() / "software/root";
  if (!fs::exists(build_directory() / "software/done"))
    GTEST_SKIP() << "no real software in " << root << "; `./dev software` fetches it";
  for (const char* size : {"2M", "4M"})
    for (const char* swap : {"0", "32M"}) {
      const Watched got = watch({"timing=tlb", std::string("dram.size=") + size, std::string("swap.size=") + swap},
                                {(root / "usr/bin/python3").string(), "-c", "print(sum(i * i for i in range(10000)))"},
                                {"--sysroot", root.string()});
      ASSERT_FALSE(got.hung) << got.line;
      const bool killed = got.err.find("out of memory: killed process") != std::string::npos;
      EXPECT_TRUE(got.out == "333283335000\n" || killed) << got.line << "\n" << got.out << got.err;
    }
}

}  // namespace
}  // namespace faultline::system_test
