// Failed write-backs of a file, told to each open file description once:
// fsync(2), as Linux does it (lib/errseq.c). A description that is opened later
// hears of a failure too, if nobody has been told of it by then.
#pragma once

#include <cstdint>
#include <utility>

namespace faultline::os {

class WriteErrors {
 public:
  // Up to which failure somebody has been told.
  using Mark = uint64_t;

  void record() {
    ++failures_;
    told_ = false;
  }
  // Of whoever begins to listen.
  Mark mark() const { return told_ ? failures_ : failures_ - 1; }
  // True when there was a failure since; it is told by that.
  bool tell(Mark& mark) {
    if (mark == failures_) return false;
    mark = failures_;
    told_ = true;
    return true;
  }

 private:
  uint64_t failures_ = 0;
  bool told_ = true;  // of the last one
};

}  // namespace faultline::os
