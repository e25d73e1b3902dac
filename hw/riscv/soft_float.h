// IEEE 754 arithmetic in integers: for the rounding modes that the host lacks
// (to nearest, ties away) or is not set to. Results and flags are those of the
// F and D extensions: canonical NaNs, tininess detected after rounding.
#pragma once

#include <cstdint>

#include "hw/riscv/float_format.h"

namespace faultline::hw {

// As fcsr.frm encodes them.
enum class Rounding : uint8_t { nearest_even = 0, to_zero = 1, down = 2, up = 3, nearest_away = 4 };

template <class F>
struct SoftFloat {
  using Bits = typename F::Bits;

  // Each sets bits of `flags` and clears none.
  static Bits add(Bits a, Bits b, Rounding mode, uint8_t& flags);
  static Bits multiply(Bits a, Bits b, Rounding mode, uint8_t& flags);
  static Bits divide(Bits a, Bits b, Rounding mode, uint8_t& flags);
  static Bits square_root(Bits a, Rounding mode, uint8_t& flags);
  // a x b + c, rounded once.
  static Bits fused(Bits a, Bits b, Bits c, Rounding mode, uint8_t& flags);

  static Bits from_integer(bool negative, uint64_t magnitude, Rounding mode, uint8_t& flags);
  // Saturates as table 11.4 says; the answer is sign-extended from `width`
  // (32 or 64) bits, also where the integer is unsigned.
  static uint64_t to_integer(Bits a, unsigned width, bool is_signed, Rounding mode, uint8_t& flags);
};

extern template struct SoftFloat<Single>;
extern template struct SoftFloat<Double>;

uint32_t narrow(uint64_t a, Rounding mode, uint8_t& flags);  // double to single
uint64_t widen(uint32_t a, uint8_t& flags);                  // single to double, always exact

}  // namespace faultline::hw
