#include "os/memory/read_ahead.h"

#include <algorithm>

namespace faultline::os {

ReadAhead::Pages ReadAhead::begin(uint64_t first, uint64_t count) {
  size_ = count;
  mark_ = first;
  end_ = first + count;
  return {first, count};
}

ReadAhead::Pages ReadAhead::use(uint64_t index, bool present, uint64_t most, ReadAdvice advice) {
  // The same page again, in small pieces or after the sleep for it.
  if (next_ != kNowhere && index + 1 == next_) return {};
  const bool follows = next_ != kNowhere && index == next_;
  next_ = index + 1;
  if (most == 0 || advice == ReadAdvice::random || (!follows && advice == ReadAdvice::normal)) {
    size_ = 0;
    return {};
  }
  const uint64_t limit = advice == ReadAdvice::sequential ? 2 * most : most;
  // A page that was read ahead and is gone, or that was not read for want of
  // memory or at what was the file's end: from the beginning.
  const bool open = size_ != 0 && follows && index < end_ && present;
  if (!open) return begin(index + 1, advice == ReadAdvice::sequential ? limit : std::min(kFirstWindow, limit));
  if (index < mark_) return {};
  return begin(end_, std::min(2 * size_, limit));
}

}  // namespace faultline::os
