// What a machine without paging counted, as JSON and for people.
#pragma once

#include <nlohmann/json.hpp>

#include "cli/report/report_text.h"
#include "cli/report/statistics.h"

namespace faultline::cli {

nlohmann::ordered_json early_json(const EarlyRun& early);
// Nothing where there is paging.
void add_early_section(const RunStatistics& statistics, ReportText& text);

}  // namespace faultline::cli
