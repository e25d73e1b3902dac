// What other people's scripts rest on: exit statuses, one-line errors, reports
// of crashes, interruption, equal bytes from equal inputs, and closed files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <thread>

#include "harness.h"

namespace faultline::system_test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string faultline_path() { return (build_directory() / "faultline").string(); }

Outcome faultline(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), faultline_path());
  return run(arguments);
}

// A line of the shell, in which "$0", "$1" ... are `arguments`.
template <class... Arguments>
Outcome shell(const std::string& line, const Arguments&... arguments) {
  return run({"sh", "-c", line, arguments...});
}

// One line on standard error that says `part`, nothing on standard output, status 2.
void expect_own_error(const Outcome& outcome, const std::string& part) {
  EXPECT_EQ(outcome.status, 2) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr(part));
}

TEST(OwnErrors, AreOneLineAndStatusTwo) {
  const std::string program = guest("page_size").string();
  expect_own_error(faultline({"run", "-m", "no-such-machine", "--", program}), "no-such-machine");
  expect_own_error(faultline({"run", "-s", "tlb.l1d.colour=red", "--", program}), "tlb.l1d.colour");
  expect_own_error(faultline({"run", "-s", "tlb.l1d.ways=0", "--", program}), "tlb.l1d.ways");
  expect_own_error(faultline({"run", "-s", "dram.size=much", "--", program}), "dram.size");
  expect_own_error(faultline({"run", "--", "/no/such/program"}), "/no/such/program");
  expect_own_error(faultline({"run", "--", native_guest("page_size").string()}), "page_size");
  expect_own_error(faultline({"run", "--stats", "/no/such/directory/x.json", "--", program}),
                   "/no/such/directory/x.json");
}

TEST(OwnErrors, NamesThatAreNoProgram) {
  FreshDirectory directory;
  expect_own_error(faultline({"run", ""}), "PROGRAM is an empty name");
  expect_own_error(faultline({"run", directory.path().string()}), directory.path().string());
  expect_own_error(faultline({"run", (directory.path() / "missing").string()}), "missing");
  expect_own_error(faultline({"run", guest("page_size").string() + "/x"}), "page_size/x");
  expect_own_error(faultline({"run", "/dev/null"}), "/dev/null");
  expect_own_error(faultline({"run", "two\nlines"}), "two?lines");
  expect_own_error(faultline({"run", "--stats", "-", "--", guest("page_size").string()}), "--stats -");
  expect_own_error(faultline({"run", "--bind", "/dev/null:/n:rx", "--", guest("page_size").string()}), ":ro|:rw");
}

TEST(OwnErrors, StandardOutputThatCannotBeWritten) {
  for (const char* where : {">&-", ">/dev/full"}) {
    for (const char* command : {"machines", "machines textbook", "machines --reference", "--help", "--version"}) {
      SCOPED_TRACE(std::string(command) + where);
      expect_own_error(shell(std::string("exec \"$0\" ") + command + where, faultline_path()), "standard output");
    }
  }
}

TEST(OwnErrors, ADamagedProgramIsNamed) {
  FreshDirectory directory;
  std::string bytes = read_file(guest("page_size"));
  write_file(directory.path() / "cut", bytes.substr(0, 1000));
  write_file(directory.path() / "text", "#!/bin/sh\n");
  write_file(directory.path() / "empty", "");
  for (const char* name : {"cut", "text", "empty"})
    expect_own_error(faultline({"run", "--", (directory.path() / name).string()}), name);
}

TEST(Crash, NamesProgramCounterAddressAndInstruction) {
  struct {
    const char* how;
    int status;
    const char* signal;
    std::vector<const char*> says;
  } cases[] = {{"null", 139, "SIGSEGV", {"pc 0x", "0x10"}},
               {"read-only", 139, "SIGSEGV", {"pc 0x"}},
               {"no-execute", 139, "SIGSEGV", {"pc 0x"}},
               {"illegal", 132, "SIGILL", {"pc 0x", "0xffffffff"}},
               {"kernel", 139, "SIGSEGV", {"pc 0x", "0xffffffff80000000"}},
               {"stack", 139, "SIGSEGV", {"pc 0x"}}};
  for (const auto& item : cases) {
    SCOPED_TRACE(item.how);
    RunResult result = faultline_run({.program = "crash", .arguments = {item.how}});
    EXPECT_EQ(result.out, "going\n");
    EXPECT_EQ(result.status, item.status) << result.err;
    EXPECT_THAT(result.err, HasSubstr(item.signal));
    for (const char* part : item.says) EXPECT_THAT(result.err, HasSubstr(part));
    ASSERT_TRUE(result.stats.is_object());
    EXPECT_EQ(count(result.stats, "exit.signal"), static_cast<uint64_t>(item.status - 128));
    EXPECT_TRUE(has(result.stats, "exit.crash.pc"));
    EXPECT_TRUE(has(result.stats, "exit.crash.address"));
    EXPECT_TRUE(has(result.stats, "exit.crash.instruction"));
  }
}

TEST(ExitStatus, IsTheGuests) {
  for (int status : {0, 1, 42, 255}) {
    RunResult result = faultline_run({.program = "exit_status", .arguments = {"exit", std::to_string(status)}});
    EXPECT_EQ(result.status, status) << result.err;
    EXPECT_EQ(count(result.stats, "exit.status"), static_cast<uint64_t>(status));
  }
  RunResult killed = faultline_run({.program = "exit_status", .arguments = {"signal", std::to_string(SIGTERM)}});
  EXPECT_EQ(killed.status, 128 + SIGTERM);
  EXPECT_EQ(count(killed.stats, "exit.signal"), static_cast<uint64_t>(SIGTERM));
}

// Only what faultline itself must say is said then.
TEST(Quiet, AnOrdinaryRunSaysNothing) {
  RunResult result = faultline_run({.program = "exit_status", .arguments = {"exit", "3"}});
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.err, "");
}

TEST(Quiet, ACrashIsOneLine) {
  RunResult result = faultline_run({.program = "crash", .arguments = {"null"}});
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  EXPECT_THAT(result.err, StartsWith("faultline: crash (pid "));
}

// Made twice, told once: what faultline does not have is told without a report too.
TEST(Quiet, ASystemCallThatIsNotModelledIsOneLine) {
  RunResult result = faultline_run({.program = "syscall_errors"});
  const std::string line = "faultline: system call 5000 does not exist: ENOSYS\n";
  const size_t first = result.err.find(line);
  ASSERT_NE(first, std::string::npos) << result.err;
  EXPECT_EQ(result.err.find(line, first + 1), std::string::npos) << result.err;
}

// Nobody can be told anything; the guest and the statistics do not notice.
TEST(StandardError, ClosedOrFullChangesNothing) {
  for (const char* where : {"2>&-", "2>/dev/full", ">&- 2>&-"}) {
    for (const char* job : {"exit_status exit 7", "crash null"}) {
      SCOPED_TRACE(std::string(job) + " " + where);
      FreshDirectory directory;
      const std::string stats = (directory.path() / "stats.json").string();
      const std::string line = "exec \"$0\" run --stats \"$1\" -- \"$2\"/" + std::string(job) + " ";
      const std::string programs = guest("crash").parent_path().string();
      const Outcome open = shell(line, faultline_path(), stats + ".open", programs);
      const Outcome closed = shell(line + where, faultline_path(), stats, programs);
      EXPECT_EQ(closed.status, open.status);
      EXPECT_EQ(closed.out, where[0] == '2' ? open.out : "");
      EXPECT_EQ(closed.err, "");
      EXPECT_NE(open.err, "");
      const Json written = Json::parse(read_file(stats), nullptr, false);
      ASSERT_TRUE(written.is_object());
      EXPECT_GT(count(written, "instructions"), 0u);
    }
  }
}

TEST(Interruption, EndsWithTheStatisticsSoFar) {
  FreshDirectory directory;
  std::string stats = (directory.path() / "stats.json").string();
  Process process(faultline_command({.program = "spin", .quiet = false}, stats),
                  {.directory = directory.path().string()});
  ASSERT_TRUE(process.wait_for_output("spinning\n"));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  process.send_signal(SIGINT);
  Outcome outcome = process.finish();
  EXPECT_FALSE(outcome.timed_out);
  EXPECT_EQ(outcome.status, 130) << outcome.err;
  Json written = Json::parse(read_file(stats), nullptr, false);
  ASSERT_TRUE(written.is_object());
  EXPECT_GT(count(written, "instructions"), 100'000u);
  EXPECT_EQ(written.at("exit").at("reason"), "interrupted");
  EXPECT_THAT(outcome.err, HasSubstr("instructions"));  // the report
}

TEST(Determinism, TwoRunsGiveEqualBytes) {
  struct {
    const char* machine;
    const char* program;
    std::vector<std::string> arguments, settings;
  } cases[] = {{"textbook", "pipes_procs", {}, {}},
               {"core-i7", "fork_write", {}, {}},
               {"sv39", "random_write", {"12"}, {"dram.size=8M", "swap.size=32M"}},
               {"ia32", "io_overlap", {"text.txt", "3", "2", "20000"}, {}},
               {"textbook", "signals", {}, {}}};
  for (const auto& item : cases) {
    SCOPED_TRACE(item.program);
    FreshDirectory directory;
    write_file(directory.path() / "text.txt", numbered_lines(5000));
    RunRequest request{
        .machine = item.machine, .settings = item.settings, .program = item.program, .arguments = item.arguments};
    request.command.directory = directory.path().string();
    RunResult first = faultline_run(request);
    // Another environment and other addresses of the host change nothing.
    request.command.environment = {"FAULTLINE_TEST_NOISE=" + std::string(5000, 'x')};
    RunResult second = faultline_run(request);
    EXPECT_EQ(first.out, second.out);
    ASSERT_TRUE(first.stats.is_object() && second.stats.is_object()) << first.err;
    first.stats.erase("host");
    second.stats.erase("host");
    EXPECT_EQ(first.stats.dump(1), second.stats.dump(1));
  }
}

TEST(Files, WhatIsNotBoundStaysAsItIs) {
  FreshDirectory directory;
  RunResult result = faultline_run(
      {.program = "records", .arguments = {"records.dat"}, .command = {.directory = directory.path().string()}});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(contents(directory.path()).empty());
  EXPECT_GT(count(result.stats, "files_changed_in_memory"), 0u);
}

TEST(Files, WhatIsNotGivenCannotBeSeen) {
  FreshDirectory directory, elsewhere;
  write_file(elsewhere.path() / "secret", "secret\n");
  for (const std::string& path :
       {(elsewhere.path() / "secret").string(), std::string("/etc/passwd"), std::string("/proc/interrupts"),
        "../" + elsewhere.path().filename().string() + "/secret"}) {
    RunResult result = faultline_run(
        {.program = "mmap_first_bytes", .arguments = {path}, .command = {.directory = directory.path().string()}});
    EXPECT_EQ(result.status, 1) << path << "\n" << result.out << result.err;
    EXPECT_EQ(result.out, "") << path;
  }
}

TEST(Files, ALinkOutOfADirectoryLeadsNowhere) {
  FreshDirectory directory, elsewhere;
  write_file(elsewhere.path() / "secret", "secret\n");
  fs::create_symlink(elsewhere.path() / "secret", directory.path() / "link");
  fs::create_symlink(elsewhere.path(), directory.path() / "out");
  for (const char* path : {"link", "out/secret"}) {
    RunResult result = faultline_run(
        {.program = "mmap_first_bytes", .arguments = {path}, .command = {.directory = directory.path().string()}});
    EXPECT_EQ(result.status, 1) << path << "\n" << result.out << result.err;
    EXPECT_EQ(result.out, "") << path;
  }
}

}  // namespace
}  // namespace faultline::system_test
