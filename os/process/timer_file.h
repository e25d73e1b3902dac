// What timerfd_create(2) opens: a timer whose expirations are read as a number.
#pragma once

#include "os/files/vfs.h"
#include "os/process/interval_timer.h"
#include "os/process/timer_queue.h"

namespace faultline::os {

class Kernel;

class TimerFile final : public Inode {
 public:
  // On CLOCK_REALTIME, or on the time since the start.
  TimerFile(Kernel& kernel, const Vfs::Unnamed& place, bool realtime);
  ~TimerFile() override;

  // `remaining` is from now on, or with `absolute` a moment of the clock; 0: off.
  void set(const TimerSetting& given, bool absolute);
  TimerSetting get();

  // EINVAL for less than eight bytes.
  Co<Result<uint64_t>> read(IoContext& io, OpenFile& file, uint64_t offset, VirtAddr to, uint64_t bytes) override;
  uint32_t poll(const OpenFile& file) const override;
  uint64_t activity(uint32_t) const override { return expiries_; }

 private:
  uint64_t now() const;
  void arm();
  void expire();
  void count();

  Kernel& kernel_;
  WaitQueue& poll_changes_;
  WaitQueue readers_;
  const bool realtime_;
  uint64_t due_ = 0;       // nanoseconds of the clock; 0: off
  uint64_t interval_ = 0;  // nanoseconds; 0: once
  uint64_t unread_ = 0;    // expirations that were counted and not read
  uint64_t expiries_ = 0;  // times that it went off
  TimerQueue::Id armed_ = 0;
};

}  // namespace faultline::os
