// Numbers and tables as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace faultline::cli {

// How the terminal that reads the report is.
struct ReportStyle {
  unsigned width = 80;   // columns
  bool colour = false;   // ANSI colours
  bool unicode = false;  // block characters for bars; else '#'
};

std::string with_commas(uint64_t number);            // 1234567 -> "1,234,567"
std::string rounded(double number);                  // 1234567 -> "1.23 million"
std::string bytes_for_people(double bytes);          // 1536 -> "1.5 KB"; powers of 1024
std::string time_for_people(double seconds);         // 0.00123 -> "1.23 ms"
std::string percent(uint64_t part, uint64_t whole);  // "12.3 %"; "0" and "<0.1 %" at the low end

// "1 page", "2 pages".
std::string counted(uint64_t number, std::string_view noun);

// A bar of `fraction` (0 to 1) of `columns`; never empty for more than nothing.
std::string bar(double fraction, unsigned columns, bool unicode);

// Rows under a header; the first column is left-aligned, the others right.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  // Every line indented by two, with a newline.
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace faultline::cli
