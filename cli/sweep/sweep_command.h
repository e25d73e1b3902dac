// faultline sweep: from a study's file to results.
#pragma once

#include <optional>
#include <string>

namespace faultline::cli {

struct SweepOptions {
  std::string study;               // the file
  unsigned jobs = 0;               // points at once; 0: one a core
  std::optional<std::string> out;  // default: the study's name with .results, here
  bool resume = false;
};

// The exit status: 0; 1 when a guest did not end as the study expects; 2 when
// a point failed by an error of faultline's; 130 when a signal ended it.
// UserError for every mistake in the study, before any point runs. Changes the
// current directory to the study's.
int sweep_command(const SweepOptions& options);

}  // namespace faultline::cli
