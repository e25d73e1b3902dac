// The report's second half: faults, memory, swap, files, processes.
#pragma once

#include "cli/report/report_text.h"
#include "cli/report/statistics.h"

namespace faultline::cli {

// As Denning has it (The working set model for program behavior, 1968): more time
// is spent on waiting for pages than on work, and what was waited for had just been
// put out: on the average each page on swap came back more than once.
bool thrashing(const RunStatistics& statistics);

void add_memory_sections(const RunStatistics& statistics, ReportText& text);

}  // namespace faultline::cli
