// The guest programs as workloads/programs.json lists them.
#pragma once

#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "harness.h"

namespace faultline::system_test {

enum class Reference { qemu, native };

struct GuestProgram {
  std::string name;
  std::vector<std::vector<std::string>> runs;              // arguments of each
  std::vector<std::pair<std::string, std::string>> files;  // path and text, made before the first run
  std::vector<std::string> binds, environment;
  Reference reference = Reference::qemu;
  bool slow = false;  // left out where every program runs many times
};

std::vector<GuestProgram> guest_programs();

void make_files(const GuestProgram& program, const fs::path& directory);

// Where the output is to come from: qemu-riscv64 or the host itself.
Outcome reference_run(const GuestProgram& program, const std::vector<std::string>& arguments,
                      const fs::path& directory);

// The same under faultline, with the program's binds and environment.
RunRequest faultline_request(const GuestProgram& program, const std::vector<std::string>& arguments,
                             const fs::path& directory);

std::ostream& operator<<(std::ostream& out, const GuestProgram& program);

}  // namespace faultline::system_test
