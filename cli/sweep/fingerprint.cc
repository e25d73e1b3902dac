#include "cli/sweep/fingerprint.h"

#include <filesystem>

#include "cli/config/settings.h"
#include "cli/sweep/sha256.h"

namespace faultline::cli {

const std::string& Fingerprints::file(const std::string& path) {
  const auto known = files_.find(path);
  return known != files_.end() ? known->second : files_.emplace(path, sha256_of_file(path)).first->second;
}

std::string Fingerprints::of(const Point& point) {
  Sha256 hash;
  const auto add_all = [&hash](const std::vector<std::string>& texts) {
    hash.add_field(std::to_string(texts.size()));
    for (const std::string& text : texts) hash.add_field(text);
  };
  hash.add_field("faultline.point/1");
  hash.add_field(own_);
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
    hash.add_field(std::filesystem::is_regular_file(host, error) ? file(host) : "");
  }
  add_all(point.workload->environment);
  hash.add_field(std::to_string(point.workload->exit));
  return hash.hex_digest();
}

}  // namespace faultline::cli
