// Where to sleep until the disk is done with a frame.
#pragma once

#include <memory>
#include <unordered_map>

#include "hw/base/types.h"
#include "os/process/wait_queue.h"

namespace faultline::os {

class FrameWaits {
 public:
  explicit FrameWaits(Executor& executor) : executor_(executor) {}

  WaitQueue& queue(Pfn frame) {
    std::unique_ptr<WaitQueue>& queue = queues_[frame.value];
    if (!queue) queue = std::make_unique<WaitQueue>(executor_);
    return *queue;
  }
  void wake(Pfn frame) {
    const auto found = queues_.find(frame.value);
    if (found != queues_.end()) found->second->wake_all();
  }

 private:
  Executor& executor_;
  std::unordered_map<uint64_t, std::unique_ptr<WaitQueue>> queues_;  // looked up only; kept once made
};

}  // namespace faultline::os
