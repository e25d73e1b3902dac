// Making the pages of a range present, for whoever asked that they be
// (MAP_POPULATE) or stay (mlock).
#pragma once

#include <cstdint>

#include "os/memory/address_space.h"
#include "os/process/co.h"
#include "os/syscall/syscall.h"

namespace faultline::os {

enum class OnFailure : uint8_t {
  report,  // EFAULT where a page may not be touched or has none; ENOMEM without memory
  go_on,   // with the next area
};

// Gives others their turn on the way. EINTR when the process is to end.
Co<Result<>> populate(SyscallContext& call, uint64_t start, uint64_t end, Populate which, OnFailure then);

}  // namespace faultline::os
