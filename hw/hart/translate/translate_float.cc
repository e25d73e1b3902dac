// F and D where the host rounds as the instruction asks; results that are NaN,
// operands that are no proper single, and the rarer instructions are left to
// the handlers. The host raises the same flags again there.
//
// Doubles are cached in host registers; singles are taken from HartState and
// put there.
#include <cstddef>

#include "hw/hart/float_immediate.h"
#include "hw/hart/translate/block_translator.h"

namespace faultline::hw {

using x86::Alu;
using x86::Condition;
using x86::Fma;
using x86::Memory;
using x86::Precision;
using x86::Shift;
using x86::Sse;
using x86::Width;

namespace {

constexpr auto kResult = x86::Xmm{0};
constexpr auto kScratch1 = x86::Xmm{1};
constexpr auto kScratch2 = x86::Xmm{2};
constexpr uint8_t kToZero = 1;  // rm
constexpr uint8_t kLastOnHost = 3;

// The upper half of a register.
Memory upper(Memory memory) {
  memory.displacement += 4;
  return memory;
}

}  // namespace

x86::Xmm BlockTranslator::read_double(uint8_t guest) {
  if (const RegisterCache::Slot* slot = floats_.find(guest)) return Xmm{slot->host};
  RegisterCache::Slot& slot = floats_.oldest();
  floats_.give(slot, guest);
  out_.load(Xmm{slot.host}, f(guest), Precision::double_);
  return Xmm{slot.host};
}

x86::Xmm BlockTranslator::define_double(uint8_t guest) {
  if (const RegisterCache::Slot* slot = floats_.find(guest)) return Xmm{slot->host};
  RegisterCache::Slot& slot = floats_.oldest();
  floats_.give(slot, guest);
  return Xmm{slot.host};
}

x86::Xmm BlockTranslator::operand(uint8_t guest, Precision precision, Xmm scratch) {
  if (precision == Precision::double_) return read_double(guest);
  out_.alu(Alu::cmp, upper(f(guest)), -1, Width::word);
  exit_if(Condition::not_equal);
  out_.load(scratch, f(guest), Precision::single);
  return scratch;
}

void BlockTranslator::write_float(Xmm value, Precision precision) {
  const uint8_t rd = op().rd;
  out_.store(f(rd), value, precision);
  if (precision == Precision::single) {
    out_.store(upper(f(rd)), -1, Width::word);
    floats_.forget(rd);
    return;
  }
  const Xmm d = define_double(rd);
  if (d != value) out_.move(d, value);
}

// NaN results are canonical.
void BlockTranslator::float_result(Precision precision) {
  out_.compare(kResult, kResult, precision);
  exit_if(Condition::parity);
  write_float(kResult, precision);
}

// Leaves where the host is not set to the mode that the instruction asks for.
// False: it never is.
bool BlockTranslator::check_rounding() {
  const uint8_t rm = static_rounding(op().imm);
  const Memory frm{Reg::rdx, static_cast<int32_t>(offsetof(HartState, frm))};
  if (rm != kDynamicRounding && rm > kLastOnHost) return false;
  out_.compare_byte(frm, rm == kDynamicRounding ? kLastOnHost : rm);
  exit_if(rm == kDynamicRounding ? Condition::above : Condition::not_equal);
  return true;
}

bool BlockTranslator::floating(Opcode opcode) {
  // The instructions of a format stand in one order.
  constexpr int kDistance = static_cast<int>(Opcode::fmadd_d) - static_cast<int>(Opcode::fmadd_s);
  if (Opcode::fmadd_s <= opcode && opcode <= Opcode::feq_s) return arithmetic(opcode, Precision::single);
  if (Opcode::fmadd_d <= opcode && opcode <= Opcode::feq_d) {
    return arithmetic(static_cast<Opcode>(static_cast<int>(opcode) - kDistance), Precision::double_);
  }
  return conversion(opcode);
}

// `opcode` as the instruction for singles has it.
bool BlockTranslator::arithmetic(Opcode opcode, Precision precision) {
  switch (opcode) {
    case Opcode::fmadd_s:
      return fused(Fma::multiply_add, precision);
    case Opcode::fmsub_s:
      return fused(Fma::multiply_sub, precision);
    case Opcode::fnmsub_s:
      return fused(Fma::negative_add, precision);
    case Opcode::fnmadd_s:
      return fused(Fma::negative_sub, precision);
    case Opcode::fadd_s:
      return binary(Sse::add, precision);
    case Opcode::fsub_s:
      return binary(Sse::sub, precision);
    case Opcode::fmul_s:
      return binary(Sse::mul, precision);
    case Opcode::fdiv_s:
      return binary(Sse::div, precision);
    case Opcode::fsqrt_s:
      return square_root(precision);
    case Opcode::fsgnj_s:
    case Opcode::fsgnjn_s:
    case Opcode::fsgnjx_s:
      return precision == Precision::double_ && sign(opcode);
    case Opcode::fmin_s:
      return extremum(Sse::min, precision), true;
    case Opcode::fmax_s:
      return extremum(Sse::max, precision), true;
    case Opcode::feq_s:
      return compare(Condition::equal, precision), true;
    case Opcode::flt_s:
      return compare(Condition::above, precision), true;
    case Opcode::fle_s:
      return compare(Condition::above_or_equal, precision), true;
    default:
      return false;
  }
}

bool BlockTranslator::binary(Sse operation, Precision precision) {
  if (!check_rounding()) return false;
  const Xmm a = operand(op().rs1, precision, kResult);
  const Xmm b = operand(op().rs2, precision, kScratch1);
  if (a != kResult) out_.move(kResult, a);
  out_.sse(operation, kResult, b, precision);
  float_result(precision);
  return true;
}

bool BlockTranslator::square_root(Precision precision) {
  if (!check_rounding()) return false;
  const Xmm a = operand(op().rs1, precision, kScratch1);
  out_.clear(kResult);
  out_.sse(Sse::sqrt, kResult, a, precision);
  float_result(precision);
  return true;
}

bool BlockTranslator::fused(Fma operation, Precision precision) {
  if (!context_.fma || !check_rounding()) return false;
  const Xmm c = operand(static_cast<uint8_t>(third_register(op().imm)), precision, kResult);
  const Xmm a = operand(op().rs1, precision, kScratch1);
  const Xmm b = operand(op().rs2, precision, kScratch2);
  if (c != kResult) out_.move(kResult, c);
  out_.fma(operation, kResult, a, b, precision);
  float_result(precision);
  return true;
}

// Moves, negations and absolute values: both operands are the same register.
bool BlockTranslator::sign(Opcode opcode) {
  if (op().rs1 != op().rs2) return false;
  const Xmm a = read_double(op().rs1);
  if (opcode == Opcode::fsgnj_s) return write_float(a, Precision::double_), true;
  out_.move(Reg::rax, a);
  if (opcode == Opcode::fsgnjn_s) {
    out_.move(Reg::rcx, uint64_t{1} << 63);
    out_.alu(Alu::xor_, Reg::rax, Reg::rcx);
  } else {
    out_.shift(Shift::left, Reg::rax, 1);
    out_.shift(Shift::right, Reg::rax, 1);
  }
  out_.move(kResult, Reg::rax);
  write_float(kResult, Precision::double_);
  return true;
}

// Of equal operands one may be -0.
void BlockTranslator::extremum(Sse operation, Precision precision) {
  const Xmm a = operand(op().rs1, precision, kResult);
  const Xmm b = operand(op().rs2, precision, kScratch1);
  if (a != kResult) out_.move(kResult, a);
  out_.compare(kResult, b, precision);
  exit_if(Condition::parity);
  exit_if(Condition::equal);
  out_.sse(operation, kResult, b, precision);
  write_float(kResult, precision);
}

// `condition`: of the second operand against the first.
void BlockTranslator::compare(Condition condition, Precision precision) {
  const Xmm a = operand(op().rs1, precision, kResult);
  const Xmm b = operand(op().rs2, precision, kScratch1);
  out_.compare(b, a, precision);
  exit_if(Condition::parity);
  const Reg d = define(op().rd);
  out_.set(condition, d);
  defined(op().rd, d);
}

bool BlockTranslator::conversion(Opcode opcode) {
  switch (opcode) {
    case Opcode::fmv_x_w:
      return move_to_integer(x86::Load::word_signed), true;
    case Opcode::fmv_x_d:
      return move_to_integer(x86::Load::full), true;
    case Opcode::fmv_w_x:
      return move_from_integer(Precision::single), true;
    case Opcode::fmv_d_x:
      return move_from_integer(Precision::double_), true;
    case Opcode::fcvt_w_s:
      return to_integer(Precision::single, Width::word);
    case Opcode::fcvt_l_s:
      return to_integer(Precision::single, Width::full);
    case Opcode::fcvt_w_d:
      return to_integer(Precision::double_, Width::word);
    case Opcode::fcvt_l_d:
      return to_integer(Precision::double_, Width::full);
    case Opcode::fcvt_s_w:
      return from_integer(Precision::single, Width::word);
    case Opcode::fcvt_s_l:
      return from_integer(Precision::single, Width::full);
    case Opcode::fcvt_d_w:
      return from_integer(Precision::double_, Width::word);
    case Opcode::fcvt_d_l:
      return from_integer(Precision::double_, Width::full);
    case Opcode::fcvt_s_d:
      return between_formats(Precision::double_, Precision::single);
    case Opcode::fcvt_d_s:
      return between_formats(Precision::single, Precision::double_);
    default:
      return false;
  }
}

void BlockTranslator::move_to_integer(x86::Load kind) {
  const Reg d = define(op().rd);
  out_.load(d, f(op().rs1), kind);
  defined(op().rd, d);
}

void BlockTranslator::move_from_integer(Precision precision) {
  const Reg a = read(op().rs1);
  out_.move(kResult, a);
  write_float(kResult, precision);
}

// What does not fit comes back as the least integer.
bool BlockTranslator::to_integer(Precision precision, Width width) {
  if (static_rounding(op().imm) != kToZero) return false;
  const Xmm a = operand(op().rs1, precision, kResult);
  out_.to_integer(Reg::rax, a, precision, width);
  out_.alu(Alu::cmp, Reg::rax, 1, width);
  exit_if(Condition::overflow);
  const Reg d = define(op().rd);
  width == Width::word ? out_.extend_word(d, Reg::rax) : out_.move(d, Reg::rax);
  defined(op().rd, d);
  return true;
}

bool BlockTranslator::from_integer(Precision precision, Width width) {
  if (!check_rounding()) return false;
  const Reg a = read(op().rs1);
  out_.clear(kResult);
  out_.from_integer(kResult, a, precision, width);
  write_float(kResult, precision);
  return true;
}

bool BlockTranslator::between_formats(Precision from, Precision to) {
  if (!check_rounding()) return false;
  const Xmm a = operand(op().rs1, from, kScratch1);
  out_.clear(kResult);
  out_.sse(Sse::between_formats, kResult, a, from);
  float_result(to);
  return true;
}

}  // namespace faultline::hw
