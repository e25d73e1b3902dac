// RV64I without loads, stores and control transfers, and M.
#include "hw/hart/translate/block_translator.h"

namespace faultline::hw {

using x86::Alu;
using x86::Condition;
using x86::Shift;
using x86::Wide;
using x86::Width;

bool BlockTranslator::integer(Opcode opcode) {
  if (opcode == Opcode::fence || opcode == Opcode::fence_i) return true;
  if (uses_[at_].pure && op().rd == kDiscard) return true;
  return integer_immediate(opcode) || integer_registers(opcode) || multiply_divide(opcode);
}

bool BlockTranslator::integer_immediate(Opcode opcode) {
  switch (opcode) {
    case Opcode::lui:
      return load_constant(static_cast<uint64_t>(int64_t{op().imm})), true;
    case Opcode::auipc:
      return add_to_piece(), true;
    case Opcode::addi:
      return add_immediate(false), true;
    case Opcode::addiw:
      return add_immediate(true), true;
    case Opcode::slti:
      return set_if(Condition::less, true), true;
    case Opcode::sltiu:
      return set_if(Condition::below, true), true;
    case Opcode::xori:
      return immediate(Alu::xor_), true;
    case Opcode::ori:
      return immediate(Alu::or_), true;
    case Opcode::andi:
      return immediate(Alu::and_), true;
    case Opcode::slli:
      return shift_immediate(Shift::left, Width::full), true;
    case Opcode::srli:
      return shift_immediate(Shift::right, Width::full), true;
    case Opcode::srai:
      return shift_immediate(Shift::arithmetic, Width::full), true;
    case Opcode::slliw:
      return shift_immediate(Shift::left, Width::word), true;
    case Opcode::srliw:
      return shift_immediate(Shift::right, Width::word), true;
    case Opcode::sraiw:
      return shift_immediate(Shift::arithmetic, Width::word), true;
    default:
      return false;
  }
}

bool BlockTranslator::integer_registers(Opcode opcode) {
  switch (opcode) {
    case Opcode::add:
      return registers(Alu::add, Width::full), true;
    case Opcode::sub:
      return registers(Alu::sub, Width::full), true;
    case Opcode::xor_:
      return registers(Alu::xor_, Width::full), true;
    case Opcode::or_:
      return registers(Alu::or_, Width::full), true;
    case Opcode::and_:
      return registers(Alu::and_, Width::full), true;
    case Opcode::addw:
      return registers(Alu::add, Width::word), true;
    case Opcode::subw:
      return registers(Alu::sub, Width::word), true;
    case Opcode::slt:
      return set_if(Condition::less, false), true;
    case Opcode::sltu:
      return set_if(Condition::below, false), true;
    case Opcode::sll:
      return shift_registers(Shift::left, Width::full), true;
    case Opcode::srl:
      return shift_registers(Shift::right, Width::full), true;
    case Opcode::sra:
      return shift_registers(Shift::arithmetic, Width::full), true;
    case Opcode::sllw:
      return shift_registers(Shift::left, Width::word), true;
    case Opcode::srlw:
      return shift_registers(Shift::right, Width::word), true;
    case Opcode::sraw:
      return shift_registers(Shift::arithmetic, Width::word), true;
    default:
      return false;
  }
}

bool BlockTranslator::multiply_divide(Opcode opcode) {
  const auto multiply = [this](Width width) {
    two_operands(true, width, [&](Reg to, Reg by) { out_.multiply(to, by, width); });
  };
  switch (opcode) {
    case Opcode::mul:
      return multiply(Width::full), true;
    case Opcode::mulw:
      return multiply(Width::word), true;
    case Opcode::mulh:
      return multiply_high(Wide::multiply_signed), true;
    case Opcode::mulhu:
      return multiply_high(Wide::multiply), true;
    case Opcode::div:
      return divide(Wide::divide_signed, Width::full, false), true;
    case Opcode::divu:
      return divide(Wide::divide, Width::full, false), true;
    case Opcode::rem:
      return divide(Wide::divide_signed, Width::full, true), true;
    case Opcode::remu:
      return divide(Wide::divide, Width::full, true), true;
    case Opcode::divw:
      return divide(Wide::divide_signed, Width::word, false), true;
    case Opcode::divuw:
      return divide(Wide::divide, Width::word, false), true;
    case Opcode::remw:
      return divide(Wide::divide_signed, Width::word, true), true;
    case Opcode::remuw:
      return divide(Wide::divide, Width::word, true), true;
    default:
      return false;
  }
}

void BlockTranslator::load_constant(uint64_t value) {
  const Reg d = define(op().rd);
  out_.move(d, value);
  defined(op().rd, d);
}

void BlockTranslator::add_to_piece() {
  const Reg d = define(op().rd);
  out_.load(d, field(context_.layout.piece));
  if (op().imm != 0) out_.alu(Alu::add, d, op().imm);
  defined(op().rd, d);
}

void BlockTranslator::add_immediate(bool word) {
  const int32_t imm = op().imm;
  if (op().rs1 == 0) return load_constant(static_cast<uint64_t>(int64_t{imm}));
  const Reg a = read(op().rs1), d = define(op().rd);
  if (imm == 0) {
    if (word) {
      out_.extend_word(d, a);
    } else if (d != a) {
      out_.move(d, a);
    }
  } else {
    d == a ? out_.alu(Alu::add, d, imm) : out_.lea(d, {a, imm});
    if (word) out_.extend_word(d, d);
  }
  defined(op().rd, d);
}

void BlockTranslator::immediate(Alu operation) {
  const Reg a = read(op().rs1), d = define(op().rd);
  if (d != a) out_.move(d, a);
  out_.alu(operation, d, op().imm);
  defined(op().rd, d);
}

void BlockTranslator::shift_immediate(Shift kind, Width width) {
  const Reg a = read(op().rs1), d = define(op().rd);
  if (d != a) out_.move(d, a);
  out_.shift(kind, d, static_cast<unsigned>(op().imm) & (width == Width::word ? 31 : 63), width);
  if (width == Width::word) out_.extend_word(d, d);
  defined(op().rd, d);
}

void BlockTranslator::set_if(Condition condition, bool with_immediate) {
  const Reg a = read(op().rs1);
  with_immediate ? out_.alu(Alu::cmp, a, op().imm) : out_.alu(Alu::cmp, a, read(op().rs2));
  // Neither a look-up nor a store behind it changes the host's flags.
  const Reg d = define(op().rd);
  out_.set(condition, d);
  defined(op().rd, d);
}

// `emit(to, by)`: to = to op by.
template <class Emit>
void BlockTranslator::two_operands(bool commutes, Width width, Emit emit) {
  const Reg a = read(op().rs1), b = read(op().rs2), d = define(op().rd);
  if (d == a) {
    emit(d, b);
  } else if (d == b && commutes) {
    emit(d, a);
  } else if (d == b) {
    out_.move(Reg::rax, a);
    emit(Reg::rax, b);
    out_.move(d, Reg::rax);
  } else {
    out_.move(d, a);
    emit(d, b);
  }
  if (width == Width::word) out_.extend_word(d, d);
  defined(op().rd, d);
}

void BlockTranslator::registers(Alu operation, Width width) {
  two_operands(operation != Alu::sub, width, [&](Reg to, Reg by) { out_.alu(operation, to, by, width); });
}

// The host takes the same bits of the amount as the guest.
void BlockTranslator::shift_registers(Shift kind, Width width) {
  const Reg a = read(op().rs1), b = read(op().rs2), d = define(op().rd);
  out_.move(Reg::rcx, b);
  if (d != a) out_.move(d, a);
  out_.shift_by_cl(kind, d, width);
  if (width == Width::word) out_.extend_word(d, d);
  defined(op().rd, d);
}

void BlockTranslator::multiply_high(Wide kind) {
  const Reg a = read(op().rs1), b = read(op().rs2), d = define(op().rd);
  out_.move(Reg::rsi, Reg::rdx);
  out_.move(Reg::rax, a);
  out_.wide(kind, b);
  out_.move(d, Reg::rdx);
  out_.move(Reg::rdx, Reg::rsi);
  defined(op().rd, d);
}

// The handler divides by 0 and -1, where the host would trap.
void BlockTranslator::divide(Wide kind, Width width, bool remainder) {
  const bool is_signed = kind == Wide::divide_signed;
  const Reg a = read(op().rs1), b = read(op().rs2), d = define(op().rd);
  if (is_signed) {
    out_.lea(Reg::rcx, {b, 1});
    out_.alu(Alu::cmp, Reg::rcx, 1, width);
    exit_if(Condition::below_or_equal);
  } else {
    out_.test(b, b, width);
    exit_if(Condition::equal);
  }
  out_.move(Reg::rsi, Reg::rdx);
  out_.move(Reg::rax, a, width);
  is_signed ? out_.sign_into_rdx(width) : out_.move(Reg::rdx, uint64_t{0});
  out_.wide(kind, b, width);
  const Reg result = remainder ? Reg::rdx : Reg::rax;
  width == Width::word ? out_.extend_word(d, result) : out_.move(d, result);
  out_.move(Reg::rdx, Reg::rsi);
  defined(op().rd, d);
}

}  // namespace faultline::hw
