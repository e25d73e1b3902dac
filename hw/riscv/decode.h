// Bits to Instruction, as the ratified manual has it: reserved encodings are
// illegal, HINTs are the no-ops that they look like.
#pragma once

#include <cstdint>

#include "hw/riscv/instruction.h"

namespace faultline::hw {

// Whether an instruction that begins with these 16 bits is 16 bits long.
constexpr bool is_compressed(uint32_t bits) { return (bits & 3) != 3; }

// `bits` holds 32 bits, of which a compressed instruction uses the lower 16.
// What is no RV64GC user instruction comes back as Opcode::illegal.
Instruction decode(uint32_t bits);

// The 32-bit instruction that a compressed one stands for; 0, which is
// illegal, where it is reserved.
uint32_t expand_compressed(uint16_t bits);

}  // namespace faultline::hw
