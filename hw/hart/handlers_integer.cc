// RV64I without loads, stores and control transfers.
#include "hw/hart/dispatch.h"
#include "hw/hart/integer_operations.h"

namespace faultline::hw {
namespace {

using namespace integer;

template <class Instruction>
const Op* run(Interpreter& in, const Op* op, HartState& s) {
  s.x[op->rd] = Instruction::of(in, op, s, s.x[op->rs1]);
  return next(in, op, s);
}

// One hart, no store buffer, no stale code: a fence orders what is ordered.
const Op* no_operation(Interpreter& in, const Op* op, HartState& s) { return next(in, op, s); }

}  // namespace

void add_integer_handlers(HandlerTable& table) {
  table[Opcode::lui] = run<LoadUpper>;
  table[Opcode::auipc] = run<AddUpperToPc>;
  table[Opcode::addi] = run<Immediate<Add>>;
  table[Opcode::slti] = run<Immediate<SetLess>>;
  table[Opcode::sltiu] = run<Immediate<SetLessUnsigned>>;
  table[Opcode::xori] = run<Immediate<Xor>>;
  table[Opcode::ori] = run<Immediate<Or>>;
  table[Opcode::andi] = run<Immediate<And>>;
  table[Opcode::slli] = run<Immediate<ShiftLeft>>;
  table[Opcode::srli] = run<Immediate<ShiftRight>>;
  table[Opcode::srai] = run<Immediate<ShiftRightArithmetic>>;
  table[Opcode::addiw] = run<Immediate<AddWord>>;
  table[Opcode::slliw] = run<Immediate<ShiftLeftWord>>;
  table[Opcode::srliw] = run<Immediate<ShiftRightWord>>;
  table[Opcode::sraiw] = run<Immediate<ShiftRightArithmeticWord>>;
  table[Opcode::add] = run<Registers<Add>>;
  table[Opcode::sub] = run<Registers<Sub>>;
  table[Opcode::sll] = run<Registers<ShiftLeft>>;
  table[Opcode::slt] = run<Registers<SetLess>>;
  table[Opcode::sltu] = run<Registers<SetLessUnsigned>>;
  table[Opcode::xor_] = run<Registers<Xor>>;
  table[Opcode::srl] = run<Registers<ShiftRight>>;
  table[Opcode::sra] = run<Registers<ShiftRightArithmetic>>;
  table[Opcode::or_] = run<Registers<Or>>;
  table[Opcode::and_] = run<Registers<And>>;
  table[Opcode::addw] = run<Registers<AddWord>>;
  table[Opcode::subw] = run<Registers<SubWord>>;
  table[Opcode::sllw] = run<Registers<ShiftLeftWord>>;
  table[Opcode::srlw] = run<Registers<ShiftRightWord>>;
  table[Opcode::sraw] = run<Registers<ShiftRightArithmeticWord>>;
  table[Opcode::fence] = no_operation;
  table[Opcode::fence_i] = no_operation;
}

}  // namespace faultline::hw
