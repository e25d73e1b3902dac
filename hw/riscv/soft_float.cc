#include "hw/riscv/soft_float.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

namespace faultline::hw {
namespace {

__extension__ using Wide = unsigned __int128;

// A finite value other than zero: sig x 2^exponent. The lowest bit of sig may
// stand for anything lost below it (sticky).
struct Number {
  bool negative;
  int exponent;
  Wide sig;
};

int highest_bit(Wide sig) {
  const auto high = static_cast<uint64_t>(sig >> 64);
  return high != 0 ? 127 - std::countl_zero(high) : 63 - std::countl_zero(static_cast<uint64_t>(sig));
}

// sig / 2^shift, what is lost jammed into the lowest bit.
Wide shift_right_jam(Wide sig, int shift) {
  if (shift <= 0) return sig;
  if (shift > 127) return sig != 0;
  const Wide kept = sig >> shift;
  return kept | static_cast<Wide>((kept << shift) != sig);
}

// Drops `shift` (1 or more) bits, rounding. `inexact` tells whether any was set.
Wide round_shift(Wide sig, int shift, bool negative, Rounding mode, bool& inexact) {
  if (shift > 127) {  // less than half a unit, whatever it was
    sig = static_cast<Wide>(sig != 0);
    shift = 127;
  }
  const Wide kept = sig >> shift;
  const Wide lost = sig - (kept << shift);
  const Wide half = static_cast<Wide>(1) << (shift - 1);
  inexact = lost != 0;
  bool up = false;
  switch (mode) {
    case Rounding::nearest_even:
      up = lost > half || (lost == half && (kept & 1) != 0);
      break;
    case Rounding::nearest_away:
      up = lost >= half;
      break;
    case Rounding::down:
      up = inexact && negative;
      break;
    case Rounding::up:
      up = inexact && !negative;
      break;
    case Rounding::to_zero:
      break;
  }
  return kept + static_cast<Wide>(up);
}

template <class F>
typename F::Bits signed_bits(bool negative, typename F::Bits magnitude) {
  return negative ? magnitude | F::kSign : magnitude;
}

template <class F>
typename F::Bits invalid(uint8_t& flags) {
  flags |= kFlagInvalid;
  return F::kCanonicalNan;
}

template <class F>
typename F::Bits overflow(bool negative, Rounding mode, uint8_t& flags) {
  flags |= kFlagOverflow | kFlagInexact;
  const bool to_largest = mode == Rounding::to_zero || mode == (negative ? Rounding::up : Rounding::down);
  return signed_bits<F>(negative, to_largest ? F::kLargest : F::kInfinity);
}

// The value in format F, rounded once.
template <class F>
typename F::Bits round_pack(const Number& n, Rounding mode, uint8_t& flags) {
  constexpr int kMinExponent = 1 - F::kBias;  // of the smallest normal number
  const int exponent = n.exponent + highest_bit(n.sig);
  const int precise_unit = exponent - F::kFractionBits;  // were the exponent unbounded
  const int unit = std::max(precise_unit, kMinExponent - F::kFractionBits);
  const int shift = unit - n.exponent;
  bool inexact = false;
  Wide sig = shift > 0 ? round_shift(n.sig, shift, n.negative, mode, inexact) : n.sig << -shift;

  if (exponent < kMinExponent && inexact) {
    bool ignored = false;
    const int precise_shift = precise_unit - n.exponent;
    const Wide precise =
        precise_shift > 0 ? round_shift(n.sig, precise_shift, n.negative, mode, ignored) : n.sig << -precise_shift;
    const bool rounds_to_normal = exponent == kMinExponent - 1 && precise == static_cast<Wide>(1)
                                                                                 << (F::kFractionBits + 1);
    if (!rounds_to_normal) flags |= kFlagUnderflow;
  }
  int field = unit + F::kFractionBits + F::kBias;  // the biased exponent if the hidden bit is set
  if (sig >> (F::kFractionBits + 1) != 0) {        // a carry out: sig is a power of two
    sig >>= 1;
    ++field;
  }
  if (field >= (1 << F::kExponentBits) - 1) return overflow<F>(n.negative, mode, flags);
  if (inexact) flags |= kFlagInexact;
  const auto bits = static_cast<typename F::Bits>(sig);
  // Without a hidden bit the number is subnormal and its field is 0.
  if (bits >> F::kFractionBits == 0) return signed_bits<F>(n.negative, bits);
  return signed_bits<F>(n.negative,
                        (static_cast<typename F::Bits>(field) << F::kFractionBits) | (bits & F::kFractionMask));
}

template <class F>
Number unpack(typename F::Bits b) {
  const int field = static_cast<int>((b & F::kInfinity) >> F::kFractionBits);
  const Wide fraction = b & F::kFractionMask;
  const Wide hidden = field == 0 ? 0 : static_cast<Wide>(1) << F::kFractionBits;
  return {F::is_negative(b), std::max(field, 1) - F::kBias - F::kFractionBits, hidden | fraction};
}

// The highest bit moved to bit 125, which leaves room for a carry.
Number normalise(Number n) {
  const int shift = 125 - highest_bit(n.sig);
  return {n.negative, n.exponent - shift, n.sig << shift};
}

// a + b; of the two only the one with the smaller exponent loses bits, and
// only where the result keeps some 70 bits above them.
template <class F>
typename F::Bits add_numbers(Number a, Number b, Rounding mode, uint8_t& flags) {
  a = normalise(a);
  b = normalise(b);
  if (a.exponent < b.exponent) std::swap(a, b);
  b.sig = shift_right_jam(b.sig, a.exponent - b.exponent);
  if (a.negative == b.negative) return round_pack<F>({a.negative, a.exponent, a.sig + b.sig}, mode, flags);
  if (a.sig == b.sig) return signed_bits<F>(mode == Rounding::down, 0);
  const bool swapped = a.sig < b.sig;
  const Wide difference = swapped ? b.sig - a.sig : a.sig - b.sig;
  return round_pack<F>({swapped ? b.negative : a.negative, a.exponent, difference}, mode, flags);
}

template <class F>
bool any_nan(std::initializer_list<typename F::Bits> operands, uint8_t& flags) {
  bool nan = false;
  for (const auto bits : operands) {
    if (F::is_signaling(bits)) flags |= kFlagInvalid;
    nan |= F::is_nan(bits);
  }
  return nan;
}

// The sign of a sum of two zeros.
template <class F>
typename F::Bits zero_sum(bool a_negative, bool b_negative, Rounding mode) {
  return signed_bits<F>(a_negative == b_negative ? a_negative : mode == Rounding::down, 0);
}

Wide square_root_floor(Wide value) {
  Wide root = 0;
  for (Wide bit = static_cast<Wide>(1) << 126; bit != 0; bit >>= 2) {
    if (value >= root + bit) {
      value -= root + bit;
      root = (root >> 1) + bit;
    } else {
      root >>= 1;
    }
  }
  return root;
}

}  // namespace

template <class F>
auto SoftFloat<F>::add(Bits a, Bits b, Rounding mode, uint8_t& flags) -> Bits {
  if (any_nan<F>({a, b}, flags)) return F::kCanonicalNan;
  if (F::is_infinite(a)) return F::is_infinite(b) && a != b ? invalid<F>(flags) : a;
  if (F::is_infinite(b)) return b;
  if (F::is_zero(a)) return F::is_zero(b) ? zero_sum<F>(F::is_negative(a), F::is_negative(b), mode) : b;
  if (F::is_zero(b)) return a;
  return add_numbers<F>(unpack<F>(a), unpack<F>(b), mode, flags);
}

template <class F>
auto SoftFloat<F>::multiply(Bits a, Bits b, Rounding mode, uint8_t& flags) -> Bits {
  if (any_nan<F>({a, b}, flags)) return F::kCanonicalNan;
  const bool negative = F::is_negative(a) != F::is_negative(b);
  if (F::is_infinite(a) || F::is_infinite(b)) {
    return F::is_zero(a) || F::is_zero(b) ? invalid<F>(flags) : signed_bits<F>(negative, F::kInfinity);
  }
  if (F::is_zero(a) || F::is_zero(b)) return signed_bits<F>(negative, 0);
  const Number x = unpack<F>(a), y = unpack<F>(b);
  return round_pack<F>({negative, x.exponent + y.exponent, x.sig * y.sig}, mode, flags);
}

template <class F>
auto SoftFloat<F>::divide(Bits a, Bits b, Rounding mode, uint8_t& flags) -> Bits {
  if (any_nan<F>({a, b}, flags)) return F::kCanonicalNan;
  const bool negative = F::is_negative(a) != F::is_negative(b);
  if (F::is_infinite(a)) return F::is_infinite(b) ? invalid<F>(flags) : signed_bits<F>(negative, F::kInfinity);
  if (F::is_infinite(b)) return signed_bits<F>(negative, 0);
  if (F::is_zero(b)) {
    if (F::is_zero(a)) return invalid<F>(flags);
    flags |= kFlagDivideByZero;
    return signed_bits<F>(negative, F::kInfinity);
  }
  if (F::is_zero(a)) return signed_bits<F>(negative, 0);
  const Number x = normalise(unpack<F>(a));  // 126 bits over at most 53: 72 or more in the quotient
  const Number y = unpack<F>(b);
  const Wide quotient = x.sig / y.sig;
  const Wide sticky = static_cast<Wide>(quotient * y.sig != x.sig);
  return round_pack<F>({negative, x.exponent - y.exponent, quotient | sticky}, mode, flags);
}

template <class F>
auto SoftFloat<F>::square_root(Bits a, Rounding mode, uint8_t& flags) -> Bits {
  if (any_nan<F>({a}, flags)) return F::kCanonicalNan;
  if (F::is_zero(a)) return a;
  if (F::is_negative(a)) return invalid<F>(flags);
  if (F::is_infinite(a)) return a;
  Number x = normalise(unpack<F>(a));
  if (x.exponent % 2 != 0) {
    x.sig <<= 1;
    --x.exponent;
  }
  const Wide root = square_root_floor(x.sig);
  const Wide sticky = static_cast<Wide>(root * root != x.sig);
  return round_pack<F>({false, x.exponent / 2, root | sticky}, mode, flags);
}

template <class F>
auto SoftFloat<F>::fused(Bits a, Bits b, Bits c, Rounding mode, uint8_t& flags) -> Bits {
  const bool infinite = F::is_infinite(a) || F::is_infinite(b);
  const bool zero = F::is_zero(a) || F::is_zero(b);
  if (infinite && zero) flags |= kFlagInvalid;  // even where c is a quiet NaN (11.6)
  if (any_nan<F>({a, b, c}, flags) || (infinite && zero)) return F::kCanonicalNan;
  const bool negative = F::is_negative(a) != F::is_negative(b);
  if (infinite) {
    const bool opposite = F::is_infinite(c) && F::is_negative(c) != negative;
    return opposite ? invalid<F>(flags) : signed_bits<F>(negative, F::kInfinity);
  }
  if (F::is_infinite(c)) return c;
  if (zero) return F::is_zero(c) ? zero_sum<F>(negative, F::is_negative(c), mode) : c;
  const Number x = unpack<F>(a), y = unpack<F>(b);
  const Number product{negative, x.exponent + y.exponent, x.sig * y.sig};
  if (F::is_zero(c)) return round_pack<F>(product, mode, flags);
  return add_numbers<F>(product, unpack<F>(c), mode, flags);
}

template <class F>
auto SoftFloat<F>::from_integer(bool negative, uint64_t magnitude, Rounding mode, uint8_t& flags) -> Bits {
  return magnitude == 0 ? Bits{0} : round_pack<F>({negative, 0, magnitude}, mode, flags);
}

template <class F>
uint64_t SoftFloat<F>::to_integer(Bits a, unsigned width, bool is_signed, Rounding mode, uint8_t& flags) {
  const uint64_t sign_bit = uint64_t{1} << (width - 1);
  const uint64_t ones = sign_bit | (sign_bit - 1);
  const auto extend = [width](uint64_t value) {
    return width == 64 ? value : static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(value)));
  };
  const bool negative = F::is_negative(a) && !F::is_nan(a);
  const uint64_t saturated = is_signed ? (negative ? sign_bit : sign_bit - 1) : (negative ? 0 : ones);
  const auto out_of_range = [&] {
    flags |= kFlagInvalid;
    return extend(saturated);
  };
  if (F::is_nan(a) || F::is_infinite(a)) return out_of_range();
  if (F::is_zero(a)) return 0;
  const Number n = unpack<F>(a);
  if (n.exponent > 64) return out_of_range();
  bool inexact = false;
  const Wide magnitude =
      n.exponent < 0 ? round_shift(n.sig, -n.exponent, negative, mode, inexact) : n.sig << n.exponent;
  const Wide largest = is_signed ? static_cast<Wide>(negative ? sign_bit : sign_bit - 1) : (negative ? 0 : ones);
  if (magnitude > largest) return out_of_range();
  if (inexact) flags |= kFlagInexact;
  const auto value = static_cast<uint64_t>(magnitude);
  return extend(negative ? ~value + 1 : value);
}

template struct SoftFloat<Single>;
template struct SoftFloat<Double>;

uint32_t narrow(uint64_t a, Rounding mode, uint8_t& flags) {
  if (any_nan<Double>({a}, flags)) return Single::kCanonicalNan;
  if (Double::is_infinite(a)) return signed_bits<Single>(Double::is_negative(a), Single::kInfinity);
  if (Double::is_zero(a)) return signed_bits<Single>(Double::is_negative(a), 0);
  return round_pack<Single>(unpack<Double>(a), mode, flags);
}

uint64_t widen(uint32_t a, uint8_t& flags) {
  if (any_nan<Single>({a}, flags)) return Double::kCanonicalNan;
  if (Single::is_infinite(a)) return signed_bits<Double>(Single::is_negative(a), Double::kInfinity);
  if (Single::is_zero(a)) return signed_bits<Double>(Single::is_negative(a), 0);
  return round_pack<Double>(unpack<Single>(a), Rounding::nearest_even, flags);
}

}  // namespace faultline::hw
