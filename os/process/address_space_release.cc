#include "os/process/address_space_release.h"

#include <algorithm>
#include <utility>

#include "os/kernel.h"
#include "os/memory/address_space.h"

namespace faultline::os {

void release_space(Kernel& kernel, Process& process) {
  if (process.space) {
    process.usage.peak_resident_pages =
        std::max(process.usage.peak_resident_pages, process.space->peak_resident_pages());
    // Also when others share it: whoever frees it at last need not ask.
    kernel.scheduler().retire(*process.space);
    process.space.reset();
  }
  process.signal_trampoline = 0;
  if (Process* const parent = std::exchange(process.vfork_parent, nullptr)) {
    parent->vfork_child = 0;
    parent->child_events.wake_all();
  }
}

}  // namespace faultline::os
