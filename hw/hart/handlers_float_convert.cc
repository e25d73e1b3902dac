// F and D: conversions.
#include <limits>

#include "hw/hart/dispatch.h"
#include "hw/hart/float_handlers.h"
#include "hw/riscv/soft_float.h"

namespace faultline::hw {
namespace {

// Magnitudes below 2^exponent, also of NaNs and infinities, without a
// comparison that could raise a flag.
template <class F>
bool below(typename F::Bits a, int exponent) {
  return (a & ~F::kSign) < static_cast<typename F::Bits>(F::kBias + exponent) << F::kFractionBits;
}

// Truncation of what surely fits is the conversion of C, and so the common
// case; the host raises inexact. The rest goes through integers.
template <class F, class Integer>
const Op* to_integer(Interpreter& in, const Op* op, HartState& s) {
  constexpr bool kSigned = std::is_signed_v<Integer>;
  constexpr int kSafe = sizeof(Integer) == 8 ? 63 : kSigned ? 31 : 32;
  const auto a = F::unbox(s.f[op->rs1]);
  const uint8_t mode = effective_rounding(op, s);
  if (mode == static_cast<uint8_t>(Rounding::to_zero) && below<F>(a, kSafe) && (kSigned || !F::is_negative(a))) {
    const auto value = static_cast<uint64_t>(static_cast<int64_t>(F::host(a)));
    s.x[op->rd] = sizeof(Integer) == 8 ? value : static_cast<uint64_t>(int64_t{static_cast<int32_t>(value)});
    return next(in, op, s);
  }
  if (mode > 4) return illegal_rounding(in, op, s);
  s.x[op->rd] = SoftFloat<F>::to_integer(a, sizeof(Integer) * 8, kSigned, Rounding{mode}, s.fflags);
  return next(in, op, s);
}

template <class F, class Integer>
[[gnu::noinline]] bool from_integer_soft(const Op* op, HartState& s) {
  const uint8_t mode = effective_rounding(op, s);
  if (mode > 4) return false;
  const auto value = static_cast<Integer>(s.x[op->rs1]);
  const bool negative = std::is_signed_v<Integer> && value < Integer{0};
  const auto extended = static_cast<uint64_t>(value);
  s.f[op->rd] =
      F::box(SoftFloat<F>::from_integer(negative, negative ? ~extended + 1 : extended, Rounding{mode}, s.fflags));
  return true;
}

template <class F, class Integer, bool kStatic>
const Op* from_integer(Interpreter& in, const Op* op, HartState& s) {
  if (host_can<kStatic>(op, s)) [[likely]] {
    s.f[op->rd] = F::box(F::bits(static_cast<typename F::Host>(static_cast<Integer>(s.x[op->rs1]))));
    return next(in, op, s);
  }
  if (!from_integer_soft<F, Integer>(op, s)) return illegal_rounding(in, op, s);
  return next(in, op, s);
}

template <bool kStatic>
const Op* narrow_double(Interpreter& in, const Op* op, HartState& s) {
  const uint64_t a = s.f[op->rs1];
  if (host_can<kStatic>(op, s) && !Double::is_nan(a)) [[likely]] {
    s.f[op->rd] = Single::box(Single::bits(static_cast<float>(Double::host(a))));
    return next(in, op, s);
  }
  const uint8_t mode = effective_rounding(op, s);
  if (mode > 4) return illegal_rounding(in, op, s);
  s.f[op->rd] = Single::box(narrow(a, Rounding{mode}, s.fflags));
  return next(in, op, s);
}

const Op* widen_single(Interpreter& in, const Op* op, HartState& s) {
  if (effective_rounding(op, s) > 4) return illegal_rounding(in, op, s);
  s.f[op->rd] = widen(Single::unbox(s.f[op->rs1]), s.fflags);
  return next(in, op, s);
}

template <class F>
void add(HandlerTable& table, Opcode first_to_integer, Opcode first_from_integer) {
  const auto at = [](Opcode first, int n) { return static_cast<Opcode>(static_cast<int>(first) + n); };
  table[at(first_to_integer, 0)] = to_integer<F, int32_t>;
  table[at(first_to_integer, 1)] = to_integer<F, uint32_t>;
  table[at(first_to_integer, 2)] = to_integer<F, int64_t>;
  table[at(first_to_integer, 3)] = to_integer<F, uint64_t>;
  const auto both = [&](int n, Handler dynamic, Handler fixed) {
    table[at(first_from_integer, n)] = dynamic;
    table.static_rounding[static_cast<size_t>(at(first_from_integer, n))] = fixed;
  };
  both(0, from_integer<F, int32_t, false>, from_integer<F, int32_t, true>);
  both(1, from_integer<F, uint32_t, false>, from_integer<F, uint32_t, true>);
  both(2, from_integer<F, int64_t, false>, from_integer<F, int64_t, true>);
  both(3, from_integer<F, uint64_t, false>, from_integer<F, uint64_t, true>);
}

}  // namespace

void add_float_conversion_handlers(HandlerTable& table) {
  add<Single>(table, Opcode::fcvt_w_s, Opcode::fcvt_s_w);
  add<Double>(table, Opcode::fcvt_w_d, Opcode::fcvt_d_w);
  table[Opcode::fcvt_s_d] = narrow_double<false>;
  table.static_rounding[static_cast<size_t>(Opcode::fcvt_s_d)] = narrow_double<true>;
  table[Opcode::fcvt_d_s] = widen_single;
}

}  // namespace faultline::hw
