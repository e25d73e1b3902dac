// What a point's result depends on, as one short text: its resolved
// configuration, the program's bytes, arguments, files and seed, and faultline's
// own build. A stored result stands only for the same fingerprint.
#pragma once

#include <map>
#include <string>

#include "cli/sweep/points.h"

namespace faultline::cli {

class Fingerprints {
 public:
  // `faultline`: the executable that runs the points.
  explicit Fingerprints(const std::string& faultline) : own_(file(faultline)) {}

  // UserError when a file cannot be read. Of a bound directory only the name counts.
  std::string of(const Point& point);

 private:
  const std::string& file(const std::string& path);

  std::map<std::string, std::string> files_;  // each is read once
  std::string own_;
};

}  // namespace faultline::cli
