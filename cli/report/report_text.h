// The report while it is being written: sections that appear with their first
// line only, in the terminal's style.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "cli/report/layout.h"

namespace faultline::cli {

class ReportText {
 public:
  explicit ReportText(const ReportStyle& style) : style_(style) {}

  const ReportStyle& style() const { return style_; }

  // A heading; dropped when nothing follows before the next.
  void section(std::string_view title);

  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    add("  " + fmt::format(format, std::forward<Args>(args)...) + "\n");
  }

  // A line that the eye should find first.
  template <class... Args>
  void strong(fmt::format_string<Args...> format, Args&&... args) {
    add("  " + paint(kBold, fmt::format(format, std::forward<Args>(args)...)) + "\n");
  }

  // Set off by an empty line.
  void table(const Table& table) { add("\n" + table.text()); }

  // `head`, a bar in a field of `columns`, and a remark.
  void bar_line(std::string_view head, std::string_view drawn, unsigned columns, std::string_view remark);

  std::string finish() const { return text_; }

 private:
  static constexpr std::string_view kBold = "1";
  static constexpr std::string_view kBlue = "34";
  static constexpr std::string_view kDim = "2";

  void add(std::string_view line);
  std::string paint(std::string_view code, std::string_view text) const;

  ReportStyle style_;
  std::string pending_;  // heading without a line yet
  std::string text_;
};

}  // namespace faultline::cli
