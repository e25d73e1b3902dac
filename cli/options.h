// What the command line asked for, checked as far as it can be without running.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/config/loader.h"

namespace faultline::cli {

// `--bind HOST[:GUEST][:ro|:rw]`: a path of the host that the guest may see;
// read-only by default.
struct Bind {
  std::string host;   // absolute, and exists
  std::string guest;  // absolute, no "." or ".."
  bool writable = false;
};

struct RunOptions {
  LoadedConfiguration machine;
  std::optional<std::string> stats_file;          // can be written
  std::optional<std::string> series_file;         // can be written; observe.interval is set
  std::optional<std::string> record_file;         // can be written
  std::optional<std::string> record_paging_file;  // can be written
  bool quiet = false;
  std::optional<std::string> root;  // a directory: the guest's "/"
  std::string sysroot;              // a directory whose lib the guest sees
  std::vector<Bind> binds;
  std::vector<std::string> environment;  // NAME=VALUE, a name once
  bool tty = false;
  std::string program;                 // as given
  std::vector<std::string> arguments;  // without argv[0], which is `program`
};

struct MachinesOptions {
  std::optional<std::string> name;  // a preset or a TOML file; none: list them
  bool reference = false;           // print docs/configuration.md
};

}  // namespace faultline::cli
