#include "os/process/address_space_release.h"

#include <algorithm>
#include <utility>

#include "os/kernel.h"
#include "os/memory/address_space.h"
#include "os/memory/user_memory.h"
#include "os/process/futex.h"
#include "os/process/robust_list.h"

namespace faultline::os {

namespace {

Co<> clear_tid(Kernel& kernel, Task& task) {
  const uint64_t address = std::exchange(task.clear_child_tid, 0);
  const bool shared = task.process().space.use_count() > 1 || task.process().live_tasks() > 1;
  if (address == 0 || !shared) co_return;
  UserMemory user = kernel.user_memory(task);
  const Result<> done = co_await user.put(VirtAddr(address), int32_t{0});
  if (done.ok()) kernel.futexes().wake(*task.process().space, VirtAddr(address), 1, FutexTable::kAnyBit);
}

}  // namespace

Co<> leave_memory(Kernel& kernel, Task& task) {
  co_await give_up_robust_locks(kernel, task);
  co_await clear_tid(kernel, task);
  kernel.futexes().owner_ended(static_cast<uint32_t>(task.tid()));
}

void release_space(Kernel& kernel, Process& process) {
  if (process.space) {
    process.collect_faults(*process.space);
    process.usage.peak_resident_pages =
        std::max(process.usage.peak_resident_pages, process.space->peak_resident_pages());
    // Also when others share it: whoever frees it at last need not ask.
    kernel.scheduler().retire(*process.space);
    process.space.reset();
  }
  process.signal_trampoline = 0;
  if (Task* const parent = std::exchange(process.vfork_parent, nullptr)) {
    parent->vfork_child = 0;
    parent->process().child_events.wake_all();
  }
}

}  // namespace faultline::os
