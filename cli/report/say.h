// What faultline itself says on standard error, one line at a time.
#pragma once

#include <string>
#include <string_view>

namespace faultline::cli {

// Names that a guest or a command line chose, safe for a line and a terminal:
// control characters and what is no UTF-8 become '?'.
std::string printable(std::string_view text);

// The beginning of such a text, with "..." behind it where it is long: what a
// message quotes must not fill the screen.
std::string clipped(std::string_view text);

// "faultline: " and the line. Nothing happens where standard error is closed
// or full; fmt::print would throw.
void say(std::string_view line);

}  // namespace faultline::cli
