#include "hw/riscv/decode.h"

#include <array>
#include <vector>

#include "hw/riscv/instruction_table.h"

namespace faultline::hw {
namespace {

constexpr uint32_t field(uint32_t bits, unsigned low, unsigned width) { return bits >> low & ((1u << width) - 1); }

constexpr int32_t sign_extend(uint32_t value, unsigned width) {
  return static_cast<int32_t>(value << (32 - width)) >> (32 - width);
}

int32_t immediate_i(uint32_t bits) { return static_cast<int32_t>(bits) >> 20; }
int32_t immediate_s(uint32_t bits) { return sign_extend(field(bits, 25, 7) << 5 | field(bits, 7, 5), 12); }
int32_t immediate_b(uint32_t bits) {
  return sign_extend(
      field(bits, 31, 1) << 12 | field(bits, 7, 1) << 11 | field(bits, 25, 6) << 5 | field(bits, 8, 4) << 1, 13);
}
int32_t immediate_j(uint32_t bits) {
  return sign_extend(
      field(bits, 31, 1) << 20 | field(bits, 12, 8) << 12 | field(bits, 20, 1) << 11 | field(bits, 21, 10) << 1, 21);
}

int32_t immediate(Format format, uint32_t bits) {
  switch (format) {
    case Format::i:
    case Format::load:
    case Format::float_load:
      return immediate_i(bits);
    case Format::shift64:
      return static_cast<int32_t>(field(bits, 20, 6));
    case Format::shift32:
      return static_cast<int32_t>(field(bits, 20, 5));
    case Format::upper:
      return static_cast<int32_t>(bits & 0xfffff000);
    case Format::store:
    case Format::float_store:
      return immediate_s(bits);
    case Format::branch:
      return immediate_b(bits);
    case Format::jump:
      return immediate_j(bits);
    case Format::csr:
    case Format::csr_imm:
      return static_cast<int32_t>(field(bits, 20, 12));
    default:
      return 0;
  }
}

using Bucket = std::vector<const Encoding*>;

// The rows by bits 6..2, so that a look-up compares a few of them only.
std::array<Bucket, 32> make_buckets() {
  std::array<Bucket, 32> buckets;
  for (const Encoding& row : kEncodings) {
    if (row.opcode != Opcode::illegal) buckets[field(row.match, 2, 5)].push_back(&row);
  }
  return buckets;
}

const Encoding* find(uint32_t bits) {
  static const std::array<Bucket, 32> buckets = make_buckets();
  if (is_compressed(bits)) return nullptr;
  for (const Encoding* row : buckets[field(bits, 2, 5)]) {
    if ((bits & row->mask) == row->match) return row;
  }
  return nullptr;
}

Instruction decode_32(uint32_t bits) {
  const Encoding* row = find(bits);
  if (row == nullptr) return {};
  Instruction instruction;
  instruction.rm = static_cast<uint8_t>(field(bits, 12, 3));
  if (has_rounding_mode(row->format) && (instruction.rm == 5 || instruction.rm == 6)) return {};
  instruction.opcode = row->opcode;
  instruction.rd = static_cast<uint8_t>(field(bits, 7, 5));
  instruction.rs1 = static_cast<uint8_t>(field(bits, 15, 5));
  instruction.rs2 = static_cast<uint8_t>(field(bits, 20, 5));
  instruction.rs3 = static_cast<uint8_t>(field(bits, 27, 5));
  instruction.imm = immediate(row->format, bits);
  return instruction;
}

}  // namespace

Instruction decode(uint32_t bits) {
  const bool compressed = is_compressed(bits);
  Instruction instruction = decode_32(compressed ? expand_compressed(static_cast<uint16_t>(bits)) : bits);
  if (compressed) instruction.length = 2;
  return instruction;
}

}  // namespace faultline::hw
