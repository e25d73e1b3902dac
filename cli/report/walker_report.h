// What the page-walk caches and the nested tables did.
#pragma once

#include <string>
#include <vector>

#include "cli/report/report_text.h"
#include "cli/report/statistics.h"

namespace faultline::cli {

void add_walker_lines(const RunStatistics& statistics, ReportText& text);

// Reads of a walk that nothing makes shorter: all levels, and under nested
// translation the host's tables for each and for the page.
uint64_t longest_walk(const RunStatistics& statistics);

// One line for each broken invariant.
void check_walker(const RunStatistics& statistics, std::vector<std::string>& broken);

}  // namespace faultline::cli
