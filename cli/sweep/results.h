// What a finished sweep leaves for people and scripts: results.csv,
// results.json and report.html.
#pragma once

#include <string>
#include <vector>

#include "cli/sweep/points.h"
#include "cli/sweep/result_store.h"

namespace faultline::cli {

// Writes the three files into `folder`; a file appears whole or not at all.
// Points without a result are left out. UserError when one cannot be written.
void write_results(const Study& study, const std::vector<Point>& points, const ResultStore& store,
                   const std::string& folder);

// One field of RFC 4180.
std::string csv_field(const std::string& text);

}  // namespace faultline::cli
