// The guest's floating-point environment in the host's: while a hart runs, the
// host's sticky exception flags are the guest's, and the host rounds as fcsr
// says where it can.
#pragma once

#include <cfenv>
#include <cstdint>

#include "hw/riscv/float_format.h"

namespace faultline::hw {

// Modes 0 to 3 exist on the host; the others are done in integers (soft_float.h)
// while the host rounds to nearest.
inline bool host_rounds(uint8_t frm) { return frm <= 3; }

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

}  // namespace faultline::hw
