// The files that a command writes, checked before anything runs.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace faultline::cli {

class OutputFiles {
 public:
  // A file of the host that the command reads; nothing happens where there is none.
  void reads(std::string_view what, const std::string& path);
  // UserError when `path` cannot be written, or is a file that the command reads
  // or writes already. Makes it where it is not there; leaves its contents.
  void writes(std::string_view option, const std::string& path);

 private:
  using Identity = std::pair<dev_t, ino_t>;
  struct Known {
    std::string what;
    Identity identity;
  };
  std::vector<Known> known_;
};

}  // namespace faultline::cli
