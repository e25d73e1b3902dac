// The immediate of a floating-point operation: third register and rounding mode.
#pragma once

#include <cstdint>

namespace faultline::hw {

constexpr int32_t float_immediate(unsigned rs3, unsigned rm) { return static_cast<int32_t>(rs3 | rm << 8); }
constexpr unsigned third_register(int32_t imm) { return static_cast<uint32_t>(imm) & 31; }
constexpr uint8_t static_rounding(int32_t imm) { return static_cast<uint8_t>(imm >> 8); }

}  // namespace faultline::hw
