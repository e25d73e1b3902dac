// What is wrong with a trace: one line that names the file and the line (text)
// or the byte (binary) of the record at fault.
#pragma once

#include <stdexcept>
#include <string>

namespace faultline::cli {

// what() is the whole line without the leading "faultline: " and without a newline.
class TraceError : public std::runtime_error {
 public:
  explicit TraceError(const std::string& line) : std::runtime_error(line) {}
};

}  // namespace faultline::cli
