// The encodings of RV64IMAFD, Zicsr and Zifencei: one row an instruction, from
// the instruction listings of the Unprivileged ISA manual (20191213).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "hw/riscv/instruction.h"

namespace faultline::hw {

struct Encoding {
  Opcode opcode;
  std::string_view name;
  Format format;
  uint32_t match;  // an instruction is this one if (bits & mask) == match
  uint32_t mask;
};

// Indexed by Opcode; row 0 (illegal) matches nothing.
extern const std::array<Encoding, kOpcodes> kEncodings;

inline const Encoding& encoding(Opcode opcode) { return kEncodings[static_cast<size_t>(opcode)]; }

// Whether the encoding has a rounding-mode field.
constexpr bool has_rounding_mode(Format format) {
  return format == Format::float_r4 || format == Format::float_r_rm || format == Format::float_1_rm ||
         format == Format::float_to_int_rm || format == Format::int_to_float_rm;
}

}  // namespace faultline::hw
