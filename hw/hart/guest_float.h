// The guest's floating-point environment in the host's: while a hart runs, the
// host's sticky exception flags are the guest's, and the host rounds as fcsr
// says where it can. On x86 that is MXCSR alone (hw/memory/host_float.h), which
// costs a tenth of what the C library's functions do, since they also care for
// the x87 unit.
#pragma once

#if defined(__SSE2__)
#include <xmmintrin.h>
#else
#include <cfenv>
#endif

#include <cstdint>

#include "hw/riscv/float_format.h"

namespace faultline::hw {

// Modes 0 to 3 exist on the host; the others are done in integers (soft_float.h)
// while the host rounds to nearest.
inline bool host_rounds(uint8_t frm) { return frm <= 3; }

#if defined(__SSE2__)

inline void set_host_rounding(uint8_t frm) {
  static constexpr unsigned kModes[] = {_MM_ROUND_NEAREST, _MM_ROUND_TOWARD_ZERO, _MM_ROUND_DOWN, _MM_ROUND_UP};
  _mm_setcsr((_mm_getcsr() & ~static_cast<unsigned>(_MM_ROUND_MASK)) | kModes[host_rounds(frm) ? frm : 0]);
}

// The host's flags as fflags has them.
inline uint8_t host_float_flags() {
  const unsigned raised = _mm_getcsr();
  uint8_t flags = 0;
  if ((raised & _MM_EXCEPT_INEXACT) != 0) flags |= kFlagInexact;
  if ((raised & _MM_EXCEPT_UNDERFLOW) != 0) flags |= kFlagUnderflow;
  if ((raised & _MM_EXCEPT_OVERFLOW) != 0) flags |= kFlagOverflow;
  if ((raised & _MM_EXCEPT_DIV_ZERO) != 0) flags |= kFlagDivideByZero;
  if ((raised & _MM_EXCEPT_INVALID) != 0) flags |= kFlagInvalid;
  return flags;
}

inline void clear_host_float_flags() { _mm_setcsr(_mm_getcsr() & ~static_cast<unsigned>(_MM_EXCEPT_MASK)); }

// Makes the host's environment the guest's while it lives.
class GuestFloatScope {
 public:
  GuestFloatScope(uint8_t frm, uint8_t& fflags) : host_(_mm_getcsr()), fflags_(fflags) {
    _mm_setcsr((host_ | _MM_MASK_MASK) & ~static_cast<unsigned>(_MM_EXCEPT_MASK));
    set_host_rounding(frm);
  }
  ~GuestFloatScope() {
    fflags_ |= host_float_flags();
    _mm_setcsr(host_);
  }
  GuestFloatScope(const GuestFloatScope&) = delete;
  GuestFloatScope& operator=(const GuestFloatScope&) = delete;

 private:
  const unsigned host_;
  uint8_t& fflags_;
};

#else

inline void set_host_rounding(uint8_t frm) {
  static constexpr int kModes[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};
  std::fesetround(kModes[host_rounds(frm) ? frm : 0]);
}

// The host's flags as fflags has them.
inline uint8_t host_float_flags() {
  const int raised = std::fetestexcept(FE_ALL_EXCEPT);
  uint8_t flags = 0;
  if ((raised & FE_INEXACT) != 0) flags |= kFlagInexact;
  if ((raised & FE_UNDERFLOW) != 0) flags |= kFlagUnderflow;
  if ((raised & FE_OVERFLOW) != 0) flags |= kFlagOverflow;
  if ((raised & FE_DIVBYZERO) != 0) flags |= kFlagDivideByZero;
  if ((raised & FE_INVALID) != 0) flags |= kFlagInvalid;
  return flags;
}

inline void clear_host_float_flags() { std::feclearexcept(FE_ALL_EXCEPT); }

// Makes the host's environment the guest's while it lives.
class GuestFloatScope {
 public:
  GuestFloatScope(uint8_t frm, uint8_t& fflags) : fflags_(fflags) {
    std::feholdexcept(&host_);
    set_host_rounding(frm);
  }
  ~GuestFloatScope() {
    fflags_ |= host_float_flags();
    std::fesetenv(&host_);
  }
  GuestFloatScope(const GuestFloatScope&) = delete;
  GuestFloatScope& operator=(const GuestFloatScope&) = delete;

 private:
  std::fenv_t host_;
  uint8_t& fflags_;
};

#endif

}  // namespace faultline::hw
