// Arithmetic in integers against the host's, in the modes that the host has;
// to nearest with ties away, which it lacks, by hand. (The hart's random-code
// test sets both against QEMU.)
#include "hw/riscv/soft_float.h"

#include <gtest/gtest.h>

#include <array>
#include <cfenv>
#include <cmath>
#include <random>

namespace faultline::hw {
namespace {

constexpr std::array<int, 4> kHostModes = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};

uint8_t raised() {
  const int host = std::fetestexcept(FE_ALL_EXCEPT);
  return static_cast<uint8_t>(
      ((host & FE_INEXACT) != 0 ? kFlagInexact : 0) | ((host & FE_UNDERFLOW) != 0 ? kFlagUnderflow : 0) |
      ((host & FE_OVERFLOW) != 0 ? kFlagOverflow : 0) | ((host & FE_DIVBYZERO) != 0 ? kFlagDivideByZero : 0) |
      ((host & FE_INVALID) != 0 ? kFlagInvalid : 0));
}

template <class F>
class Operands {
 public:
  typename F::Bits next() {
    using Bits = typename F::Bits;
    const auto bits = static_cast<Bits>(random_());
    switch (random_() % 6) {
      case 0:
        return kSpecial[random_() % kSpecial.size()] | (bits & F::kSign);
      case 1:  // around one, few bits: exact results and ties
        return static_cast<Bits>(F::kBias) << F::kFractionBits | Bits{1} << random_() % F::kFractionBits |
               (bits & F::kSign);
      case 2:  // subnormal or tiny
        return bits & (F::kSign | F::kFractionMask | F::kFractionMask << 2);
      case 3:  // close exponents
        return (bits & (F::kSign | F::kFractionMask)) | static_cast<Bits>(F::kBias + static_cast<int>(random_() % 5))
                                                            << F::kFractionBits;
      default:
        return bits;
    }
  }

 private:
  static constexpr std::array<typename F::Bits, 8> kSpecial = {
      0, 1, F::kFractionMask, F::kFractionMask + 1, F::kLargest, F::kInfinity, F::kCanonicalNan, F::kInfinity + 1};
  std::mt19937_64 random_{7};
};

template <class F>
class SoftFloatTest : public testing::Test {};
using Formats = testing::Types<Single, Double>;
TYPED_TEST_SUITE(SoftFloatTest, Formats);

// One operation in every mode of the host. Volatile: it must be computed there
// and then.
template <class F, class Host, class Soft>
void compare(const char* name, typename F::Bits a, typename F::Bits b, typename F::Bits c, Host host, Soft soft) {
  for (uint8_t mode = 0; mode < 4; ++mode) {
    volatile typename F::Host x = F::host(a), y = F::host(b), z = F::host(c);
    std::fesetround(kHostModes[mode]);
    std::feclearexcept(FE_ALL_EXCEPT);
    volatile typename F::Host result = host(x, y, z);
    const uint8_t host_flags = raised();
    std::fesetround(FE_TONEAREST);
    const auto bits = F::bits(result);
    uint8_t flags = 0;
    const auto ours = soft(a, b, c, Rounding{mode}, flags);
    ASSERT_EQ(ours, F::is_nan(bits) ? F::kCanonicalNan : bits)
        << name << ' ' << int{mode} << std::hex << ' ' << a << ' ' << b << ' ' << c;
    ASSERT_EQ(flags, host_flags) << name << ' ' << int{mode} << std::hex << ' ' << a << ' ' << b << ' ' << c;
  }
}

TYPED_TEST(SoftFloatTest, AgreesWithTheHost) {
  using F = TypeParam;
  using H = typename F::Host;
  using B = typename F::Bits;
  using S = SoftFloat<F>;
  Operands<F> operands;
  for (int i = 0; i < 100'000; ++i) {
    const B a = operands.next(), b = operands.next(), c = operands.next();
    compare<F>(
        "add", a, b, c, [](H x, H y, H) { return x + y; },
        [](B x, B y, B, Rounding m, uint8_t& f) { return S::add(x, y, m, f); });
    compare<F>(
        "multiply", a, b, c, [](H x, H y, H) { return x * y; },
        [](B x, B y, B, Rounding m, uint8_t& f) { return S::multiply(x, y, m, f); });
    compare<F>(
        "divide", a, b, c, [](H x, H y, H) { return x / y; },
        [](B x, B y, B, Rounding m, uint8_t& f) { return S::divide(x, y, m, f); });
    compare<F>(
        "square root", a, b, c, [](H x, H, H) { return std::sqrt(x); },
        [](B x, B, B, Rounding m, uint8_t& f) { return S::square_root(x, m, f); });
    const bool undefined_flag = (F::is_infinite(a) && F::is_zero(b)) || (F::is_zero(a) && F::is_infinite(b));
    if (!undefined_flag) {  // there hosts differ in whether a quiet NaN hides the invalid product
      compare<F>(
          "fused", a, b, c, [](H x, H y, H z) { return std::fma(x, y, z); },
          [](B x, B y, B z, Rounding m, uint8_t& f) { return S::fused(x, y, z, m, f); });
    }
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(SoftFloat, TiesAway) {
  const auto bits = [](double d) { return Double::bits(d); };
  const double ulp = 0x1p-52;
  uint8_t flags = 0;
  // 1 + half an ulp: nearest even stays, ties away goes up.
  EXPECT_EQ(SoftFloat<Double>::add(bits(1), bits(ulp / 2), Rounding::nearest_even, flags), bits(1));
  EXPECT_EQ(SoftFloat<Double>::add(bits(1), bits(ulp / 2), Rounding::nearest_away, flags), bits(1 + ulp));
  EXPECT_EQ(SoftFloat<Double>::add(bits(-1), bits(-ulp / 2), Rounding::nearest_away, flags), bits(-1 - ulp));
  EXPECT_EQ(SoftFloat<Double>::add(bits(1), bits(ulp / 4), Rounding::nearest_away, flags), bits(1));
  EXPECT_EQ(flags, kFlagInexact);
  EXPECT_EQ(SoftFloat<Double>::to_integer(bits(2.5), 64, true, Rounding::nearest_away, flags), 3u);
  EXPECT_EQ(SoftFloat<Double>::to_integer(bits(2.5), 64, true, Rounding::nearest_even, flags), 2u);
  EXPECT_EQ(SoftFloat<Double>::to_integer(bits(-0.5), 32, true, Rounding::nearest_away, flags), ~uint64_t{0});
  // The smallest subnormal halved.
  flags = 0;
  EXPECT_EQ(SoftFloat<Double>::multiply(1, bits(0.5), Rounding::nearest_away, flags), 1u);
  EXPECT_EQ(flags, kFlagInexact | kFlagUnderflow);
}

struct Conversion {
  double value;
  unsigned width;
  bool is_signed;
  uint64_t result;
  uint8_t flags;
};

// Table 11.4 of the Unprivileged ISA.
TEST(SoftFloat, ConversionsSaturate) {
  const double inf = INFINITY;
  const Conversion rows[] = {
      {inf, 32, true, 0x7fffffff, kFlagInvalid},
      {-inf, 32, true, 0xffffffff80000000, kFlagInvalid},
      {NAN, 32, true, 0x7fffffff, kFlagInvalid},
      {-NAN, 32, true, 0x7fffffff, kFlagInvalid},
      {2147483648.0, 32, true, 0x7fffffff, kFlagInvalid},
      {-2147483648.0, 32, true, 0xffffffff80000000, 0},
      {-2147483648.5, 32, true, 0xffffffff80000000, kFlagInexact},
      {inf, 32, false, ~uint64_t{0}, kFlagInvalid},
      {-1.0, 32, false, 0, kFlagInvalid},
      {-0.5, 32, false, 0, kFlagInexact},
      {NAN, 32, false, ~uint64_t{0}, kFlagInvalid},
      {4294967295.0, 32, false, ~uint64_t{0}, 0},  // sign-extended
      {4294967295.5, 32, false, ~uint64_t{0}, kFlagInexact},
      {0x1p63, 64, true, 0x7fffffffffffffff, kFlagInvalid},
      {-0x1p63, 64, true, 0x8000000000000000, 0},
      {0x1p63, 64, false, 0x8000000000000000, 0},
      {0x1p64, 64, false, ~uint64_t{0}, kFlagInvalid},
      {1.5, 64, true, 1, kFlagInexact},
  };
  for (const Conversion& row : rows) {
    uint8_t flags = 0;
    EXPECT_EQ(
        SoftFloat<Double>::to_integer(Double::bits(row.value), row.width, row.is_signed, Rounding::to_zero, flags),
        row.result)
        << row.value << ' ' << row.width;
    EXPECT_EQ(flags, row.flags) << row.value << ' ' << row.width;
  }
}

}  // namespace
}  // namespace faultline::hw
