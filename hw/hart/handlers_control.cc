// Branches, jumps, and the ends of blocks.
#include "hw/hart/block_exit.h"

namespace faultline::hw {
namespace {

template <class Condition, FetchMode kMode>
const Op* branch(Interpreter& in, const Op* op, HartState& s) {
  return branch_on<Condition, kMode>(in, op, s, s.x[op->rs1]);
}

template <FetchMode kMode>
const Op* jump_and_link(Interpreter& in, const Op* op, HartState& s) {
  s.x[op->rd] = target<Way::next>(in, op);
  return leave<Way::taken, kMode>(in, op, s);
}

template <FetchMode kMode>
const Op* jump_and_link_register(Interpreter& in, const Op* op, HartState& s) {
  const uint64_t pc = (s.x[op->rs1] + static_cast<uint64_t>(int64_t{op->imm})) & ~uint64_t{1};
  s.x[op->rd] = target<Way::next>(in, op);
  return jump<kMode>(in, pc, s);
}

template <FetchMode kMode>
const Op* fall(Interpreter& in, const Op* op, HartState& s) {
  return leave<Way::fall, kMode>(in, op, s);
}

template <FetchMode kMode>
const Op* next_piece(Interpreter& in, const Op* op, HartState& s) {
  return jump<kMode>(in, target<Way::next>(in, op), s);
}

template <FetchMode kMode>
const Op* straddle(Interpreter& in, const Op* op, HartState& s) {
  Block* block = in.fetch_straddling(s, op);
  if (block == nullptr) return nullptr;
  return enter_fetched(in, block, s);
}

template <FetchMode kMode>
const Op* second_line(Interpreter& in, const Op* op, HartState& s) {
  in.fetch_second_line(op, kMode == FetchMode::line);
  return next(in, op, s);
}

template <FetchMode kMode>
const Op* start(Interpreter& in, const Op*, HartState& s) {
  return proceed<kMode>(in, s.pc, s);
}

template <FetchMode kMode>
const Op* enter_block_in_full(Interpreter& in, const Op* block, HartState& s) {
  return enter_in_full<kMode>(in, reinterpret_cast<Block*>(const_cast<Op*>(block)), s);
}

template <FetchMode kMode>
void add(HandlerTable& table) {
  table[Opcode::beq] = branch<Equal, kMode>;
  table[Opcode::bne] = branch<NotEqual, kMode>;
  table[Opcode::blt] = branch<Less, kMode>;
  table[Opcode::bge] = branch<NotLess, kMode>;
  table[Opcode::bltu] = branch<LessUnsigned, kMode>;
  table[Opcode::bgeu] = branch<NotLessUnsigned, kMode>;
  table[Opcode::jal] = jump_and_link<kMode>;
  table[Opcode::jalr] = jump_and_link_register<kMode>;
  table.start = start<kMode>;
  table.fall = fall<kMode>;
  table.next_piece = next_piece<kMode>;
  table.straddle = straddle<kMode>;
  table.second_line = second_line<kMode>;
  table.enter_in_full = enter_block_in_full<kMode>;
}

}  // namespace

void add_control_handlers(HandlerTable& table, FetchMode mode) {
  switch (mode) {
    case FetchMode::flat:
      return add<FetchMode::flat>(table);
    case FetchMode::line:
      return add<FetchMode::line>(table);
    case FetchMode::each:
      return add<FetchMode::each>(table);
    case FetchMode::step:
      return add<FetchMode::step>(table);
  }
}

}  // namespace faultline::hw
