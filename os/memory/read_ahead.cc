#include "os/memory/read_ahead.h"

#include <algorithm>

namespace faultline::os {

ReadAhead::Pages ReadAhead::use(uint64_t index, uint64_t most, ReadAdvice advice) {
  // The same page again, in small pieces or after the sleep for it.
  if (next_ != kNowhere && index + 1 == next_) return {};
  const bool follows = next_ != kNowhere && index == next_;
  next_ = index + 1;
  if (!follows) {
    size_ = 0;
    end_ = next_;
  }
  const bool wanted = advice == ReadAdvice::sequential || (follows && advice == ReadAdvice::normal);
  if (most == 0 || !wanted) return {};
  const uint64_t limit = advice == ReadAdvice::sequential ? 2 * most : most;
  if (size_ != 0 && end_ > next_ + size_ / 2) return {};
  const uint64_t grown = size_ != 0 ? 2 * size_ : advice == ReadAdvice::sequential ? limit : kFirstWindow;
  size_ = std::min(grown, limit);
  const uint64_t first = std::max(end_, next_);
  end_ = next_ + size_;
  return first < end_ ? Pages{first, end_ - first} : Pages{};
}

}  // namespace faultline::os
