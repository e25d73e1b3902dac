// The report's second half: faults, memory, swap, files, processes.
#pragma once

#include "cli/report/report_text.h"
#include "cli/report/statistics.h"

namespace faultline::cli {

void add_memory_sections(const RunStatistics& statistics, ReportText& text);

}  // namespace faultline::cli
