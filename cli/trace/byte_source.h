// Where a trace's bytes come from: a file, a pipe or memory, compressed or not.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace faultline::cli {

class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // Fills the front of `room`, which is not empty; 0 at the end alone.
  // Throws TraceError, without the file's name.
  virtual size_t read(std::span<uint8_t> room) = 0;

  // Bytes of the file behind it that are used up, and all of it: for a progress
  // bar. 0 where unknown, as of a pipe.
  virtual uint64_t position() const { return 0; }
  virtual uint64_t length() const { return 0; }
};

// A file of the host, or standard input for "-". Throws TraceError, the whole
// line, when it cannot be opened. A read that a signal interrupts is where the
// file ends if `stop` is set by then; it may be null.
std::unique_ptr<ByteSource> open_file(const std::string& path, const std::atomic<bool>* stop = nullptr);

// What `bytes` hold; they must outlive it.
std::unique_ptr<ByteSource> read_memory(std::span<const uint8_t> bytes);

// What `inner` holds, decompressed where its first bytes are those of xz, gzip
// or Zstandard (several one after another too), else as it is. Works through
// buffers of fixed size, however much comes out. Ends with an error where the
// compressed data are damaged or cut short.
std::unique_ptr<ByteSource> decompress(std::unique_ptr<ByteSource> inner);

}  // namespace faultline::cli
