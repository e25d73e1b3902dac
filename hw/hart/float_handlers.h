// What the floating-point handlers share: rounding modes.
#pragma once

#include "hw/hart/dispatch.h"
#include "hw/hart/float_immediate.h"
#include "hw/hart/guest_float.h"

namespace faultline::hw {

// 5 to 7: reserved, and so illegal.
inline uint8_t effective_rounding(const Op* op, const HartState& s) {
  return static_rounding(op->imm) == kDynamicRounding ? s.frm : static_rounding(op->imm);
}

// Whether the host is set to the mode that the instruction asks for.
template <bool kStatic>
bool host_can(const Op* op, const HartState& s) {
  return host_rounds(s.frm) && (!kStatic || static_rounding(op->imm) == s.frm);
}

inline const Op* illegal_rounding(Interpreter& in, const Op* op, HartState& s) {
  in.trap(s, op, Trap::Cause::illegal_instruction);
  return nullptr;
}

}  // namespace faultline::hw
