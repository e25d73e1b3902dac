// The two IEEE 754 formats of the F and D extensions as bit patterns.
#pragma once

#include <bit>
#include <cstdint>

namespace faultline::hw {

// fcsr.fflags (Unprivileged ISA, 11.2).
inline constexpr uint8_t kFlagInexact = 1, kFlagUnderflow = 2, kFlagOverflow = 4, kFlagDivideByZero = 8,
                         kFlagInvalid = 16;

template <class BitsType, class HostType, int kFraction, int kExponent>
struct FloatFormat {
  using Bits = BitsType;
  using Host = HostType;
  static constexpr int kFractionBits = kFraction;
  static constexpr int kExponentBits = kExponent;
  static constexpr int kBias = (1 << (kExponent - 1)) - 1;
  static constexpr Bits kSign = Bits{1} << (kFraction + kExponent);
  static constexpr Bits kFractionMask = (Bits{1} << kFraction) - 1;
  static constexpr Bits kInfinity = ((Bits{1} << kExponent) - 1) << kFraction;
  static constexpr Bits kQuiet = Bits{1} << (kFraction - 1);
  static constexpr Bits kCanonicalNan = kInfinity | kQuiet;
  static constexpr Bits kLargest = kInfinity - 1;

  static constexpr bool is_nan(Bits b) { return (b & ~kSign) > kInfinity; }
  static constexpr bool is_signaling(Bits b) { return is_nan(b) && (b & kQuiet) == 0; }
  static constexpr bool is_infinite(Bits b) { return (b & ~kSign) == kInfinity; }
  static constexpr bool is_zero(Bits b) { return (b & ~kSign) == 0; }
  static constexpr bool is_subnormal(Bits b) { return !is_zero(b) && (b & kInfinity) == 0; }
  static constexpr bool is_negative(Bits b) { return (b & kSign) != 0; }

  static Host host(Bits b) { return std::bit_cast<Host>(b); }
  static Bits bits(Host h) { return std::bit_cast<Bits>(h); }

  // A register's 64 bits: narrower values are NaN-boxed, and what is not a
  // proper box reads as the canonical NaN (12.2).
  static constexpr Bits unbox(uint64_t reg) {
    if constexpr (sizeof(Bits) == 8) return reg;
    return reg >> 32 == 0xffffffff ? static_cast<Bits>(reg) : kCanonicalNan;
  }
  static constexpr uint64_t box(Bits b) {
    if constexpr (sizeof(Bits) == 8) return b;
    return 0xffffffff00000000 | b;
  }
};

using Single = FloatFormat<uint32_t, float, 23, 8>;
using Double = FloatFormat<uint64_t, double, 52, 11>;

}  // namespace faultline::hw
