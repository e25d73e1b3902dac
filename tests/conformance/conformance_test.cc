// One conformance program: runs the host's build and the guest's, and compares
// them line by line.
//
//   conformance_test NAME GUEST_PROGRAM NATIVE_PROGRAM DIFFERENCES
#include <iostream>
#include <string>
#include <vector>

#include "comparison.h"
#include "harness.h"

namespace {

using namespace faultline;
using system_test::FreshDirectory;
using system_test::Outcome;

constexpr std::chrono::seconds kLimit{60};

// Everything that the programs write goes to a fresh directory each, writable and
// kept, so that what is written back is written to a real file.
Outcome run_native(const std::string& program) {
  FreshDirectory work;
  return system_test::run({program}, {.directory = work.path().string(), .limit = kLimit});
}

Outcome run_guest(const std::string& program) {
  FreshDirectory work;
  system_test::RunRequest request;
  request.options = {"--bind", ".:rw"};
  request.program = program;
  request.command.directory = work.path().string();
  request.command.limit = kLimit;
  return system_test::faultline_run(request);
}

bool ended_well(const char* which, const Outcome& outcome) {
  if (outcome.status == 0 && !outcome.timed_out) return true;
  std::cout << which << (outcome.timed_out ? " took too long" : " ended with status ") << outcome.status << "\n"
            << outcome.out << outcome.err << "\n";
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "conformance_test: expected NAME GUEST_PROGRAM NATIVE_PROGRAM DIFFERENCES\n";
    return 2;
  }
  std::vector<std::string> mistakes;
  const auto differences = conformance::parse_differences(system_test::read_file(argv[4]), mistakes);
  for (const std::string& mistake : mistakes) std::cout << argv[4] << ": " << mistake << "\n";

  const Outcome native = run_native(argv[3]), guest = run_guest(argv[2]);
  const bool ended = ended_well("the native program", native) & ended_well("faultline", guest);
  const conformance::Report report = conformance::compare(argv[1], native.out, guest.out, differences);
  for (const std::string& note : report.notes) std::cout << note << "\n";
  for (const std::string& failure : report.failures) std::cout << "FAILED " << failure << "\n";
  std::cout << argv[1] << ": " << report.same << " the same, " << report.listed << " listed as different, "
            << report.skipped << " skipped, " << report.failures.size() << " failed\n";
  return ended && report.failures.empty() && mistakes.empty() ? 0 : 1;
}
