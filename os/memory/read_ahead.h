// What to read before it is asked for: one reader's pages of one file.
//
// A page after the one before it is sequential use, and opens a window behind
// itself. When half of the window is left, it is made twice as long, up to the
// most, and filled up again: so half a window is on its way, or there, while the
// reader works through the other half (as F. Wu et al., "On the design of a new
// Linux readahead framework", 2008, do it with a marked page).
//
//   most = 32:  uses 0  1        5           13          29          45
//               reads   2..9     10..21      22..45      46..61      62..77
//
// Any other use closes the window.
#pragma once

#include <cstdint>

namespace faultline::os {

// madvise(2), MADV_SEQUENTIAL and MADV_RANDOM; posix_fadvise(2). Sequential: the
// window opens at the first page, at its greatest, which is twice as long.
enum class ReadAdvice : uint8_t { normal, sequential, random };

class ReadAhead {
 public:
  struct Pages {
    uint64_t first = 0;
    uint64_t count = 0;
  };
  // Page `index` is used; `most`: pages of a window. What is to be read behind
  // it: nothing, as a rule.
  Pages use(uint64_t index, uint64_t most, ReadAdvice advice);
  // Less could be read: the rest is for the next time.
  void stopped_before(uint64_t index) { end_ = index; }

 private:
  static constexpr uint64_t kFirstWindow = 8;  // pages
  static constexpr uint64_t kNowhere = ~uint64_t{0};

  uint64_t next_ = kNowhere;  // a use of it is sequential
  uint64_t size_ = 0;         // of the window; 0: there is none
  uint64_t end_ = 0;          // behind the last page asked for
};

}  // namespace faultline::os
