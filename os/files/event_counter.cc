#include "os/files/event_counter.h"

#include <cerrno>
#include <utility>

#include "os/config.h"
#include "os/cpu.h"
#include "os/files/open_file.h"
#include "os/files/tree_services.h"
#include "os/memory/user_memory.h"

namespace faultline::os {

EventCounter::EventCounter(TreeServices& services, const Mount& mount, uint64_t number, Attributes given,
                           uint64_t first, bool semaphore)
    : Inode(mount, InodeType::unnamed, number, given),
      services_(services),
      sleepers_(services.executor),
      count_(first),
      semaphore_(semaphore) {}

void EventCounter::changed() {
  ++changes_;
  sleepers_.wake_all();
  services_.poll_changes.wake_all();
}

Co<Result<uint64_t>> EventCounter::read(IoContext& io, OpenFile& file, uint64_t, VirtAddr to, uint64_t bytes) {
  io.cpu.charge(Cycles(io.costs.pipe));
  if (bytes < sizeof(count_)) co_return Errno{EINVAL};
  while (count_ == 0) {
    if (file.nonblocking()) co_return Errno{EAGAIN};
    const Wake wake = co_await io.sleeper.sleep(sleepers_);
    if (wake == Wake::interrupted) co_return kInterruptedBySignal;
  }
  // Gone also where it cannot be delivered (Linux, eventfd_read).
  const uint64_t taken = semaphore_ ? 1 : count_;
  count_ -= taken;
  changed();
  auto put = co_await io.user.put(to, taken);
  if (!put) co_return put.error();
  co_return sizeof(taken);
}

Co<Result<uint64_t>> EventCounter::write(IoContext& io, OpenFile& file, uint64_t&, VirtAddr from, uint64_t bytes) {
  io.cpu.charge(Cycles(io.costs.pipe));
  if (bytes < sizeof(count_)) co_return Errno{EINVAL};
  auto more = co_await io.user.get<uint64_t>(from);
  if (!more) co_return more.error();
  if (*more > kMost) co_return Errno{EINVAL};
  while (*more > kMost - count_) {
    if (file.nonblocking()) co_return Errno{EAGAIN};
    const Wake wake = co_await io.sleeper.sleep(sleepers_);
    if (wake == Wake::interrupted) co_return kInterruptedBySignal;
  }
  count_ += *more;
  changed();
  co_return sizeof(count_);
}

uint32_t EventCounter::poll(const OpenFile&) const {
  return (count_ > 0 ? uint32_t{kPollIn} : 0u) | (count_ < kMost ? uint32_t{kPollOut} : 0u);
}

}  // namespace faultline::os
