#include "cli/sweep/series_rows.h"

#include <fmt/format.h>

#include "cli/config/user_error.h"
#include "cli/config/value.h"
#include "cli/report/series_columns.h"

namespace faultline::cli {
namespace {

constexpr size_t kMostRows = 100'000;

std::string_view take_until(std::string_view& text, char end) {
  const std::string_view part = text.substr(0, text.find(end));
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return part;
}

}  // namespace

Json series_rows(std::string_view csv) {
  take_until(csv, '\n');  // the names
  Json rows = Json::array();
  while (!csv.empty()) {
    if (rows.size() == kMostRows)
      throw UserError(
          fmt::format("the time series has more than {} rows: choose a longer observe.interval", kMostRows));
    std::string_view line = take_until(csv, '\n');
    Json row = Json::object();
    for (const char* column : kSeriesColumns) {
      const std::optional<uint64_t> number = parse_number(take_until(line, ','));
      if (!number) throw UserError("the time series is damaged");
      row[column] = *number;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string with_series(const std::string& statistics, std::string_view csv) {
  const size_t end = statistics.rfind('}');
  if (end == std::string::npos) return statistics;
  return fmt::format("{},\"series\":{}}}\n", statistics.substr(0, end), series_rows(csv).dump());
}

}  // namespace faultline::cli
