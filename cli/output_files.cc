#include "cli/output_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "cli/config/user_error.h"

namespace faultline::cli {

void OutputFiles::reads(std::string_view what, const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return;
  known_.push_back({fmt::format("{} {}", what, path), {status.st_dev, status.st_ino}});
}

void OutputFiles::writes(std::string_view option, const std::string& path) {
  if (path == "-") {
    throw UserError(fmt::format("{} -: a file is needed, since standard output is the guest's", option));
  }
  // Better to know before a long run than after it.
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor < 0) throw UserError(fmt::format("{} {}: {}", option, path, std::strerror(errno)));
  struct stat status {};
  const bool is_file = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
  ::close(descriptor);
  if (!is_file) return;
  const Identity identity{status.st_dev, status.st_ino};
  for (const Known& known : known_) {
    if (known.identity == identity) {
      throw UserError(fmt::format("{} {}: the same file as {}; nothing was written", option, path, known.what));
    }
  }
  known_.push_back({fmt::format("{} {}", option, path), identity});
}

}  // namespace faultline::cli
