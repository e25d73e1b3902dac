#include "os/syscall/populate.h"

#include "os/kernel.h"
#include "os/process/scheduler.h"

namespace faultline::os {

Co<FaultReply::Kind> populate(SyscallContext& call, uint64_t start, uint64_t end, Populate which, OnFailure then) {
  // The process keeps it while this call sleeps: it runs no exec meanwhile.
  AddressSpace& space = *call.task.process().space;
  Scheduler& scheduler = call.kernel.scheduler();
  FaultProgress progress{.kernel = true};
  for (uint64_t at = start; at < end;) {
    if (call.task.dying()) co_return FaultReply::Kind::out_of_memory;
    const FaultReply reply = space.populate(at, end, which, progress);
    if (reply.kind == FaultReply::Kind::must_sleep) {
      co_await reply.queue->sleep();
      continue;
    }
    if (!reply.resolved()) {
      if (then == OnFailure::report || reply.kind == FaultReply::Kind::out_of_memory) co_return reply.kind;
      at = space.find_area(VirtAddr(at))->end;
      progress = {.kernel = true};
    }
    if (scheduler.take_interrupts()) co_await scheduler.step_aside();
  }
  co_return FaultReply::Kind::resolved;
}

}  // namespace faultline::os
