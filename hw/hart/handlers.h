// Which function executes which instruction: a table made for one machine's
// ways of paying for fetches and data.
#pragma once

#include <array>

#include "hw/hart/hart_costs.h"
#include "hw/hart/op.h"
#include "hw/riscv/instruction.h"

namespace faultline::hw {

struct HandlerTable {
  std::array<Handler, kOpcodes> by_opcode{};
  // For instructions with a rounding mode of their own; null for the others.
  std::array<Handler, kOpcodes> static_rounding{};
  // For loads and stores in DataMode::cached: where the filter has the page, but
  // L1D's hint does not find the line; null for all others.
  std::array<Handler, kOpcodes> behind_hint{};

  // What is no instruction.
  Handler mark = nullptr;         // a region mark, whatever its opcode
  Handler start = nullptr;        // enters the code at HartState::pc; its own operation is null
  Handler fall = nullptr;         // the block ends, the code goes on in this piece
  Handler next_piece = nullptr;   // the piece ends
  Handler straddle = nullptr;     // an instruction begins in the piece's last two bytes
  Handler second_line = nullptr;  // the next instruction lies in two lines
  // Enters a block, given in the operation's place, whose line L1I is to be asked for.
  Handler enter_in_full = nullptr;

  Handler& operator[](Opcode opcode) { return by_opcode[static_cast<size_t>(opcode)]; }
};

void add_integer_handlers(HandlerTable& table);
void add_multiply_handlers(HandlerTable& table);
void add_control_handlers(HandlerTable& table, FetchMode mode);
void add_system_handlers(HandlerTable& table);
void add_memory_handlers(HandlerTable& table, DataMode mode);
void add_atomic_handlers(HandlerTable& table);
void add_float_handlers(HandlerTable& table);
void add_float_conversion_handlers(HandlerTable& table);

// Executes two operations that stand one behind the other, and goes on behind
// both; null where there is none for the two. `forwarded`: the first writes the
// second's rs1.
Handler fused_handler(Opcode first, Opcode second, bool forwarded, FetchMode mode);

// The first operation of a block that counts its entries (Block::entries_left).
const Op* count_entry(Interpreter& in, const Op* op, HartState& s);

// Every instruction of RV64GC has a handler in the table.
HandlerTable make_handlers(FetchMode fetch, DataMode data);

}  // namespace faultline::hw
