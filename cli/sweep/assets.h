// Files that travel inside the command for report.html (assets.S).
#pragma once

#include <string_view>

namespace faultline::cli {

std::string_view page_style();     // page/page.css
std::string_view page_script();    // page/page.js
std::string_view chart_library();  // the charting library, one script
std::string_view chart_licence();  // its licence and those of its parts

}  // namespace faultline::cli
