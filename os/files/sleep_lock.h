// A lock that may be held across sleeps.
#pragma once

#include "os/process/co.h"
#include "os/process/wait_queue.h"

namespace faultline::os {

class SleepLock {
 public:
  explicit SleepLock(Executor& executor) : free_(executor) {}

  // Not interruptible: whoever holds it waits for the disk at most.
  Co<> lock() {
    while (held_) co_await free_.sleep();
    held_ = true;
  }
  void unlock() {
    held_ = false;
    free_.wake_one();
  }

 private:
  bool held_ = false;
  WaitQueue free_;
};

}  // namespace faultline::os
