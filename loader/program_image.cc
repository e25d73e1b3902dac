#include "loader/program_image.h"

#include <fmt/format.h>

#include <cerrno>

namespace faultline::loader {

int LoadError::error_number() const {
  switch (failure) {
    case Failure::not_executable:
      return ENOEXEC;
    case Failure::invalid:
      return EINVAL;
    case Failure::truncated:
      return EIO;
    case Failure::arguments_too_long:
      return E2BIG;
  }
  return ENOEXEC;
}

Expected<ProgramImage> ProgramImage::placed_at(uint64_t bias, const AddressLimits& limits) const {
  const uint64_t first = limits.page.round_down(begin().value);
  if (end().value > limits.user_end.value || bias > limits.user_end.value - end().value ||
      first + bias < limits.user_begin.value)
    return LoadError{Failure::invalid,
                     fmt::format("segments {:#x} to {:#x} moved up by {:#x} leave user space, {:#x} "
                                 "to {:#x}",
                                 begin().value, end().value, bias, limits.user_begin.value, limits.user_end.value)};
  ProgramImage moved = *this;
  for (Segment& segment : moved.segments) segment.address += bias;
  moved.entry += bias;
  if (moved.program_headers) *moved.program_headers += bias;
  return moved;
}

}  // namespace faultline::loader
