// xz, gzip and Zstandard, as streams.
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "cli/trace/byte_source.h"
#include "cli/trace/trace_error.h"

namespace faultline::cli {
namespace {

constexpr size_t kInputBytes = 256 << 10;
// `xz -9` decompresses in 65 MiB, `zstd --long=27` in 128 MiB. A file that asks
// for more than this is refused rather than obeyed.
constexpr uint64_t kMemoryLimit = 512 << 20;

using namespace std::string_view_literals;
constexpr std::string_view kXz =
    "\xFD"
    "7zXZ\0"sv;                                           // xz file format 1.1.0, section 2.1.1.1
constexpr std::string_view kGzip = "\x1F\x8B"sv;          // RFC 1952, section 2.3.1
constexpr std::string_view kZstd = "\x28\xB5\x2F\xFD"sv;  // RFC 8878, section 3.1.1
constexpr size_t kLongestMagic = 6;

// Compressed bytes on their way in.
class Compressed {
 public:
  Compressed(std::unique_ptr<ByteSource> inner, std::vector<uint8_t> begun)
      : inner_(std::move(inner)), buffer_(kInputBytes), ahead_(begun.size()) {
    std::copy(begun.begin(), begun.end(), buffer_.begin());
  }

  // What was read and not yet used; empty at the end alone.
  std::span<const uint8_t> unused() {
    if (used_ == ahead_) {
      used_ = 0;
      ahead_ = inner_->read(buffer_);
    }
    return std::span<const uint8_t>(buffer_).subspan(used_, ahead_ - used_);
  }
  void use(size_t bytes) { used_ += bytes; }
  const ByteSource& inner() const { return *inner_; }

 private:
  std::unique_ptr<ByteSource> inner_;
  std::vector<uint8_t> buffer_;
  size_t used_ = 0;
  size_t ahead_ = 0;
};

class Decompressor : public ByteSource {
 public:
  explicit Decompressor(Compressed input) : input_(std::move(input)) {}
  uint64_t position() const override { return input_.inner().position(); }
  uint64_t length() const override { return input_.inner().length(); }

 protected:
  Compressed& input() { return input_; }

 private:
  Compressed input_;
};

class Plain final : public Decompressor {
 public:
  using Decompressor::Decompressor;

  size_t read(std::span<uint8_t> room) override {
    const auto bytes = input().unused();
    const size_t now = std::min(room.size(), bytes.size());
    std::copy_n(bytes.begin(), now, room.begin());
    input().use(now);
    return now;
  }
};

class Xz final : public Decompressor {
 public:
  explicit Xz(Compressed input) : Decompressor(std::move(input)) {
    if (lzma_stream_decoder(&stream_, kMemoryLimit, LZMA_CONCATENATED) != LZMA_OK)
      throw TraceError("no memory for xz data");
  }
  ~Xz() override { lzma_end(&stream_); }
  Xz(const Xz&) = delete;
  Xz& operator=(const Xz&) = delete;

  size_t read(std::span<uint8_t> room) override {
    stream_.next_out = room.data();
    stream_.avail_out = room.size();
    while (!ended_ && stream_.avail_out == room.size()) {
      const auto bytes = input().unused();
      stream_.next_in = bytes.data();
      stream_.avail_in = bytes.size();
      const lzma_ret answer = lzma_code(&stream_, bytes.empty() ? LZMA_FINISH : LZMA_RUN);
      input().use(bytes.size() - stream_.avail_in);
      ended_ = answer == LZMA_STREAM_END;
      if (!ended_ && answer != LZMA_OK) throw TraceError(what(answer));
    }
    return room.size() - stream_.avail_out;
  }

 private:
  static std::string what(lzma_ret answer) {
    if (answer == LZMA_BUF_ERROR) return "the xz data are cut short";
    if (answer == LZMA_MEMLIMIT_ERROR) return "the xz data need more than 512 MiB to decompress";
    return "the xz data are damaged";
  }

  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool ended_ = false;
};

class Gzip final : public Decompressor {
 public:
  explicit Gzip(Compressed input) : Decompressor(std::move(input)) {
    constexpr int kGzipOnly = 16;  // zlib.h, inflateInit2
    if (inflateInit2(&stream_, kGzipOnly + MAX_WBITS) != Z_OK) throw TraceError("no memory for gzip data");
  }
  ~Gzip() override { inflateEnd(&stream_); }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  size_t read(std::span<uint8_t> room) override {
    const auto bytes_of_room = static_cast<uInt>(std::min<size_t>(room.size(), 1u << 30));
    stream_.next_out = room.data();
    stream_.avail_out = bytes_of_room;
    while (stream_.avail_out == bytes_of_room) {
      const auto bytes = input().unused();
      if (bytes.empty()) {
        if (between_members_) return 0;
        throw TraceError("the gzip data are cut short");
      }
      between_members_ = false;
      stream_.next_in = const_cast<Bytef*>(bytes.data());  // zlib does not write there
      stream_.avail_in = static_cast<uInt>(bytes.size());
      const int answer = inflate(&stream_, Z_NO_FLUSH);
      input().use(bytes.size() - stream_.avail_in);
      if (answer == Z_STREAM_END) {
        inflateReset(&stream_);
        between_members_ = true;
      } else if (answer != Z_OK && answer != Z_BUF_ERROR) {
        throw TraceError("the gzip data are damaged");
      }
    }
    return bytes_of_room - stream_.avail_out;
  }

 private:
  z_stream stream_{};
  bool between_members_ = false;
};

class Zstandard final : public Decompressor {
 public:
  explicit Zstandard(Compressed input) : Decompressor(std::move(input)), stream_(ZSTD_createDStream()) {
    if (!stream_) throw TraceError("no memory for Zstandard data");
  }

  size_t read(std::span<uint8_t> room) override {
    ZSTD_outBuffer out{room.data(), room.size(), 0};
    while (out.pos == 0) {
      const auto bytes = input().unused();
      if (bytes.empty()) {
        if (between_frames_) return 0;
        // What the library still holds comes out without new input.
        ZSTD_inBuffer none{nullptr, 0, 0};
        decode(out, none);
        if (out.pos == 0 && !between_frames_) throw TraceError("the Zstandard data are cut short");
        continue;
      }
      ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
      decode(out, in);
      input().use(in.pos);
    }
    return out.pos;
  }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
  };

  void decode(ZSTD_outBuffer& out, ZSTD_inBuffer& in) {
    const size_t answer = ZSTD_decompressStream(stream_.get(), &out, &in);
    if (ZSTD_isError(answer))
      throw TraceError(std::string("the Zstandard data are damaged: ") + ZSTD_getErrorName(answer));
    between_frames_ = answer == 0;
  }

  std::unique_ptr<ZSTD_DStream, Free> stream_;
  bool between_frames_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> decompress(std::unique_ptr<ByteSource> inner) {
  std::vector<uint8_t> begun(kLongestMagic);
  size_t got = 0;
  while (got < begun.size()) {
    const size_t more = inner->read(std::span(begun).subspan(got));
    if (more == 0) break;
    got += more;
  }
  begun.resize(got);
  const std::string_view first(reinterpret_cast<const char*>(begun.data()), begun.size());
  const bool xz = first.starts_with(kXz);
  const bool gzip = first.starts_with(kGzip);
  const bool zstd = first.starts_with(kZstd);
  Compressed input(std::move(inner), std::move(begun));
  if (xz) return std::make_unique<Xz>(std::move(input));
  if (gzip) return std::make_unique<Gzip>(std::move(input));
  if (zstd) return std::make_unique<Zstandard>(std::move(input));
  return std::make_unique<Plain>(std::move(input));
}

}  // namespace faultline::cli
