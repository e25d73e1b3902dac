// ecall, ebreak, what is no instruction, and Zicsr.
#include "hw/hart/dispatch.h"

namespace faultline::hw {
namespace {

const Op* environment_call(Interpreter& in, const Op* op, HartState& s) {
  in.trap_done(s, op, Trap::Cause::ecall);
  return nullptr;
}

const Op* breakpoint(Interpreter& in, const Op* op, HartState& s) {
  in.trap(s, op, Trap::Cause::ebreak);
  return nullptr;
}

const Op* illegal(Interpreter& in, const Op* op, HartState& s) {
  in.trap(s, op, Trap::Cause::illegal_instruction);
  return nullptr;
}

const Op* region_mark_executed(Interpreter& in, const Op* op, HartState& s) {
  in.trap_done(s, op, Trap::Cause::mark);
  return nullptr;
}

struct Write {
  static uint64_t of(uint64_t, uint64_t operand) { return operand; }
};
struct SetBits {
  static uint64_t of(uint64_t old, uint64_t operand) { return old | operand; }
};
struct ClearBits {
  static uint64_t of(uint64_t old, uint64_t operand) { return old & ~operand; }
};

struct Register {
  static uint64_t operand(const Op* op, const HartState& s) { return s.x[op->rs1]; }
};
struct Immediate {
  static uint64_t operand(const Op* op, const HartState&) { return op->rs1; }
};

// Set and clear with x0, or with the immediate 0, do not write at all, so that
// they may name a register that is read-only.
template <class Change, class Source>
const Op* csr(Interpreter& in, const Op* op, HartState& s) {
  const auto number = static_cast<unsigned>(op->imm);
  const bool writes = std::is_same_v<Change, Write> || op->rs1 != 0;
  const uint64_t operand = Source::operand(op, s);
  const bool known = in.read_csr(s, op, number);
  const uint64_t old = in.loaded;
  if (!known || (writes && !in.write_csr(s, number, Change::of(old, operand)))) {
    in.trap(s, op, Trap::Cause::illegal_instruction);
    return nullptr;
  }
  s.x[op->rd] = old;
  return next(in, op, s);
}

}  // namespace

void add_system_handlers(HandlerTable& table) {
  table[Opcode::illegal] = illegal;
  table.mark = region_mark_executed;
  table[Opcode::ecall] = environment_call;
  table[Opcode::ebreak] = breakpoint;
  table[Opcode::csrrw] = csr<Write, Register>;
  table[Opcode::csrrs] = csr<SetBits, Register>;
  table[Opcode::csrrc] = csr<ClearBits, Register>;
  table[Opcode::csrrwi] = csr<Write, Immediate>;
  table[Opcode::csrrsi] = csr<SetBits, Immediate>;
  table[Opcode::csrrci] = csr<ClearBits, Immediate>;
}

}  // namespace faultline::hw
