// Division by a number that is known beforehand, as a multiplication.
#pragma once

#include <cstdint>

namespace faultline {

// With m = 2^64 / d rounded up and e = m * d - 2^64, where e < d, the upper
// half of n * m is n / d rounded down for every n with n * e < 2^64 (Granlund
// and Montgomery, "Division by Invariant Integers using Multiplication", PLDI
// 1994). Larger n are divided.
class Divider {
 public:
  // `by` is not zero.
  explicit Divider(uint64_t by) : by_(by), factor_(~uint64_t{0} / by + 1), most_(by == 1 ? 0 : ~uint64_t{0} / by) {}

  uint64_t by() const { return by_; }
  uint64_t quotient(uint64_t n) const {
    if (n >= most_) [[unlikely]]
      return n / by_;
    return static_cast<uint64_t>(static_cast<Wide>(n) * factor_ >> 64);
  }

 private:
  __extension__ using Wide = unsigned __int128;

  uint64_t by_;
  uint64_t factor_;
  uint64_t most_;
};

}  // namespace faultline
