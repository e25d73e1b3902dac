// Places on the disk at which pages fail, as a user names them
// (disk.fault_sectors, disk.fault_files).
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace faultline::os {

// Both ends are in it.
struct FaultRange {
  uint64_t first = 0;
  uint64_t last = ~uint64_t{0};

  bool meets(uint64_t begin, uint64_t count) const { return begin <= last && first - std::min(first, begin) < count; }
};

struct FaultFile {
  std::string path;  // or the end of one, that begins behind a slash
  FaultRange bytes;
};

namespace fault_places_detail {

// Calls `take` for each piece between commas; false as soon as it is.
template <class Take>
bool for_each_piece(std::string_view text, Take take) {
  while (!text.empty()) {
    const size_t comma = text.find(',');
    std::string_view piece = text.substr(0, comma);
    while (piece.starts_with(' ')) piece.remove_prefix(1);
    while (piece.ends_with(' ')) piece.remove_suffix(1);
    if (!take(piece)) return false;
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
    if (text.empty()) return false;
  }
  return true;
}

inline bool parse_number(std::string_view text, uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return !text.empty() && error == std::errc{} && end == text.data() + text.size();
}

inline bool parse_range(std::string_view text, FaultRange& range) {
  const size_t dash = text.find('-');
  if (!parse_number(text.substr(0, dash), range.first)) return false;
  range.last = range.first;
  if (dash == std::string_view::npos) return true;
  return parse_number(text.substr(dash + 1), range.last) && range.last >= range.first;
}

// What may stand in TOML between quotes.
inline bool is_plain(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    return c == '"' || c == '\\' || static_cast<unsigned char>(c) < ' ' || c == '\x7f';
  });
}

}  // namespace fault_places_detail

// "100-107,4096". False: it is nothing of the kind.
inline bool parse_fault_sectors(std::string_view text, std::vector<FaultRange>& sectors) {
  namespace detail = fault_places_detail;
  return detail::for_each_piece(
      text, [&](std::string_view piece) { return detail::parse_range(piece, sectors.emplace_back()); });
}

// "data.bin:8192-12287,lib/libm.so.6".
inline bool parse_fault_files(std::string_view text, std::vector<FaultFile>& files) {
  namespace detail = fault_places_detail;
  return detail::for_each_piece(text, [&](std::string_view piece) {
    FaultFile& file = files.emplace_back();
    const size_t colon = piece.rfind(':');
    file.path = piece.substr(0, colon);
    if (file.path.empty() || !detail::is_plain(piece)) return false;
    return colon == std::string_view::npos || detail::parse_range(piece.substr(colon + 1), file.bytes);
  });
}

inline bool are_fault_sectors(std::string_view text) {
  std::vector<FaultRange> sectors;
  return parse_fault_sectors(text, sectors);
}

inline bool are_fault_files(std::string_view text) {
  std::vector<FaultFile> files;
  return parse_fault_files(text, files);
}

}  // namespace faultline::os
