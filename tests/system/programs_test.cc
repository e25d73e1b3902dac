// Every guest program prints on faultline what it prints under the reference,
// and ends with the same status.
#include <gtest/gtest.h>

#include <sstream>

#include "guest_program.h"

namespace faultline::system_test {
namespace {

// What the guest itself wrote to standard error: faultline's own lines (a
// system call that it does not have, a crash) are not the guest's, nor is
// qemu's about a signal.
std::string without_notes(const std::string& text) {
  std::istringstream lines(text);
  std::string rest;
  for (std::string line; std::getline(lines, line);)
    if (!line.starts_with("faultline: ") && !line.starts_with("qemu: ")) rest += line + "\n";
  return rest;
}

class Programs : public testing::TestWithParam<GuestProgram> {};

void compare_with_reference(const GuestProgram& program, const std::vector<std::string>& settings) {
  FreshDirectory expected_directory, directory;
  make_files(program, expected_directory.path());
  make_files(program, directory.path());
  for (const auto& arguments : program.runs) {
    Outcome expected = reference_run(program, arguments, expected_directory.path());
    ASSERT_FALSE(expected.timed_out);
    RunRequest request = faultline_request(program, arguments, directory.path());
    request.settings = settings;
    RunResult got = faultline_run(request);
    ASSERT_FALSE(got.timed_out) << got.line;
    EXPECT_EQ(got.out, expected.out) << got.line << "\n" << got.err;
    EXPECT_EQ(without_notes(got.err), without_notes(expected.err)) << got.line;
    EXPECT_EQ(got.status, expected.status) << got.line << "\n" << got.err;
  }
  const bool writes_through = !program.binds.empty();
  if (writes_through) {
    EXPECT_EQ(contents(directory.path()), contents(expected_directory.path()));
  }
}

TEST_P(Programs, PrintWhatTheReferencePrints) { compare_with_reference(GetParam(), {}); }

// The same on a machine that must page out all the time, with short time slices.
TEST_P(Programs, PrintTheSameInLittleMemory) {
  compare_with_reference(GetParam(), {"dram.size=2M", "swap.size=64M", "os.timer_hz=5000"});
}

INSTANTIATE_TEST_SUITE_P(, Programs, testing::ValuesIn(guest_programs()),
                         [](const auto& item) { return item.param.name; });

}  // namespace
}  // namespace faultline::system_test
