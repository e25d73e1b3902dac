// The host's floating-point flags and rounding belong to the guest while a
// hart runs. This guard keeps them from the models of the memory side (which
// may be a user's and compute in doubles), and those models from them. On x86
// that is MXCSR, where all arithmetic on float and double leaves its flags; the
// x87 unit, which only long double uses, is not looked at.
#pragma once

#if defined(__SSE2__)
#include <xmmintrin.h>
#else
#include <cfenv>
#endif

namespace faultline::hw {

#if defined(__SSE2__)

class HostFloatGuard {
 public:
  HostFloatGuard() : saved_(_mm_getcsr()) {
    if (saved_ & _MM_ROUND_MASK) _mm_setcsr(saved_ & ~static_cast<unsigned>(_MM_ROUND_MASK));
  }
  // Writing MXCSR costs more than reading it, and mostly nothing has changed.
  ~HostFloatGuard() {
    if (_mm_getcsr() != saved_) _mm_setcsr(saved_);
  }
  HostFloatGuard(const HostFloatGuard&) = delete;
  HostFloatGuard& operator=(const HostFloatGuard&) = delete;

 private:
  unsigned saved_;
};

#else

class HostFloatGuard {
 public:
  HostFloatGuard() {
    std::fegetenv(&saved_);
    std::fesetround(FE_TONEAREST);
  }
  ~HostFloatGuard() { std::fesetenv(&saved_); }
  HostFloatGuard(const HostFloatGuard&) = delete;
  HostFloatGuard& operator=(const HostFloatGuard&) = delete;

 private:
  std::fenv_t saved_;
};

#endif

}  // namespace faultline::hw
