// What a point's result depends on, as one short text: its resolved
// configuration, the program's bytes, arguments, files and seed, what the guest
// sees beside them, and faultline's own build. A stored result stands only for
// the same fingerprint.
#pragma once

#include <map>
#include <string>

#include "cli/sweep/points.h"

namespace faultline::cli {

class Fingerprints {
 public:
  // `faultline`: the executable that runs the points. `folder`, where they run,
  // and the libraries of `sysroot` are there for every guest: of the folder the
  // bytes of the files directly in it count (of those above 1 MB size and time,
  // of TOML files nothing), of the libraries size and time.
  Fingerprints(const std::string& faultline, const std::string& folder, const std::string& sysroot)
      : own_(file(faultline)), surroundings_(surroundings(folder, sysroot)) {}

  // UserError when a file cannot be read. Of a bound directory only the name counts.
  std::string of(const Point& point);

 private:
  const std::string& file(const std::string& path);
  std::string surroundings(const std::string& folder, const std::string& sysroot);

  std::map<std::string, std::string> files_;  // each is read once
  std::string own_;
  std::string surroundings_;
};

}  // namespace faultline::cli
