// One instruction as text, for crash reports.
#pragma once

#include <cstdint>
#include <string>

namespace faultline::hw {

// As the GNU assembler writes it with numeric offsets resolved against `pc`:
// "addi a0,a0,-1", "beq a0,a1,0x10078". What is illegal: ".2byte 0x0" or
// ".4byte 0xffffffff".
std::string disassemble(uint32_t bits, uint64_t pc);

}  // namespace faultline::hw
