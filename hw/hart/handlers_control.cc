// Branches, jumps, and the ends of blocks.
#include "hw/hart/dispatch.h"

namespace faultline::hw {
namespace {

struct Equal {
  static bool of(uint64_t a, uint64_t b) { return a == b; }
};
struct NotEqual {
  static bool of(uint64_t a, uint64_t b) { return a != b; }
};
struct Less {
  static bool of(uint64_t a, uint64_t b) { return static_cast<int64_t>(a) < static_cast<int64_t>(b); }
};
struct NotLess {
  static bool of(uint64_t a, uint64_t b) { return static_cast<int64_t>(a) >= static_cast<int64_t>(b); }
};
struct LessUnsigned {
  static bool of(uint64_t a, uint64_t b) { return a < b; }
};
struct NotLessUnsigned {
  static bool of(uint64_t a, uint64_t b) { return a >= b; }
};

// Which way a block is left.
enum class Way : uint8_t { taken, next, fall };

template <Way kWay>
uint64_t target(const Interpreter& in, const Op* op) {
  return in.piece + (kWay == Way::taken ? static_cast<uint64_t>(int64_t{op->imm}) : block_of(op).end);
}

template <Way kWay>
Block*& link(const Op* op) {
  return kWay == Way::taken ? links_of(op).taken : links_of(op).next;
}

// The first time, and whenever the target lies in another piece. Inside a
// piece blocks are linked: the modelled ITLB entry stays the most recent one
// for as long as the code stays in its piece, so there is nothing to look up.
template <Way kWay, FetchMode kMode>
[[gnu::noinline]] const Op* follow(Interpreter& in, const Op* op, HartState& s, const FilterEntry* loads,
                                   const FilterEntry* stores) {
  const uint64_t pc = target<kWay>(in, op);
  if (kWay != Way::fall && in.due()) {
    in.pause(s, pc);
    return nullptr;
  }
  const uint64_t piece = in.piece;
  Block* block = find_block<kMode>(in, s, pc);
  if (block == nullptr) return nullptr;
  // An instruction that straddles was fetched from two pages, and the entry of
  // the first is not the most recent one.
  if (kMode != FetchMode::each && in.piece == piece && block_of(op).end <= kPieceBytes) link<kWay>(op) = block;
  return enter<kMode>(in, block, s, loads, stores);
}

template <Way kWay, FetchMode kMode>
inline const Op* leave(Interpreter& in, const Op* op, HartState& s, const FilterEntry* loads,
                       const FilterEntry* stores) {
  Block* block = link<kWay>(op);
  if (block == nullptr || (kWay != Way::fall && in.due())) [[unlikely]] {
    return follow<kWay, kMode>(in, op, s, loads, stores);
  }
  return enter<kMode>(in, block, s, loads, stores);
}

template <class Condition, FetchMode kMode>
const Op* branch(Interpreter& in, const Op* op, HartState& s, const FilterEntry* loads, const FilterEntry* stores) {
  if (Condition::of(s.x[op->rs1], s.x[op->rs2])) return leave<Way::taken, kMode>(in, op, s, loads, stores);
  return leave<Way::next, kMode>(in, op, s, loads, stores);
}

template <FetchMode kMode>
const Op* jump_and_link(Interpreter& in, const Op* op, HartState& s, const FilterEntry* loads,
                        const FilterEntry* stores) {
  s.x[op->rd] = target<Way::next>(in, op);
  return leave<Way::taken, kMode>(in, op, s, loads, stores);
}

template <FetchMode kMode>
const Op* jump_and_link_register(Interpreter& in, const Op* op, HartState& s, const FilterEntry* loads,
                                 const FilterEntry* stores) {
  const uint64_t pc = (s.x[op->rs1] + static_cast<uint64_t>(int64_t{op->imm})) & ~uint64_t{1};
  s.x[op->rd] = target<Way::next>(in, op);
  return jump<kMode>(in, pc, s, loads, stores);
}

template <FetchMode kMode>
const Op* fall(Interpreter& in, const Op* op, HartState& s, const FilterEntry* loads, const FilterEntry* stores) {
  return leave<Way::fall, kMode>(in, op, s, loads, stores);
}

template <FetchMode kMode>
const Op* next_piece(Interpreter& in, const Op* op, HartState& s, const FilterEntry* loads, const FilterEntry* stores) {
  return jump<kMode>(in, target<Way::next>(in, op), s, loads, stores);
}

template <FetchMode kMode>
const Op* straddle(Interpreter& in, const Op* op, HartState& s, const FilterEntry* loads, const FilterEntry* stores) {
  Block* block = in.fetch_straddling(s, op);
  if (block == nullptr) return nullptr;
  return enter_fetched(in, block, s, loads, stores);
}

template <FetchMode kMode>
const Op* second_line(Interpreter& in, const Op* op, HartState& s, const FilterEntry* loads,
                      const FilterEntry* stores) {
  in.fetch_second_line(op, kMode == FetchMode::line);
  return next(in, op, s, loads, stores);
}

template <FetchMode kMode>
const Op* start(Interpreter& in, const Op*, HartState& s, const FilterEntry* loads, const FilterEntry* stores) {
  return proceed<kMode>(in, s.pc, s, loads, stores);
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
  }
}

}  // namespace faultline::hw
