// Pieces of HTML.
#pragma once

#include <string>
#include <string_view>

#include "cli/sweep/figure.h"

namespace faultline::cli {

// Text as it may stand between tags and in attributes.
std::string html(std::string_view text);

// The table below a chart: a column for each series, a row for each place of x;
// for a heat map as the map is drawn.
std::string figure_table(const Figure& figure);

// What the page's script needs to draw the chart; fits into a script element.
std::string figure_data(const Figure& figure);

}  // namespace faultline::cli
