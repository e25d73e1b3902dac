// The command line: what belongs to faultline, what to the guest, and mistakes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <systemc>

#include "cli/command_line.h"
#include "cli/config/user_error.h"
#include "cli/machines_command.h"
#include "cli/run_command.h"

namespace faultline::cli {

// Stands in for the machine: these tests never run one.
SimulationResult simulate(const RunOptions&) { return {}; }

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

RunOptions run(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "run");
  return std::get<RunOptions>(parse_command_line(arguments));
}

std::string refusal(const std::vector<std::string>& arguments) {
  try {
    parse_command_line(arguments);
    return "taken";
  } catch (const UserError& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
}

TEST(Run, EverythingAfterTheProgramIsTheGuests) {
  const RunOptions options = run({"--quiet", "./prog", "-s", "x", "--stats", "--", "--help", "-m"});
  EXPECT_TRUE(options.quiet);
  EXPECT_EQ(options.program, "./prog");
  EXPECT_THAT(options.arguments, ElementsAre("-s", "x", "--stats", "--", "--help", "-m"));
  EXPECT_FALSE(options.stats_file);
  EXPECT_EQ(options.machine.machine, "textbook");
}

// What is read or written already is not written over, by whatever name.
TEST(Run, OutputsAreFilesOfTheirOwn) {
  const auto folder = std::filesystem::temp_directory_path() / ("faultline-command-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  const std::string program = folder / "p", other = folder / "o", again = folder / "." / "o";
  std::ofstream(program) << "a program";
  std::ofstream(other) << "kept";
  EXPECT_THAT(refusal({"run", "--stats", program, program}), HasSubstr("the same file as PROGRAM"));
  EXPECT_THAT(refusal({"run", "--stats", other, "--record", again, program}), HasSubstr("the same file as --stats"));
  EXPECT_THAT(refusal({"trace", "--stats", other, again}), HasSubstr("the same file as the trace"));
  EXPECT_EQ(refusal({"run", "--stats", "/dev/null", "--record", "/dev/null", program}), "taken");
  EXPECT_EQ(std::filesystem::file_size(program), 9u);
  EXPECT_EQ(std::filesystem::file_size(other), 4u);
  std::filesystem::remove_all(folder);
}

TEST(Run, TheMarkIsOptionalAndNotTheGuests) {
  const RunOptions options = run({"-m", "sv39", "--", "-odd-name", "--", "a"});
  EXPECT_EQ(options.program, "-odd-name");
  EXPECT_THAT(options.arguments, ElementsAre("--", "a"));
  EXPECT_EQ(options.machine.values.machine.paging_format, "sv39");
}

TEST(Run, EveryWayToGiveAnOptionsValue) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"-s", "seed=5", "p"}, {"-sseed=5", "p"}, {"--set", "seed=5", "p"}, {"--set=seed=5", "p"}}) {
    const RunOptions options = run(arguments);
    EXPECT_EQ(options.machine.values.machine.seed, 5u) << arguments.front();
    EXPECT_EQ(options.program, "p");
  }
}

TEST(Run, RepeatedOptionsAddUp) {
  const RunOptions options = run({"-s", "seed=5", "-s", "tlb.enabled=false", "--env", "A=1", "--env", "B=", "--env",
                                  "A=2", "--bind", "/dev", "--bind", "/dev/null:/n:rw", "p"});
  EXPECT_EQ(options.machine.values.machine.seed, 5u);
  EXPECT_FALSE(options.machine.values.machine.tlb.enabled);
  EXPECT_THAT(options.environment, ElementsAre("B=", "A=2"));
  ASSERT_EQ(options.binds.size(), 2u);
  EXPECT_EQ(options.binds[1].guest, "/n");
  EXPECT_TRUE(options.binds[1].writable);
}

TEST(Run, ProgramsMayBeCalledLikeCommands) {
  EXPECT_EQ(run({"run", "machines"}).program, "run");
  EXPECT_EQ(run({"machines"}).program, "machines");
  EXPECT_EQ(run({"-"}).program, "-");
}

TEST(Run, MistakesAreOneLine) {
  EXPECT_EQ(refusal({}), "no command; see faultline --help");
  EXPECT_THAT(refusal({"ran"}), StartsWith("unknown command ran"));
  EXPECT_EQ(refusal({"run"}), "run: no PROGRAM; see faultline run --help");
  EXPECT_EQ(refusal({"run", "--"}), "run: no PROGRAM; see faultline run --help");
  EXPECT_THAT(refusal({"run", "--bogus", "p"}), HasSubstr("--bogus"));
  EXPECT_THAT(refusal({"run", "-x", "p"}), HasSubstr("-x"));
  EXPECT_THAT(refusal({"run", "-m"}), HasSubstr("-m"));
  EXPECT_THAT(refusal({"run", "-m", "nothing", "p"}), StartsWith("no machine \"nothing\""));
  EXPECT_THAT(refusal({"run", "-s", "tlb", "p"}), StartsWith("-s tlb: expected KEY=VALUE"));
  EXPECT_THAT(refusal({"run", "--env", "=x", "p"}), StartsWith("--env =x"));
  EXPECT_THAT(refusal({"run", "--root", "/nowhere", "p"}), StartsWith("--root /nowhere: "));
  EXPECT_THAT(refusal({"run", "--root", "/dev/null", "p"}), StartsWith("--root /dev/null: not a directory"));
  EXPECT_THAT(refusal({"run", "--sysroot", "/nowhere", "p"}), StartsWith("--sysroot /nowhere: "));
  EXPECT_THAT(refusal({"run", "--stats", "/nowhere/x", "p"}), StartsWith("--stats /nowhere/x: No such file"));
  EXPECT_EQ(refusal({"run", "--stats", "-", "p"}), "--stats -: a file is needed, since standard output is the guest's");
  EXPECT_THAT(refusal({"run", "--stats", "", "p"}), StartsWith("--stats : "));
  EXPECT_THAT(refusal({"run", "--stats", "/", "p"}), StartsWith("--stats /: "));
  EXPECT_THAT(refusal({"run", "--root", "", "p"}), StartsWith("--root : "));
  EXPECT_EQ(refusal({"run", ""}), "run: PROGRAM is an empty name");
  EXPECT_THAT(refusal({"machines", "a", "b"}), HasSubstr("b"));
}

TEST(Run, HelpAndVersion) {
  EXPECT_THAT(std::get<PrintText>(parse_command_line({"--version"})).text, StartsWith("faultline "));
  EXPECT_THAT(std::get<PrintText>(parse_command_line({"--help"})).text, HasSubstr("faultline run"));
  const std::string help = std::get<PrintText>(parse_command_line({"run", "--help"})).text;
  for (const char* part : {"PROGRAM", "--machine", "--stats", "--bind", "--sysroot", "Examples"}) {
    EXPECT_THAT(help, HasSubstr(part));
  }
}

TEST(Bind, Forms) {
  const Bind plain = parse_bind("/dev/null");
  EXPECT_EQ(plain.host, "/dev/null");
  EXPECT_EQ(plain.guest, "/dev/null");
  EXPECT_FALSE(plain.writable);
  EXPECT_TRUE(parse_bind("/dev/null:rw").writable);
  EXPECT_EQ(parse_bind("/dev/null:rw").guest, "/dev/null");
  EXPECT_FALSE(parse_bind("/dev/null:ro").writable);
  EXPECT_EQ(parse_bind("/dev/null:ro").guest, "/dev/null");
  EXPECT_FALSE(parse_bind("/dev/null:/n:ro").writable);
  EXPECT_EQ(parse_bind("/dev/null:/n:ro").guest, "/n");
  EXPECT_EQ(parse_bind("/dev/null:/a/../b").guest, "/b");
  EXPECT_EQ(parse_bind(".").host, std::filesystem::current_path().string() + "/");
  for (const char* bad :
       {"", ":", ":/x", ":rw", "/nowhere", "/dev/null:relative", "/dev/null:", "/dev/null:r", "/dev/null:/n:rx",
        "/dev/null:/n:", "/dev/null:/n:/m:ro", "/dev/null:rw:ro", "/dev/null:/n:ro:rw"}) {
    EXPECT_THROW(parse_bind(bad), UserError) << bad;
  }
}

TEST(Machines, ListAndPrint) {
  const std::string list = machines_text({});
  EXPECT_THAT(list, HasSubstr("textbook   flat memory"));
  EXPECT_THAT(machines_text({.name = "sv39"}), HasSubstr("format = \"sv39\""));
  EXPECT_THROW(machines_text({.name = "none"}), UserError);
}

TEST(ExitStatus, IsTheGuests) {
  EXPECT_EQ(exit_status({.reason = "exited", .status = 7}), 7);
  EXPECT_EQ(exit_status({.reason = "killed", .signal = 11}), 139);
  EXPECT_EQ(exit_status({.reason = "interrupted"}), 130);
  EXPECT_EQ(exit_status({.reason = "deadlock"}), 2);
  EXPECT_EQ(exit_status({.reason = "time over"}), 2);
}

TEST(Report, OwnErrorsGiveStatusTwo) {
  RunOptions options;
  options.quiet = true;
  EXPECT_EQ(report_run(options, {}, 1), 0);
  EXPECT_EQ(report_run(options, {.started = false, .statistics = {}, .errors = {"no such program"}}, 1), 2);
  SimulationResult broken;
  broken.statistics.cycles = 5;  // which no account holds
  EXPECT_EQ(report_run(options, broken, 1), 2);
}

}  // namespace
}  // namespace faultline::cli
