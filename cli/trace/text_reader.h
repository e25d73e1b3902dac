// What readers of text traces share: lines out of big windows, numbers out of lines.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "cli/trace/trace_reader.h"

namespace faultline::cli {

// The rest of one line; it ends before the newline.
struct Line {
  const char* at;
  const char* end;

  bool empty() const { return at == end; }
  bool skip(char c) {
    if (at == end || *at != c) return false;
    ++at;
    return true;
  }
  void skip_blanks() {
    while (at != end && (*at == ' ' || *at == '\t')) ++at;
  }
  bool at_field_end() const { return at == end || *at == ' ' || *at == '\t'; }
};

enum class NumberError : uint8_t { none, no_digit, too_large };

namespace detail {

struct HexDigits {
  int8_t value[256];
  constexpr HexDigits() : value() {
    for (int8_t& v : value) v = -1;
    for (int c = 0; c < 10; ++c) value['0' + c] = static_cast<int8_t>(c);
    for (int c = 0; c < 6; ++c) value['a' + c] = value['A' + c] = static_cast<int8_t>(10 + c);
  }
};
inline constexpr HexDigits kHexDigits;

}  // namespace detail

// Digits as far as they go.
inline NumberError read_hexadecimal(Line& line, uint64_t& value) {
  const char* const begin = line.at;
  uint64_t so_far = 0;
  bool fits = true;
  for (; line.at != line.end; ++line.at) {
    const int digit = detail::kHexDigits.value[static_cast<uint8_t>(*line.at)];
    if (digit < 0) break;
    fits &= so_far >> 60 == 0;
    so_far = so_far << 4 | static_cast<uint64_t>(digit);
  }
  value = so_far;
  if (line.at == begin) return NumberError::no_digit;
  return fits ? NumberError::none : NumberError::too_large;
}

// Saturates: what is too large for a size is too large in any case.
inline NumberError read_decimal(Line& line, uint64_t& value) {
  const char* const begin = line.at;
  uint64_t so_far = 0;
  for (; line.at != line.end && *line.at >= '0' && *line.at <= '9'; ++line.at)
    so_far = std::min<uint64_t>(so_far * 10 + static_cast<uint64_t>(*line.at - '0'), uint64_t{1} << 50);
  value = so_far;
  return line.at == begin ? NumberError::no_digit : NumberError::none;
}

// Checks the reference and puts it into the batch; else says what is wrong.
inline const char* add_reference(std::vector<Reference>& batch, Access access, uint64_t address, uint64_t bytes,
                                 uint64_t position) {
  if (bytes - 1 >= kMaxReferenceBytes)
    return bytes == 0 ? "a reference of no bytes" : "a reference of more than 64 KiB";
  if (address + (bytes - 1) < address) return "a reference beyond the last address";
  batch.push_back({address, position, static_cast<uint32_t>(bytes), access});
  return nullptr;
}

// `parse(Line, line number, batch, records)` puts a line's references into the
// batch and counts its record; it answers null, or what is wrong with the line.
template <auto parse>
class TextReader final : public TraceReader {
 public:
  explicit TextReader(TraceInput& input) : input_(input) {}

  bool read(std::vector<Reference>& batch) override {
    batch.clear();
    if (failure_) fail(line_, failure_);
    while (batch.empty()) {
      std::span<const uint8_t> bytes = input_.window();
      if (bytes.empty()) return false;
      if (std::memchr(bytes.data(), '\n', bytes.size()) == nullptr) {
        bytes = input_.window(kLongestLine + 1);
        if (std::memchr(bytes.data(), '\n', bytes.size()) == nullptr && bytes.size() > kLongestLine)
          fail(line_ + 1, "a line of more than 4096 characters");
      }
      read_lines(bytes, batch);
    }
    return true;
  }

  [[noreturn]] void fail(uint64_t position, const std::string& what) const override {
    input_.fail_in_line(position, what);
  }

 private:
  static constexpr size_t kBatch = 8192;
  static constexpr size_t kLongestLine = 4096;

  // Whole lines, and the last one of the trace though nothing ends it.
  void read_lines(std::span<const uint8_t> bytes, std::vector<Reference>& batch) {
    const char* const begin = reinterpret_cast<const char*>(bytes.data());
    const char* const end = begin + bytes.size();
    const char* at = begin;
    while (at != end && batch.size() < kBatch) {
      const auto* newline = static_cast<const char*>(std::memchr(at, '\n', static_cast<size_t>(end - at)));
      if (newline == nullptr && at != begin) break;
      Line line{at, newline ? newline : end};
      if (line.at != line.end && line.end[-1] == '\r') --line.end;
      ++line_;
      if (const char* wrong = parse(line, line_, batch, records_)) {
        // What came before it is given first.
        if (batch.empty()) fail(line_, wrong);
        failure_ = wrong;
        break;
      }
      at = newline ? newline + 1 : end;
    }
    input_.advance(static_cast<size_t>(at - begin));
  }

  TraceInput& input_;
  uint64_t line_ = 0;
  const char* failure_ = nullptr;
};

}  // namespace faultline::cli
