// What the system tests share: where things lie, fresh directories, and
// `faultline run` with its statistics.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "process.h"

namespace faultline::system_test {

namespace fs = std::filesystem;
using Json = nlohmann::json;

fs::path build_directory();                      // where `faultline` and `workloads` are
fs::path guest(const std::string& name);         // a guest program
fs::path native_guest(const std::string& name);  // the host's build of it
fs::path programs_manifest();                    // workloads/programs.json

// A new empty directory, removed at the end.
class FreshDirectory {
 public:
  FreshDirectory();
  ~FreshDirectory();
  FreshDirectory(const FreshDirectory&) = delete;
  FreshDirectory& operator=(const FreshDirectory&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

struct RunRequest {
  std::string machine = {};                // a preset; empty: the default
  std::vector<std::string> settings = {};  // KEY=VALUE
  std::vector<std::string> options = {};   // further options of `faultline run`
  std::string program = {};                // a guest program's name, or a path
  std::vector<std::string> arguments = {};
  bool quiet = true;
  CommandOptions command = {};  // an empty directory stands for a fresh one
};

struct RunResult : Outcome {
  Json stats;        // null if none were written
  std::string line;  // the command, for messages
};

// The command line of a run; statistics go to the file `stats`, if not empty.
std::vector<std::string> faultline_command(const RunRequest& run, const std::string& stats);

RunResult faultline_run(const RunRequest& run);

// A number of the statistics by its path, "tlb.l1d.misses". A path that does
// not exist is an error of the test.
uint64_t count(const Json& stats, const std::string& path);
double number(const Json& stats, const std::string& path);
bool has(const Json& stats, const std::string& path);

std::string read_file(const fs::path& path);
void write_file(const fs::path& path, const std::string& text);

// The files below a directory and their contents, to compare two.
std::map<std::string, std::string> contents(const fs::path& directory);

// Text of `count` lines, "line 1: ...".
std::string numbered_lines(unsigned count);

}  // namespace faultline::system_test
