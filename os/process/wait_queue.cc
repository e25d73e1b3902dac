#include "os/process/wait_queue.h"

#include <algorithm>
#include <utility>

namespace faultline::os {

void WaitQueue::Sleep::await_suspend(std::coroutine_handle<> frame) {
  strand_ = &queue_.executor_.current();
  strand_->resume_point = frame;
  strand_->sleeping_on = &queue_;
  strand_->interruptible = interruptible_;
  queue_.sleepers_.push_back(strand_);
  if (until_ != kNever) queue_.executor_.set_timeout(*strand_, until_);
}

void WaitQueue::wake_one() {
  if (!sleepers_.empty()) end_sleep(*sleepers_.front(), Wake::woken);
}

void WaitQueue::wake_all() {
  std::vector<Strand*> sleepers = std::exchange(sleepers_, {});
  for (Strand* strand : sleepers) {
    strand->sleeping_on = nullptr;
    strand->wake = Wake::woken;
    executor_.make_runnable(*strand);
  }
}

void WaitQueue::end_sleep(Strand& strand, Wake why) {
  std::erase(sleepers_, &strand);
  strand.sleeping_on = nullptr;
  strand.wake = why;
  executor_.make_runnable(strand);
}

}  // namespace faultline::os
