#include "cli/sweep/fingerprint.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "cli/config/settings.h"
#include "cli/sweep/sha256.h"

namespace faultline::cli {
namespace {

namespace fs = std::filesystem;

// Larger ones are known by size and time alone: a study may stand among
// gigabytes of data that no guest reads.
constexpr uintmax_t kMostHashed = 1 << 20;

std::string size_and_time(const fs::directory_entry& entry) {
  std::error_code error;
  const uintmax_t size = entry.file_size(error);
  const auto changed = entry.last_write_time(error).time_since_epoch().count();
  return error ? "" : fmt::format("{} {}", size, changed);
}

std::vector<fs::directory_entry> regular_files(const std::string& folder) {
  std::vector<fs::directory_entry> files;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code gone;
    if (at->is_regular_file(gone)) files.push_back(*at);
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace

const std::string& Fingerprints::file(const std::string& path) {
  const auto known = files_.find(path);
  return known != files_.end() ? known->second : files_.emplace(path, sha256_of_file(path)).first->second;
}

// What a guest sees without being given it.
std::string Fingerprints::surroundings(const std::string& folder, const std::string& sysroot) {
  Sha256 hash;
  for (const fs::directory_entry& entry : regular_files(folder)) {
    // Studies and machines: what they say is in the configuration of each point.
    if (entry.path().extension() == ".toml") continue;
    std::error_code error;
    const bool small = entry.file_size(error) <= kMostHashed && !error && ::access(entry.path().c_str(), R_OK) == 0;
    hash.add_field(entry.path().filename().string());
    hash.add_field(small ? file(entry.path().string()) : size_and_time(entry));
  }
  for (const char* libraries : {"/lib", "/usr/lib"}) {
    for (const fs::directory_entry& entry : regular_files(sysroot + libraries)) {
      hash.add_field(entry.path().string());
      hash.add_field(size_and_time(entry));
    }
  }
  return hash.hex_digest();
}

std::string Fingerprints::of(const Point& point) {
  Sha256 hash;
  const auto add_all = [&hash](const std::vector<std::string>& texts) {
    hash.add_field(std::to_string(texts.size()));
    for (const std::string& text : texts) hash.add_field(text);
  };
  hash.add_field("faultline.point/2");
  hash.add_field(own_);
  hash.add_field(surroundings_);
  hash.add_field(point.machine);  // the statistics name it
  for (size_t i = 0; i < settings().size(); ++i) {
    hash.add_field(settings()[i].path);
    hash.add_field(value_json(point.configuration[i]).dump());
  }
  hash.add_field(point.program);
  hash.add_field(file(point.program));
  add_all(point.arguments);
  add_all(point.workload->binds);
  for (const std::string& bind : point.workload->binds) {
    const std::string host = bind_host(bind);
    std::error_code error;
    hash.add_field(fs::is_regular_file(host, error) ? file(host) : "");
  }
  add_all(point.workload->environment);
  hash.add_field(std::to_string(point.workload->exit));
  return hash.hex_digest();
}

}  // namespace faultline::cli
