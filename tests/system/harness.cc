#include "harness.h"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace faultline::system_test {

fs::path build_directory() { return FAULTLINE_BUILD_DIR; }
fs::path guest(const std::string& name) { return build_directory() / "workloads" / name; }
fs::path native_guest(const std::string& name) { return build_directory() / "workloads" / "native" / name; }
fs::path programs_manifest() { return fs::path(FAULTLINE_SOURCE_DIR) / "workloads" / "programs.json"; }

FreshDirectory::FreshDirectory() {
  std::string pattern = (fs::temp_directory_path() / "faultline-test-XXXXXX").string();
  if (!mkdtemp(pattern.data())) throw std::runtime_error("no temporary directory");
  path_ = pattern;
}

FreshDirectory::~FreshDirectory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::vector<std::string> faultline_command(const RunRequest& run, const std::string& stats) {
  std::vector<std::string> command{(build_directory() / "faultline").string(), "run"};
  if (!run.machine.empty()) command.insert(command.end(), {"-m", run.machine});
  for (const std::string& setting : run.settings) command.insert(command.end(), {"-s", setting});
  if (!stats.empty()) command.insert(command.end(), {"--stats", stats});
  if (run.quiet) command.push_back("--quiet");
  command.insert(command.end(), run.options.begin(), run.options.end());
  command.push_back("--");
  command.push_back(run.program.find('/') == std::string::npos ? guest(run.program).string() : run.program);
  command.insert(command.end(), run.arguments.begin(), run.arguments.end());
  return command;
}

RunResult faultline_run(const RunRequest& request) {
  FreshDirectory work, results;
  fs::path stats = results.path() / "stats.json";
  std::vector<std::string> command = faultline_command(request, stats.string());
  CommandOptions options = request.command;
  if (options.directory.empty() || options.directory == ".") options.directory = work.path().string();
  RunResult result{run(command, options), {}, command_line(command)};
  if (fs::exists(stats)) result.stats = Json::parse(read_file(stats), nullptr, false);
  return result;
}

namespace {

const Json* find(const Json& stats, const std::string& path) {
  const Json* at = &stats;
  std::istringstream parts(path);
  for (std::string part; std::getline(parts, part, '.');) {
    if (!at->is_object() || !at->contains(part)) return nullptr;
    at = &(*at)[part];
  }
  return at;
}

}  // namespace

bool has(const Json& stats, const std::string& path) { return find(stats, path) != nullptr; }

uint64_t count(const Json& stats, const std::string& path) {
  const Json* found = find(stats, path);
  if (!found || !found->is_number_integer()) throw std::runtime_error("the statistics have no count " + path);
  return found->get<uint64_t>();
}

double number(const Json& stats, const std::string& path) {
  const Json* found = find(stats, path);
  if (!found || !found->is_number()) throw std::runtime_error("the statistics have no number " + path);
  return found->get<double>();
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_file(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

std::map<std::string, std::string> contents(const fs::path& directory) {
  std::map<std::string, std::string> result;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    std::string name = fs::relative(entry.path(), directory).string();
    result[name] = entry.is_regular_file() ? read_file(entry.path()) : "not a regular file";
  }
  return result;
}

std::string numbered_lines(unsigned count) {
  std::string text;
  for (unsigned i = 1; i <= count; ++i)
    text += "line " + std::to_string(i) + ": the quick brown fox jumps " + std::to_string(i * 7919 % 1000) + " times\n";
  return text;
}

}  // namespace faultline::system_test
