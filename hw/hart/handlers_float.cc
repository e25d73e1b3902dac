// F and D: arithmetic, comparisons, moves. The host computes where it rounds
// as the instruction asks; otherwise soft_float.h does. Compiled so that the
// compiler keeps to the rounding mode and to every exception.
#include <cmath>

#include "hw/hart/dispatch.h"
#include "hw/hart/float_handlers.h"
#include "hw/riscv/soft_float.h"

namespace faultline::hw {
namespace {

template <class F>
struct FloatAdd {
  using H = typename F::Host;
  using B = typename F::Bits;
  static H host(H a, H b) { return a + b; }
  static B soft(B a, B b, Rounding mode, uint8_t& flags) { return SoftFloat<F>::add(a, b, mode, flags); }
};
template <class F>
struct FloatSubtract {
  using H = typename F::Host;
  using B = typename F::Bits;
  static H host(H a, H b) { return a - b; }
  // A NaN's sign does not matter: the result is the canonical one.
  static B soft(B a, B b, Rounding mode, uint8_t& flags) { return SoftFloat<F>::add(a, b ^ F::kSign, mode, flags); }
};
template <class F>
struct FloatMultiply {
  using H = typename F::Host;
  using B = typename F::Bits;
  static H host(H a, H b) { return a * b; }
  static B soft(B a, B b, Rounding mode, uint8_t& flags) { return SoftFloat<F>::multiply(a, b, mode, flags); }
};
template <class F>
struct FloatDivide {
  using H = typename F::Host;
  using B = typename F::Bits;
  static H host(H a, H b) { return a / b; }
  static B soft(B a, B b, Rounding mode, uint8_t& flags) { return SoftFloat<F>::divide(a, b, mode, flags); }
};

template <class F>
uint64_t canonical(typename F::Host value) {
  const auto bits = F::bits(value);
  return F::box(F::is_nan(bits) ? F::kCanonicalNan : bits);
}

template <class F, class Operation>
[[gnu::noinline]] bool binary_soft(const Op* op, HartState& s) {
  const uint8_t mode = effective_rounding(op, s);
  if (mode > 4) return false;
  s.f[op->rd] = F::box(Operation::soft(F::unbox(s.f[op->rs1]), F::unbox(s.f[op->rs2]), Rounding{mode}, s.fflags));
  return true;
}

template <class F, class Operation, bool kStatic>
const Op* binary(Interpreter& in, const Op* op, HartState& s) {
  if (!host_can<kStatic>(op, s)) [[unlikely]] {
    if (!binary_soft<F, Operation>(op, s)) return illegal_rounding(in, op, s);
    return next(in, op, s);
  }
  s.f[op->rd] = canonical<F>(Operation::host(F::host(F::unbox(s.f[op->rs1])), F::host(F::unbox(s.f[op->rs2]))));
  return next(in, op, s);
}

template <class F, bool kStatic>
const Op* square_root(Interpreter& in, const Op* op, HartState& s) {
  const auto a = F::unbox(s.f[op->rs1]);
  if (host_can<kStatic>(op, s)) [[likely]] {
    s.f[op->rd] = canonical<F>(std::sqrt(F::host(a)));
  } else {
    const uint8_t mode = effective_rounding(op, s);
    if (mode > 4) return illegal_rounding(in, op, s);
    s.f[op->rd] = F::box(SoftFloat<F>::square_root(a, Rounding{mode}, s.fflags));
  }
  return next(in, op, s);
}

// rd = (kNegateProduct ? -1 : 1) x rs1 x rs2 + (kNegateAddend ? -1 : 1) x rs3
template <class F, bool kNegateProduct, bool kNegateAddend, bool kStatic>
const Op* fused(Interpreter& in, const Op* op, HartState& s) {
  const auto a = F::unbox(s.f[op->rs1]) ^ (kNegateProduct ? F::kSign : 0);
  const auto b = F::unbox(s.f[op->rs2]);
  const auto c = F::unbox(s.f[third_register(op->imm)]) ^ (kNegateAddend ? F::kSign : 0);
  const bool infinity_times_zero = (F::is_infinite(a) && F::is_zero(b)) || (F::is_zero(a) && F::is_infinite(b));
  if (host_can<kStatic>(op, s) && !infinity_times_zero) [[likely]] {
    s.f[op->rd] = canonical<F>(std::fma(F::host(a), F::host(b), F::host(c)));
  } else {
    const uint8_t mode = effective_rounding(op, s);
    if (mode > 4) return illegal_rounding(in, op, s);
    s.f[op->rd] = F::box(SoftFloat<F>::fused(a, b, c, Rounding{mode}, s.fflags));
  }
  return next(in, op, s);
}

template <class F>
struct SignOf {
  using B = typename F::Bits;
  static B of(B, B b) { return b & F::kSign; }
};
template <class F>
struct SignInverted {
  using B = typename F::Bits;
  static B of(B, B b) { return ~b & F::kSign; }
};
template <class F>
struct SignDiffers {
  using B = typename F::Bits;
  static B of(B a, B b) { return (a ^ b) & F::kSign; }
};

template <class F, class Sign>
const Op* inject_sign(Interpreter& in, const Op* op, HartState& s) {
  const auto a = F::unbox(s.f[op->rs1]), b = F::unbox(s.f[op->rs2]);
  s.f[op->rd] = F::box((a & ~F::kSign) | Sign::of(a, b));
  return next(in, op, s);
}

// Neither is NaN. -0 is less than +0, as minimumNumber has it.
template <class F>
bool less_with_zeros(typename F::Bits a, typename F::Bits b) {
  if (F::is_zero(a) && F::is_zero(b)) return F::is_negative(a) && !F::is_negative(b);
  return F::host(a) < F::host(b);
}

template <class F, bool kMaximum>
const Op* extremum(Interpreter& in, const Op* op, HartState& s) {
  const auto a = F::unbox(s.f[op->rs1]), b = F::unbox(s.f[op->rs2]);
  if (F::is_signaling(a) || F::is_signaling(b)) s.fflags |= kFlagInvalid;
  typename F::Bits result;
  if (F::is_nan(a)) {
    result = F::is_nan(b) ? F::kCanonicalNan : b;
  } else if (F::is_nan(b)) {
    result = a;
  } else {
    result = less_with_zeros<F>(a, b) != kMaximum ? a : b;
  }
  s.f[op->rd] = F::box(result);
  return next(in, op, s);
}

template <class F>
struct FloatEqual {
  static constexpr bool kSignaling = false;
  static bool of(typename F::Host a, typename F::Host b) { return a == b; }
};
template <class F>
struct FloatLess {
  static constexpr bool kSignaling = true;
  static bool of(typename F::Host a, typename F::Host b) { return a < b; }
};
template <class F>
struct FloatLessOrEqual {
  static constexpr bool kSignaling = true;
  static bool of(typename F::Host a, typename F::Host b) { return a <= b; }
};

template <class F, class Relation>
const Op* compare(Interpreter& in, const Op* op, HartState& s) {
  const auto a = F::unbox(s.f[op->rs1]), b = F::unbox(s.f[op->rs2]);
  if (F::is_nan(a) || F::is_nan(b)) {
    if (Relation::kSignaling || F::is_signaling(a) || F::is_signaling(b)) s.fflags |= kFlagInvalid;
    s.x[op->rd] = 0;
  } else {
    s.x[op->rd] = Relation::of(F::host(a), F::host(b)) ? 1 : 0;
  }
  return next(in, op, s);
}

// The bits of fclass (table 11.5).
template <class F>
const Op* classify(Interpreter& in, const Op* op, HartState& s) {
  const auto a = F::unbox(s.f[op->rs1]);
  unsigned bit;
  if (F::is_nan(a)) {
    bit = F::is_signaling(a) ? 8 : 9;
  } else {
    const unsigned from_zero = F::is_zero(a) ? 0 : F::is_subnormal(a) ? 1 : F::is_infinite(a) ? 3 : 2;
    bit = F::is_negative(a) ? 3 - from_zero : 4 + from_zero;
  }
  s.x[op->rd] = uint64_t{1} << bit;
  return next(in, op, s);
}

template <class F>
const Op* move_to_integer(Interpreter& in, const Op* op, HartState& s) {
  using Signed = std::make_signed_t<typename F::Bits>;
  s.x[op->rd] = static_cast<uint64_t>(int64_t{static_cast<Signed>(s.f[op->rs1])});
  return next(in, op, s);
}

template <class F>
const Op* move_from_integer(Interpreter& in, const Op* op, HartState& s) {
  s.f[op->rd] = F::box(static_cast<typename F::Bits>(s.x[op->rs1]));
  return next(in, op, s);
}

// Both ways of rounding, of an opcode that has a rounding mode.
void both(HandlerTable& table, Opcode opcode, Handler dynamic, Handler fixed) {
  table[opcode] = dynamic;
  table.static_rounding[static_cast<size_t>(opcode)] = fixed;
}

// `first` is fmadd of the format; the others follow in the order of Opcode.
template <class F>
void add(HandlerTable& table, Opcode first) {
  const auto at = [first](int n) { return static_cast<Opcode>(static_cast<int>(first) + n); };
  both(table, at(0), fused<F, false, false, false>, fused<F, false, false, true>);
  both(table, at(1), fused<F, false, true, false>, fused<F, false, true, true>);
  both(table, at(2), fused<F, true, false, false>, fused<F, true, false, true>);
  both(table, at(3), fused<F, true, true, false>, fused<F, true, true, true>);
  both(table, at(4), binary<F, FloatAdd<F>, false>, binary<F, FloatAdd<F>, true>);
  both(table, at(5), binary<F, FloatSubtract<F>, false>, binary<F, FloatSubtract<F>, true>);
  both(table, at(6), binary<F, FloatMultiply<F>, false>, binary<F, FloatMultiply<F>, true>);
  both(table, at(7), binary<F, FloatDivide<F>, false>, binary<F, FloatDivide<F>, true>);
  both(table, at(8), square_root<F, false>, square_root<F, true>);
  table[at(9)] = inject_sign<F, SignOf<F>>;
  table[at(10)] = inject_sign<F, SignInverted<F>>;
  table[at(11)] = inject_sign<F, SignDiffers<F>>;
  table[at(12)] = extremum<F, false>;
  table[at(13)] = extremum<F, true>;
  table[at(14)] = compare<F, FloatLessOrEqual<F>>;
  table[at(15)] = compare<F, FloatLess<F>>;
  table[at(16)] = compare<F, FloatEqual<F>>;
}

}  // namespace

void add_float_handlers(HandlerTable& table) {
  add<Single>(table, Opcode::fmadd_s);
  add<Double>(table, Opcode::fmadd_d);
  table[Opcode::fclass_s] = classify<Single>;
  table[Opcode::fclass_d] = classify<Double>;
  table[Opcode::fmv_x_w] = move_to_integer<Single>;
  table[Opcode::fmv_x_d] = move_to_integer<Double>;
  table[Opcode::fmv_w_x] = move_from_integer<Single>;
  table[Opcode::fmv_d_x] = move_from_integer<Double>;
}

}  // namespace faultline::hw
