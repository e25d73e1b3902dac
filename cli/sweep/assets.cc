#include "cli/sweep/assets.h"

#include <cstddef>

// Made in assets.S: the first byte of each file, and the one behind its last.
extern "C" {
extern const char faultline_page_style[], faultline_page_style_end[];
extern const char faultline_page_script[], faultline_page_script_end[];
extern const char faultline_chart_library[], faultline_chart_library_end[];
extern const char faultline_chart_licence[], faultline_chart_licence_end[];
}

namespace faultline::cli {
namespace {

std::string_view between(const char* begin, const char* end) { return {begin, static_cast<size_t>(end - begin)}; }

}  // namespace

std::string_view page_style() { return between(faultline_page_style, faultline_page_style_end); }
std::string_view page_script() { return between(faultline_page_script, faultline_page_script_end); }
std::string_view chart_library() { return between(faultline_chart_library, faultline_chart_library_end); }
std::string_view chart_licence() { return between(faultline_chart_licence, faultline_chart_licence_end); }

}  // namespace faultline::cli
