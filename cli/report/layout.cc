#include "cli/report/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace faultline::cli {

std::string with_commas(uint64_t number) {
  std::string digits = std::to_string(number);
  for (size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, 1, ',');
  return digits;
}

std::string rounded(double number) {
  struct Scale {
    double unit;
    const char* name;
  };
  constexpr std::array<Scale, 3> kScales = {{{1e12, "trillion"}, {1e9, "billion"}, {1e6, "million"}}};
  for (const Scale& scale : kScales) {
    if (number >= scale.unit) return fmt::format("{:.4g} {}", number / scale.unit, scale.name);
  }
  return with_commas(static_cast<uint64_t>(number));
}

std::string bytes_for_people(double bytes) {
  constexpr std::array<const char*, 6> kUnits = {"bytes", "KB", "MB", "GB", "TB", "PB"};
  size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < kUnits.size(); ++unit) bytes /= 1024;
  return fmt::format("{:.4g} {}", bytes, kUnits[unit]);
}

std::string time_for_people(double seconds) {
  struct Scale {
    double unit;
    const char* name;
  };
  constexpr std::array<Scale, 4> kScales = {{{1, "s"}, {1e-3, "ms"}, {1e-6, "us"}, {1e-9, "ns"}}};
  for (const Scale& scale : kScales) {
    if (seconds >= scale.unit) return fmt::format("{:.4g} {}", seconds / scale.unit, scale.name);
  }
  return "0 s";
}

std::string percent(uint64_t part, uint64_t whole) {
  if (part == 0 || whole == 0) return "0";
  const double value = 100.0 * static_cast<double>(part) / static_cast<double>(whole);
  return value < 0.05 ? "<0.1 %" : fmt::format("{:.1f} %", value);
}

std::string counted(uint64_t number, std::string_view noun) {
  return fmt::format("{} {}{}", with_commas(number), noun, number == 1 ? "" : "s");
}

std::string bar(double fraction, unsigned columns, bool unicode) {
  // Eighths of a column where the terminal has characters for them.
  constexpr std::array<const char*, 8> kEighths = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const double exact = std::clamp(fraction, 0.0, 1.0) * columns;
  if (exact <= 0) return "";
  std::string text;
  if (!unicode) {
    const auto whole = static_cast<unsigned>(std::lround(exact));
    return whole == 0 ? "." : std::string(whole, '#');
  }
  const auto eighths = std::max(1u, static_cast<unsigned>(std::lround(exact * 8)));
  for (unsigned i = 0; i < eighths / 8; ++i) text += "█";
  return text + kEighths[eighths % 8];
}

std::string Table::text() const {
  std::vector<size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line = "  ";
    for (size_t i = 0; i < row.size(); ++i) {
      line += i == 0 ? fmt::format("{:<{}}", row[i], widths[i]) : fmt::format("  {:>{}}", row[i], widths[i]);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

}  // namespace faultline::cli
