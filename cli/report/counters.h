// The statistics that only ever grow: the difference of two moments of a run
// is what happened between them. Gauges and peaks are not among them.
#pragma once

#include "cli/report/statistics.h"

namespace faultline::cli {

// `into` and `from` are of the same machine; an empty `into` counts as zero.
void add_counters(RunStatistics& into, const RunStatistics& more);
void subtract_counters(RunStatistics& from, const RunStatistics& less);
// Makes a difference of two moments of a run one that could have been counted: no account below zero, every sum as
// it was, no system call that was not made.
void settle_difference(RunStatistics& difference);
// Sets the counters of `to`, and leaves its gauges.
void copy_counters(RunStatistics& to, const RunStatistics& from);

}  // namespace faultline::cli
