#include "cli/report/report_text.h"

#include <algorithm>

namespace faultline::cli {
namespace {

// Columns of UTF-8 text in which every character takes one.
size_t columns_of(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

void ReportText::section(std::string_view title) { pending_ = paint(kBold, title); }

void ReportText::bar_line(std::string_view head, std::string_view drawn, unsigned columns, std::string_view remark) {
  const size_t used = columns_of(drawn);
  const std::string padding(columns > used ? columns - used : 0, ' ');
  add(fmt::format("  {}{}{} {}\n", head, paint(kBlue, drawn), padding, paint(kDim, remark)));
}

void ReportText::add(std::string_view line) {
  if (!pending_.empty()) {
    text_ += (text_.empty() ? "" : "\n") + pending_ + "\n";
    pending_.clear();
    if (line.starts_with('\n')) line.remove_prefix(1);  // nothing to set off from
  }
  text_ += line;
}

std::string ReportText::paint(std::string_view code, std::string_view text) const {
  if (!style_.colour || text.empty()) return std::string(text);
  return fmt::format("\033[{}m{}\033[0m", code, text);
}

}  // namespace faultline::cli
