// The text report: what a run did and where its cycles went, for a reader who
// is learning it. Sections in which nothing happened are left out.
#pragma once

#include <string>

#include "cli/report/layout.h"
#include "cli/report/statistics.h"

namespace faultline::cli {

std::string text_report(const RunStatistics& statistics, const ReportStyle& style);

// The line about a process that died of an instruction of its own.
std::string crash_line(const CrashRecord& crash);

// "SIGSEGV"; "signal 40" for those without a name.
std::string signal_name(int signal);

}  // namespace faultline::cli
