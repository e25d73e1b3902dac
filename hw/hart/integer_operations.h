// What the integer instructions compute that neither trap nor leave their
// block: alone (handlers_integer.cc) or two at a time (handlers_fused.cc).
#pragma once

#include <cstdint>

#include "hw/hart/interpreter.h"

namespace faultline::hw {
namespace integer {

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

struct Multiply {
  static uint64_t of(uint64_t a, uint64_t b) { return a * b; }
};
struct MultiplyWord {
  static uint64_t of(uint64_t a, uint64_t b) { return extend_word(a * b); }
};

// How each finds its operands; `a` is the register rs1, or what an operation
// just before left in it.
template <class Operation>
struct Registers {
  static uint64_t of(const Interpreter&, const Op* op, const HartState& s, uint64_t a) {
    return Operation::of(a, s.x[op->rs2]);
  }
};
template <class Operation>
struct Immediate {
  static uint64_t of(const Interpreter&, const Op* op, const HartState&, uint64_t a) {
    return Operation::of(a, static_cast<uint64_t>(int64_t{op->imm}));
  }
};
struct LoadUpper {
  static uint64_t of(const Interpreter&, const Op* op, const HartState&, uint64_t) {
    return static_cast<uint64_t>(int64_t{op->imm});
  }
};
// The immediate is relative to the piece already.
struct AddUpperToPc {
  static uint64_t of(const Interpreter& in, const Op* op, const HartState&, uint64_t) {
    return in.piece + static_cast<uint64_t>(int64_t{op->imm});
  }
};

}  // namespace integer
}  // namespace faultline::hw
