#include "guest_program.h"

namespace faultline::system_test {
namespace {

// Every program gets this on its standard input.
constexpr const char* kInput = "first line\nsecond line\n";

GuestProgram parse(const Json& entry) {
  GuestProgram program;
  program.name = entry.at("name");
  program.runs = entry.value("runs", std::vector<std::vector<std::string>>{{}});
  program.binds = entry.value("binds", std::vector<std::string>{});
  program.environment = entry.value("env", std::vector<std::string>{});
  program.reference = entry.value("reference", "qemu") == "native" ? Reference::native : Reference::qemu;
  program.slow = entry.value("slow", false);
  const Json files = entry.value("files", Json::array());
  for (const Json& file : files)
    program.files.emplace_back(
        file.at("path"), file.contains("text") ? file["text"].get<std::string>() : numbered_lines(file.at("lines")));
  return program;
}

}  // namespace

std::vector<GuestProgram> guest_programs() {
  std::vector<GuestProgram> programs;
  const Json manifest = Json::parse(read_file(programs_manifest()));
  for (const Json& entry : manifest.at("programs")) programs.push_back(parse(entry));
  return programs;
}

void make_files(const GuestProgram& program, const fs::path& directory) {
  for (const auto& [path, text] : program.files) write_file(directory / path, text);
}

Outcome reference_run(const GuestProgram& program, const std::vector<std::string>& arguments,
                      const fs::path& directory) {
  std::vector<std::string> command;
  if (program.reference == Reference::native) {
    command = {native_guest(program.name).string()};
  } else {
    command = {"qemu-riscv64", guest(program.name).string()};
  }
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run(command, {.directory = directory.string(), .input = kInput, .environment = program.environment});
}

RunRequest faultline_request(const GuestProgram& program, const std::vector<std::string>& arguments,
                             const fs::path& directory) {
  RunRequest request;
  request.program = program.name;
  request.arguments = arguments;
  for (const std::string& bind : program.binds) request.options.insert(request.options.end(), {"--bind", bind});
  for (const std::string& variable : program.environment)
    request.options.insert(request.options.end(), {"--env", variable});
  request.command.directory = directory.string();
  request.command.input = kInput;
  return request;
}

std::ostream& operator<<(std::ostream& out, const GuestProgram& program) { return out << program.name; }

}  // namespace faultline::system_test
