// The registers of one RV64GC user-mode context. The hart runs directly on the
// state of the task that it was given, so a context switch copies nothing.
#pragma once

#include <array>
#include <cstdint>

#include "hw/base/types.h"

namespace faultline::hw {

// IEEE rounding modes as fcsr.frm encodes them (Unprivileged ISA, 11.2).
enum class RoundingMode : uint8_t { rne = 0, rtz = 1, rdn = 2, rup = 3, rmm = 4 };

struct HartState {
  // x[0] is always zero; x[32] is where instructions with rd = x0 write.
  std::array<uint64_t, 33> x{};
  // Raw bits; single-precision values are NaN-boxed.
  std::array<uint64_t, 32> f{};
  uint64_t pc = 0;
  uint8_t fflags = 0;  // accrued exceptions, NX UF OF DZ NV from bit 0
  uint8_t frm = 0;     // may hold an invalid mode (5..7), which then traps

  // LR/SC: the reservation is lost on any trap, on a store by the OS to the
  // line, and on every SC.
  bool reserved = false;
  PhysAddr reservation{};
};

}  // namespace faultline::hw
