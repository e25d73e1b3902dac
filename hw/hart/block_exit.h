// How a block is left. Included by the handlers only.
#pragma once

#include <cstdint>

#include "hw/hart/dispatch.h"

namespace faultline::hw {

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
[[gnu::noinline]] const Op* follow(Interpreter& in, const Op* op, HartState& s) {
  const uint64_t pc = target<kWay>(in, op);
  if (kWay != Way::fall && in.due()) {
    in.pause(s, pc);
    return nullptr;
  }
  if constexpr (kMode == FetchMode::step) {
    in.step(s, pc);
    return nullptr;
  }
  const uint64_t piece = in.piece;
  Block* block = find_block<kMode>(in, s, pc);
  if (block == nullptr) return nullptr;
  // An instruction that straddles was fetched from two pages, and the entry of
  // the first is not the most recent one.
  if (!one_by_one(kMode) && in.piece == piece && block_of(op).end <= kPieceBytes) {
    link<kWay>(op) = block;
    in.linked(*block);
  }
  return enter<kMode>(in, block, s);
}

template <Way kWay, FetchMode kMode>
inline const Op* leave(Interpreter& in, const Op* op, HartState& s) {
  Block* block = link<kWay>(op);
  if (block == nullptr || (kWay != Way::fall && in.due())) [[unlikely]] {
    return follow<kWay, kMode>(in, op, s);
  }
  return enter<kMode>(in, block, s);
}

// A conditional branch at `op` that compares `a`, the register rs1 or what an
// operation just before left in it.
template <class Condition, FetchMode kMode>
inline const Op* branch_on(Interpreter& in, const Op* op, HartState& s, uint64_t a) {
  if (Condition::of(a, s.x[op->rs2])) return leave<Way::taken, kMode>(in, op, s);
  return leave<Way::next, kMode>(in, op, s);
}

}  // namespace faultline::hw
