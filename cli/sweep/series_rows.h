// The rows of --series as records, as they stand beside a point's statistics.
#pragma once

#include <string>
#include <string_view>

#include "cli/sweep/expression.h"

namespace faultline::cli {

// A list of objects, one for each row. UserError, one line, for more rows than
// a chart can show, and for what is no such file.
Json series_rows(std::string_view csv);

// The document with the list `series` before its end.
std::string with_series(const std::string& statistics, std::string_view csv);

}  // namespace faultline::cli
