// RV64I without loads, stores and control transfers.
#include "hw/hart/dispatch.h"

namespace faultline::hw {
namespace {

constexpr uint64_t extend_word(uint64_t value) {
  return static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(value)));
}
constexpr uint64_t arithmetic_shift(uint64_t value, uint64_t amount) {
  return static_cast<uint64_t>(static_cast<int64_t>(value) >> amount);
}

struct Add {
  static uint64_t of(uint64_t a, uint64_t b) { return a + b; }
};
struct Sub {
  static uint64_t of(uint64_t a, uint64_t b) { return a - b; }
};
struct Xor {
  static uint64_t of(uint64_t a, uint64_t b) { return a ^ b; }
};
struct Or {
  static uint64_t of(uint64_t a, uint64_t b) { return a | b; }
};
struct And {
  static uint64_t of(uint64_t a, uint64_t b) { return a & b; }
};
struct SetLess {
  static uint64_t of(uint64_t a, uint64_t b) { return static_cast<int64_t>(a) < static_cast<int64_t>(b); }
};
struct SetLessUnsigned {
  static uint64_t of(uint64_t a, uint64_t b) { return a < b; }
};
struct ShiftLeft {
  static uint64_t of(uint64_t a, uint64_t b) { return a << (b & 63); }
};
struct ShiftRight {
  static uint64_t of(uint64_t a, uint64_t b) { return a >> (b & 63); }
};
struct ShiftRightArithmetic {
  static uint64_t of(uint64_t a, uint64_t b) { return arithmetic_shift(a, b & 63); }
};
struct AddWord {
  static uint64_t of(uint64_t a, uint64_t b) { return extend_word(a + b); }
};
struct SubWord {
  static uint64_t of(uint64_t a, uint64_t b) { return extend_word(a - b); }
};
struct ShiftLeftWord {
  static uint64_t of(uint64_t a, uint64_t b) { return extend_word(a << (b & 31)); }
};
struct ShiftRightWord {
  static uint64_t of(uint64_t a, uint64_t b) { return extend_word(static_cast<uint32_t>(a) >> (b & 31)); }
};
struct ShiftRightArithmeticWord {
  static uint64_t of(uint64_t a, uint64_t b) { return extend_word(arithmetic_shift(extend_word(a), b & 31)); }
};

template <class Operation>
const Op* registers(Interpreter& in, const Op* op, HartState& s, const FilterEntry* loads, const FilterEntry* stores) {
  s.x[op->rd] = Operation::of(s.x[op->rs1], s.x[op->rs2]);
  return next(in, op, s, loads, stores);
}

template <class Operation>
const Op* immediate(Interpreter& in, const Op* op, HartState& s, const FilterEntry* loads, const FilterEntry* stores) {
  s.x[op->rd] = Operation::of(s.x[op->rs1], static_cast<uint64_t>(int64_t{op->imm}));
  return next(in, op, s, loads, stores);
}

const Op* load_upper(Interpreter& in, const Op* op, HartState& s, const FilterEntry* loads, const FilterEntry* stores) {
  s.x[op->rd] = static_cast<uint64_t>(int64_t{op->imm});
  return next(in, op, s, loads, stores);
}

// The immediate is relative to the piece already.
const Op* add_upper_to_pc(Interpreter& in, const Op* op, HartState& s, const FilterEntry* loads,
                          const FilterEntry* stores) {
  s.x[op->rd] = in.piece + static_cast<uint64_t>(int64_t{op->imm});
  return next(in, op, s, loads, stores);
}

// One hart, no store buffer, no stale code: a fence orders what is ordered.
const Op* no_operation(Interpreter& in, const Op* op, HartState& s, const FilterEntry* loads,
                       const FilterEntry* stores) {
  return next(in, op, s, loads, stores);
}

}  // namespace

void add_integer_handlers(HandlerTable& table) {
  table[Opcode::lui] = load_upper;
  table[Opcode::auipc] = add_upper_to_pc;
  table[Opcode::addi] = immediate<Add>;
  table[Opcode::slti] = immediate<SetLess>;
  table[Opcode::sltiu] = immediate<SetLessUnsigned>;
  table[Opcode::xori] = immediate<Xor>;
  table[Opcode::ori] = immediate<Or>;
  table[Opcode::andi] = immediate<And>;
  table[Opcode::slli] = immediate<ShiftLeft>;
  table[Opcode::srli] = immediate<ShiftRight>;
  table[Opcode::srai] = immediate<ShiftRightArithmetic>;
  table[Opcode::addiw] = immediate<AddWord>;
  table[Opcode::slliw] = immediate<ShiftLeftWord>;
  table[Opcode::srliw] = immediate<ShiftRightWord>;
  table[Opcode::sraiw] = immediate<ShiftRightArithmeticWord>;
  table[Opcode::add] = registers<Add>;
  table[Opcode::sub] = registers<Sub>;
  table[Opcode::sll] = registers<ShiftLeft>;
  table[Opcode::slt] = registers<SetLess>;
  table[Opcode::sltu] = registers<SetLessUnsigned>;
  table[Opcode::xor_] = registers<Xor>;
  table[Opcode::srl] = registers<ShiftRight>;
  table[Opcode::sra] = registers<ShiftRightArithmetic>;
  table[Opcode::or_] = registers<Or>;
  table[Opcode::and_] = registers<And>;
  table[Opcode::addw] = registers<AddWord>;
  table[Opcode::subw] = registers<SubWord>;
  table[Opcode::sllw] = registers<ShiftLeftWord>;
  table[Opcode::srlw] = registers<ShiftRightWord>;
  table[Opcode::sraw] = registers<ShiftRightArithmeticWord>;
  table[Opcode::fence] = no_operation;
  table[Opcode::fence_i] = no_operation;
}

}  // namespace faultline::hw
