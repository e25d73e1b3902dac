#include "cli/trace/compact_reader.h"

#include <algorithm>
#include <string_view>

namespace faultline::cli {

CompactReader::CompactReader(TraceInput& input) : input_(input) {
  const auto begin = input.window(kCompactMagic.size());
  const std::string_view magic(reinterpret_cast<const char*>(begin.data()),
                               std::min(begin.size(), kCompactMagic.size()));
  if (magic != kCompactMagic) {
    const bool other = magic.size() == kCompactMagic.size() &&
                       magic.substr(0, magic.size() - 1) == kCompactMagic.substr(0, kCompactMagic.size() - 1);
    input.fail_at(0, other ? "a recording of another version of faultline's format" : "not a recording of faultline's");
  }
  input.advance(kCompactMagic.size());
  header_.paging = text();
  header_.page_bytes = number();
  header_.memory_bytes = number();
  header_.clock_mhz = number();
  header_.program = text();
  record_ = input.offset();
}

// LEB128; a value of more than 64 bits is damage.
uint64_t CompactReader::varint(const uint8_t*& at) const {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const uint8_t byte = *at++;
    value |= uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) {
      if (shift == 63 && byte > 1) break;
      return value;
    }
  }
  fail("a number of more than 64 bits");
}

Asid CompactReader::asid(const uint8_t*& at) const {
  constexpr uint64_t kReserved = 0xFFFF;
  const uint64_t value = varint(at);
  if (value >= kReserved) fail("no address-space identifier is so large");
  return static_cast<Asid>(value);
}

// In the header, where nothing is behind for sure.
uint64_t CompactReader::number() {
  const auto window = input_.window(kMargin);
  std::array<uint8_t, kMargin> bytes{};
  std::copy_n(window.begin(), std::min(window.size(), bytes.size()), bytes.begin());
  record_ = input_.offset();
  const uint8_t* at = bytes.data();
  const uint64_t value = varint(at);
  const auto length = static_cast<size_t>(at - bytes.data());
  if (length > window.size()) input_.fail_at(record_ + window.size(), "the recording is cut short");
  input_.advance(length);
  return value;
}

std::string CompactReader::text() {
  const uint64_t length = number();
  if (length > kLongestText) input_.fail_at(record_, "a text of more than 4096 bytes");
  const auto window = input_.window(static_cast<size_t>(length));
  if (window.size() < length) input_.fail_at(input_.offset() + window.size(), "the recording is cut short");
  std::string text(window.begin(), window.begin() + static_cast<std::ptrdiff_t>(length));
  input_.advance(text.size());
  return text;
}

void CompactReader::require_end() {
  if (!input_.window().empty()) input_.fail_at(input_.offset(), "bytes after the end of the recording");
}

}  // namespace faultline::cli
