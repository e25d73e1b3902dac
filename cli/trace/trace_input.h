// The bytes of a trace as its readers take them: a window that moves forward.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cli/trace/byte_source.h"

namespace faultline::cli {

class TraceInput {
 public:
  // `name` is the file's, for errors.
  TraceInput(std::string name, std::unique_ptr<ByteSource> source);

  // All bytes at hand, at least `wanted` (to kWindowBytes) unless the input ends
  // before. The span holds until the next call.
  std::span<const uint8_t> window(size_t wanted = 1);
  // The first `bytes` of the window are done with.
  void advance(size_t bytes) { begin_ += bytes; }
  // Of the window's first byte, in what decompression gave.
  uint64_t offset() const { return base_ + begin_; }

  const std::string& name() const { return name_; }
  const ByteSource& source() const { return *source_; }

  // Throw TraceError: at a byte of a binary file, at a line of a text.
  [[noreturn]] void fail_at(uint64_t offset, const std::string& what) const;
  [[noreturn]] void fail_in_line(uint64_t line, const std::string& what) const;

  static constexpr size_t kWindowBytes = 1 << 20;

 private:
  std::string name_;
  std::unique_ptr<ByteSource> source_;
  std::vector<uint8_t> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  uint64_t base_ = 0;  // offset of the buffer's first byte
  bool ended_ = false;
};

}  // namespace faultline::cli
