#include "cli/recording.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "cli/trace/recorded_machine.h"

namespace faultline::cli {

Recording::Recording(std::string option, const std::string& path, const Configuration& configuration,
                     const std::string& program)
    : option_(std::move(option)),
      path_(path),
      writer_(recording_header(configuration, program), [this](std::span<const uint8_t> bytes) { write(bytes); }) {}

Recording::~Recording() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

// An older recording is gone only when there is something to write: not when the
// program turns out not to be one.
void Recording::open() {
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor_ < 0) error_ = errno;
}

// A program that runs is not stopped by a full disk.
void Recording::write(std::span<const uint8_t> bytes) {
  if (ended_) return;
  if (descriptor_ < 0 && error_ == 0) open();
  while (!bytes.empty() && error_ == 0) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno != EINTR) error_ = errno;
    } else {
      bytes = bytes.subspan(static_cast<size_t>(written));
    }
  }
}

std::string Recording::finish(const References& made) {
  writer_.finish({.fetch = made.fetch, .load = made.load, .store = made.store});
  if (descriptor_ >= 0 && ::close(descriptor_) != 0 && error_ == 0) error_ = errno;
  descriptor_ = -1;
  ended_ = true;
  return error_ == 0 ? "" : fmt::format("{} {}: {}; the recording is cut short", option_, path_, std::strerror(error_));
}

}  // namespace faultline::cli
