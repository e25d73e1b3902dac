// What to read before it is asked for: one reader's pages of one file.
//
// A page after the one before it is sequential use. It opens a window behind
// itself, and when the reader comes to the first page of that window the next
// one is begun, twice as long, up to the most; so that from then on a whole
// window is on its way, or there, while the reader works through the one before
// (F. Wu et al., "On the design of a new Linux readahead framework", 2008).
//
//   most = 8:  uses 0  1        2          6            14
//              reads   2..5     6..13      14..21       22..29
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
  // Page `index` is used, and was in memory or was not; `most`: pages of a
  // window. What is to be read behind it: nothing, as a rule.
  Pages use(uint64_t index, bool present, uint64_t most, ReadAdvice advice);

 private:
  static constexpr uint64_t kFirstWindow = 4;  // pages
  static constexpr uint64_t kNowhere = ~uint64_t{0};

  Pages begin(uint64_t first, uint64_t count);

  uint64_t next_ = kNowhere;  // a use of it is sequential
  uint64_t size_ = 0;         // of the last window; 0: there is none
  uint64_t mark_ = 0;         // its first page, whose use begins the next
  uint64_t end_ = 0;          // behind its last
};

}  // namespace faultline::os
