#include "os/process/signal_file.h"

#include <array>
#include <cerrno>

#include "os/config.h"
#include "os/files/open_file.h"
#include "os/files/tree_services.h"
#include "os/kernel.h"
#include "os/memory/user_memory.h"
#include "os/process/signal_delivery.h"

namespace faultline::os {

namespace {

// struct signalfd_siginfo (linux/signalfd.h).
struct Record {
  uint32_t signal = 0;
  int32_t error = 0, code = 0;
  uint32_t pid = 0, uid = 0;
  int32_t descriptor = 0;
  uint32_t timer = 0, band = 0, overruns = 0, trap = 0;
  int32_t status = 0, integer = 0;
  uint64_t pointer = 0, user_time = 0, system_time = 0, address = 0;
  std::array<uint8_t, 48> padding{};
};
static_assert(sizeof(Record) == 128);

constexpr SignalSet kFaults = SignalSet::of(kSigSegv) | SignalSet::of(kSigBus) | SignalSet::of(kSigIll) |
                              SignalSet::of(kSigTrap) | SignalSet::of(kSigFpe);

Record record_of(const SignalInfo& info) {
  Record record;
  record.signal = static_cast<uint32_t>(info.signal);
  record.code = info.code;
  if (info.code > 0 && kFaults.has(info.signal)) {
    record.address = info.address;
    return record;
  }
  const auto first = static_cast<uint32_t>(info.pid);
  (info.code == kCodeTimer ? record.timer : record.pid) = first;
  (info.code == kCodeTimer ? record.overruns : record.uid) = info.uid;
  if (info.signal == kSigChld && info.code > 0) {
    record.status = info.status;
    record.user_time = static_cast<uint64_t>(info.user_ticks);
    record.system_time = static_cast<uint64_t>(info.system_ticks);
  } else {
    record.integer = static_cast<int32_t>(info.value);
    record.pointer = info.value;
  }
  return record;
}

}  // namespace

SignalFile::SignalFile(Kernel& kernel, const Vfs::Unnamed& place, SignalSet wanted)
    : Inode(place.mount, InodeType::unnamed, place.number, place.attributes),
      kernel_(kernel),
      poll_changes_(place.services.poll_changes),
      wanted_(wanted) {}

// System calls are made by tasks.
Task& SignalFile::reader() const { return static_cast<Task&>(kernel_.scheduler().current()); }

Co<Result<uint64_t>> SignalFile::read(IoContext& io, OpenFile& file, uint64_t, VirtAddr to, uint64_t bytes) {
  io.cpu.charge(Cycles(io.costs.pipe));
  if (bytes < sizeof(Record)) co_return Errno{EINVAL};
  Task& task = reader();
  uint64_t done = 0;
  while (bytes - done >= sizeof(Record)) {
    std::optional<SignalInfo> info = take_signal(kernel_, task, wanted_);
    while (!info) {
      if (done != 0) co_return done;
      if (file.nonblocking()) co_return Errno{EAGAIN};
      task.awaited = wanted_;
      const Wake wake = co_await io.sleeper.sleep(task.nap);
      task.awaited = {};
      info = take_signal(kernel_, task, wanted_);
      if (!info && wake == Wake::interrupted) co_return kInterruptedBySignal;
    }
    auto put = co_await io.user.put(to + done, record_of(*info));
    if (!put && done == 0) co_return put.error();
    if (!put) break;
    done += sizeof(Record);
  }
  co_return done;
}

uint32_t SignalFile::poll(const OpenFile&) const {
  Task& task = reader();
  task.process().signal_watchers = &poll_changes_;
  const SignalSet waiting = task.pending.set() | task.process().pending.set();
  return (waiting & wanted_).empty() ? 0u : uint32_t{kPollIn};
}

uint64_t SignalFile::activity(uint32_t) const { return reader().process().signals_sent; }

}  // namespace faultline::os
