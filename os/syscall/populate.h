// Making the pages of a range present, for whoever asked that they be
// (MAP_POPULATE) or stay (mlock).
#pragma once

#include <cstdint>

#include "os/memory/address_space.h"
#include "os/process/co.h"
#include "os/syscall/syscall.h"

namespace faultline::os {

enum class OnFailure : uint8_t {
  report,
  go_on,  // with the next area, but for want of memory
};

// How it ended: resolved, or what forbade it. Gives others their turn on the way.
// A process that is to end gets out_of_memory.
Co<FaultReply::Kind> populate(SyscallContext& call, uint64_t start, uint64_t end, Populate which, OnFailure then);

}  // namespace faultline::os
