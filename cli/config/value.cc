#include "cli/config/value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace faultline::cli {
namespace {

struct Suffix {
  char letter;
  unsigned shift;
};
constexpr std::array<Suffix, 4> kSuffixes = {{{'T', 40}, {'G', 30}, {'M', 20}, {'K', 10}}};

}  // namespace

std::optional<uint64_t> parse_number(std::string_view text) {
  if (text.starts_with('_') || text.ends_with('_') || text.find("__") != std::string_view::npos) return std::nullopt;
  std::string digits(text);
  std::erase(digits, '_');
  uint64_t number = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

std::optional<Numbers> parse_numbers(std::string_view text) {
  const auto trim = [](std::string_view part) {
    part.remove_prefix(std::min(part.find_first_not_of(' '), part.size()));
    return part.substr(0, part.find_last_not_of(' ') + 1);
  };
  text = trim(text);
  if (text.starts_with('[') && text.ends_with(']')) text = trim(text.substr(1, text.size() - 2));
  Numbers numbers;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::optional<uint64_t> number = parse_number(trim(text.substr(0, comma)));
    if (!number || comma == text.size() - 1) return std::nullopt;
    numbers.push_back(*number);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return numbers;
}

std::optional<uint64_t> parse_size(std::string_view text) {
  unsigned shift = 0;
  for (const Suffix& suffix : kSuffixes) {
    const char lower = static_cast<char>(suffix.letter - 'A' + 'a');
    if (text.empty() || (text.back() != suffix.letter && text.back() != lower)) continue;
    shift = suffix.shift;
    text.remove_suffix(1);
    break;
  }
  const std::optional<uint64_t> number = parse_number(text);
  if (!number || *number > (~uint64_t{0} >> shift)) return std::nullopt;
  return *number << shift;
}

std::string format_size(uint64_t bytes) {
  for (const Suffix& suffix : kSuffixes) {
    const uint64_t unit = uint64_t{1} << suffix.shift;
    if (bytes != 0 && bytes % unit == 0) return std::to_string(bytes / unit) + suffix.letter;
  }
  return std::to_string(bytes);
}

std::optional<bool> parse_boolean(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, bool>, 8> kWords = {{{"true", true},
                                                                        {"false", false},
                                                                        {"on", true},
                                                                        {"off", false},
                                                                        {"yes", true},
                                                                        {"no", false},
                                                                        {"1", true},
                                                                        {"0", false}}};
  for (const auto& [word, value] : kWords) {
    if (text == word) return value;
  }
  return std::nullopt;
}

size_t edit_distance(std::string_view from, std::string_view to) {
  std::vector<size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < from.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < to.size(); ++j) {
      const size_t replace = diagonal + (from[i] != to[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replace, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace faultline::cli
