#include "cli/policy/reference_source.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>

#include "cli/config/user_error.h"
#include "cli/report/say.h"
#include "cli/trace/byte_source.h"
#include "cli/trace/trace_error.h"

namespace faultline::cli {
namespace {

// Where a reference stands is a number of 32 bits, and one is not used.
constexpr size_t kMostReferences = UINT32_MAX - 1;
constexpr uint64_t kMostTextBytes = uint64_t{1} << 30;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v' || c == ','; }

uint64_t page_number(std::string_view word, const std::string& where) {
  const bool hexadecimal = word.starts_with("0x") || word.starts_with("0X");
  const std::string_view digits = word.substr(hexadecimal ? 2 : 0);
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, hexadecimal ? 16 : 10);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    throw UserError(fmt::format("{}: \"{}\" is no page number: expected a whole number", where, clipped(word)));
  }
  return value;
}

}  // namespace

NamedReferences parse_references(const std::string& what, std::string_view text) {
  NamedReferences references;
  std::unordered_map<uint64_t, uint32_t> number;
  uint64_t line = 1;
  const bool one_line = text.find('\n') == std::string_view::npos;
  for (size_t at = 0; at < text.size();) {
    if (is_space(text[at])) {
      line += text[at++] == '\n';
    } else if (text[at] == '#') {
      at = std::min(text.find('\n', at), text.size());
    } else {
      size_t end = at;
      while (end < text.size() && !is_space(text[end])) ++end;
      const uint64_t name =
          page_number(text.substr(at, end - at), one_line ? what : fmt::format("{}: line {}", what, line));
      const auto [found, is_new] = number.emplace(name, references.string.distinct);
      if (is_new) {
        ++references.string.distinct;
        references.names.push_back(name);
      }
      references.string.pages.push_back(found->second);
      at = end;
    }
  }
  if (references.string.pages.empty()) throw UserError(what + ": there is no reference in it");
  return references;
}

NamedReferences read_references(const std::string& file) {
  const std::string what = file == "-" ? "standard input" : file;
  std::string text;
  try {
    const std::unique_ptr<ByteSource> source = decompress(open_file(file));
    std::vector<uint8_t> room(64 << 10);
    while (const size_t got = source->read(room)) {
      text.append(reinterpret_cast<const char*>(room.data()), got);
      if (text.size() > kMostTextBytes) throw UserError(what + ": more than 1 GB of text");
    }
  } catch (const TraceError& error) {
    const std::string line = error.what();
    throw UserError(line.starts_with(file) ? line : what + ": " + line);
  }
  return parse_references(what, text);
}

RecordedPages::RecordedPages(CompactReader& reader)
    : reader_(reader), shift_(static_cast<unsigned>(std::countr_zero(reader.header().page_bytes))) {
  if (!std::has_single_bit(reader.header().page_bytes)) reader.fail("the size of a page is no power of two");
}

void RecordedPages::refer(unsigned kind, uint64_t address, uint64_t bytes) {
  const uint64_t last = (address + bytes - 1) >> shift_;
  for (uint64_t page = address >> shift_; page <= last; ++page) {
    const uint64_t key = space_ | (page & ((uint64_t{1} << kPageBits) - 1));
    if (key == before_) continue;
    before_ = key;
    Last& recent = last_[kind];
    if (recent.key != key) {
      const auto [found, is_new] = number_.emplace(key, references_.string.distinct);
      if (is_new) {
        ++references_.string.distinct;
        references_.names.push_back(key);
      }
      recent = {key, found->second};
    }
    if (references_.string.pages.size() >= kMostReferences) reader_.fail("more than 4 294 967 294 references");
    references_.string.pages.push_back(recent.page);
  }
}

}  // namespace faultline::cli
