// A mistake of the user's: one line that names what is at fault, status 2.
#pragma once

#include <stdexcept>
#include <string>

namespace faultline::cli {

// what() is the whole line without the leading "faultline: " and without a
// newline. Thrown only before the simulation begins.
class UserError : public std::runtime_error {
 public:
  explicit UserError(const std::string& line) : std::runtime_error(line) {}
};

}  // namespace faultline::cli
