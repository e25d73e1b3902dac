// What one translation came to.
#pragma once

#include <cstdint>

#include "hw/base/types.h"

namespace faultline::hw {

struct Translation {
  enum class Status : uint8_t { ok, page_fault, access_fault };
  Status status = Status::ok;
  PhysAddr address{};
};

}  // namespace faultline::hw
