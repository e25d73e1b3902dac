#include "os/process/timer_file.h"

#include <cerrno>
#include <utility>

#include "os/config.h"
#include "os/files/open_file.h"
#include "os/files/tree_services.h"
#include "os/kernel.h"
#include "os/memory/user_memory.h"
#include "os/process/timer_moment.h"

namespace faultline::os {

TimerFile::TimerFile(Kernel& kernel, const Vfs::Unnamed& place, bool realtime)
    : Inode(place.mount, InodeType::unnamed, place.number, place.attributes),
      kernel_(kernel),
      poll_changes_(place.services.poll_changes),
      readers_(place.services.executor),
      realtime_(realtime) {}

TimerFile::~TimerFile() { kernel_.scheduler().timers().cancel(armed_); }

uint64_t TimerFile::now() const { return realtime_ ? kernel_.clock().realtime() : kernel_.clock().monotonic(); }

void TimerFile::arm() {
  const Cycles when = moment_of(kernel_.clock(), due_, now());
  armed_ = kernel_.scheduler().timers().add(when, [this] { expire(); });
}

// Once it has gone off it waits to be read: what passes meanwhile is counted then.
void TimerFile::expire() {
  armed_ = 0;
  ++expiries_;
  count();
  readers_.wake_all();
  poll_changes_.wake_all();
}

void TimerFile::count() {
  if (due_ == 0 || due_ > now()) return;
  unread_ += interval_ != 0 ? forward(due_, interval_, now()) : 1;
  if (interval_ == 0) due_ = 0;
}

void TimerFile::set(const TimerSetting& given, bool absolute) {
  kernel_.scheduler().timers().cancel(std::exchange(armed_, 0));
  unread_ = 0;
  due_ = 0;
  interval_ = given.interval;
  if (given.remaining == 0) return;
  due_ = absolute ? given.remaining : later(now(), given.remaining);
  arm();
}

TimerSetting TimerFile::get() {
  count();
  return {.interval = interval_, .remaining = due_ > now() ? due_ - now() : 0};
}

Co<Result<uint64_t>> TimerFile::read(IoContext& io, OpenFile& file, uint64_t, VirtAddr to, uint64_t bytes) {
  io.cpu.charge(Cycles(io.costs.pipe));
  if (bytes < sizeof(unread_)) co_return Errno{EINVAL};
  for (count(); unread_ == 0; count()) {
    if (file.nonblocking()) co_return Errno{EAGAIN};
    const Wake wake = co_await io.sleeper.sleep(readers_);
    if (wake == Wake::interrupted) co_return kInterruptedBySignal;
  }
  const uint64_t taken = std::exchange(unread_, 0);
  if (due_ != 0 && armed_ == 0) arm();
  auto put = co_await io.user.put(to, taken);
  if (!put) co_return put.error();
  co_return sizeof(taken);
}

uint32_t TimerFile::poll(const OpenFile&) const {
  return unread_ != 0 || (due_ != 0 && due_ <= now()) ? uint32_t{kPollIn} : 0u;
}

}  // namespace faultline::os
