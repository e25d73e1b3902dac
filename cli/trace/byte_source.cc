#include "cli/trace/byte_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "cli/trace/trace_error.h"

namespace faultline::cli {
namespace {

class FileSource final : public ByteSource {
 public:
  // `path`: for messages.
  FileSource(std::string path, int descriptor, bool owned, const std::atomic<bool>* stop)
      : path_(std::move(path)), descriptor_(descriptor), owned_(owned), stop_(stop) {
    struct stat status {};
    if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode)) length_ = static_cast<uint64_t>(status.st_size);
  }
  ~FileSource() override {
    if (owned_) ::close(descriptor_);
  }
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  size_t read(std::span<uint8_t> room) override {
    for (;;) {
      const ssize_t got = ::read(descriptor_, room.data(), room.size());
      if (got >= 0) {
        position_ += static_cast<uint64_t>(got);
        return static_cast<size_t>(got);
      }
      if (errno != EINTR) throw TraceError(fmt::format("{}: {}", path_, std::strerror(errno)));
      if (stop_ != nullptr && stop_->load()) return 0;
    }
  }
  uint64_t position() const override { return position_; }
  uint64_t length() const override { return length_; }

 private:
  std::string path_;
  int descriptor_;
  bool owned_;
  const std::atomic<bool>* stop_;
  uint64_t position_ = 0;
  uint64_t length_ = 0;
};

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::span<const uint8_t> bytes) : left_(bytes) {}

  size_t read(std::span<uint8_t> room) override {
    const size_t now = std::min(room.size(), left_.size());
    if (now != 0) std::memcpy(room.data(), left_.data(), now);
    left_ = left_.subspan(now);
    return now;
  }

 private:
  std::span<const uint8_t> left_;
};

}  // namespace

std::unique_ptr<ByteSource> open_file(const std::string& path, const std::atomic<bool>* stop) {
  if (path == "-") return std::make_unique<FileSource>("standard input", STDIN_FILENO, false, stop);
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw TraceError(fmt::format("{}: {}", path, std::strerror(errno)));
  return std::make_unique<FileSource>(path, descriptor, true, stop);
}

std::unique_ptr<ByteSource> read_memory(std::span<const uint8_t> bytes) {
  return std::make_unique<MemorySource>(bytes);
}

}  // namespace faultline::cli
