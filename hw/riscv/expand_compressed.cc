// The C extension for RV64 (Unprivileged ISA, tables 16.5 to 16.7).
#include "hw/riscv/decode.h"

namespace faultline::hw {
namespace {

constexpr uint32_t kZero = 0, kReturn = 1, kStack = 2;

constexpr uint32_t kLoad = 0x03, kLoadFp = 0x07, kOpImm = 0x13, kOpImm32 = 0x1b, kStore = 0x23, kStoreFp = 0x27;
constexpr uint32_t kOp = 0x33, kLui = 0x37, kOp32 = 0x3b, kBranch = 0x63, kJalr = 0x67, kJal = 0x6f;
constexpr uint32_t kEbreak = 0x00100073;

// A 16-bit instruction's fields. `at` moves bits from where they stand in the
// instruction to where they belong in an immediate.
struct Compressed {
  uint32_t bits;

  uint32_t at(unsigned low, unsigned width, unsigned to) const { return (bits >> low & ((1u << width) - 1)) << to; }
  uint32_t rd() const { return at(7, 5, 0); }
  uint32_t rs2() const { return at(2, 5, 0); }
  uint32_t rd_short() const { return 8 + at(7, 3, 0); }   // bits 9..7: rs1' or rd'
  uint32_t rs2_short() const { return 8 + at(2, 3, 0); }  // bits 4..2: rs2' or rd'
  uint32_t funct3() const { return bits >> 13; }

  uint32_t imm6() const { return sign(at(12, 1, 5) | at(2, 5, 0), 6); }
  uint32_t shamt() const { return at(12, 1, 5) | at(2, 5, 0); }
  uint32_t offset_w() const { return at(10, 3, 3) | at(6, 1, 2) | at(5, 1, 6); }
  uint32_t offset_d() const { return at(10, 3, 3) | at(5, 2, 6); }
  uint32_t load_offset_wsp() const { return at(12, 1, 5) | at(4, 3, 2) | at(2, 2, 6); }
  uint32_t load_offset_dsp() const { return at(12, 1, 5) | at(5, 2, 3) | at(2, 3, 6); }
  uint32_t store_offset_wsp() const { return at(9, 4, 2) | at(7, 2, 6); }
  uint32_t store_offset_dsp() const { return at(10, 3, 3) | at(7, 3, 6); }
  uint32_t branch_offset() const {
    return sign(at(12, 1, 8) | at(10, 2, 3) | at(5, 2, 6) | at(3, 2, 1) | at(2, 1, 5), 9);
  }
  uint32_t jump_offset() const {
    return sign(at(12, 1, 11) | at(11, 1, 4) | at(9, 2, 8) | at(8, 1, 10) | at(7, 1, 6) | at(6, 1, 7) | at(3, 3, 1) |
                    at(2, 1, 5),
                12);
  }
  uint32_t offset_4spn() const { return at(11, 2, 4) | at(7, 4, 6) | at(6, 1, 2) | at(5, 1, 3); }
  uint32_t offset_16sp() const {
    return sign(at(12, 1, 9) | at(6, 1, 4) | at(5, 1, 6) | at(3, 2, 7) | at(2, 1, 5), 10);
  }

  static uint32_t sign(uint32_t value, unsigned width) {
    return static_cast<uint32_t>(static_cast<int32_t>(value << (32 - width)) >> (32 - width));
  }
};

constexpr uint32_t r_type(uint32_t major, uint32_t funct3, uint32_t funct7, uint32_t rd, uint32_t rs1, uint32_t rs2) {
  return major | rd << 7 | funct3 << 12 | rs1 << 15 | rs2 << 20 | funct7 << 25;
}
constexpr uint32_t i_type(uint32_t major, uint32_t funct3, uint32_t rd, uint32_t rs1, uint32_t imm) {
  return major | rd << 7 | funct3 << 12 | rs1 << 15 | imm << 20;
}
constexpr uint32_t s_type(uint32_t major, uint32_t funct3, uint32_t rs1, uint32_t rs2, uint32_t imm) {
  return major | (imm & 31) << 7 | funct3 << 12 | rs1 << 15 | rs2 << 20 | (imm >> 5 & 127) << 25;
}
constexpr uint32_t b_type(uint32_t funct3, uint32_t rs1, uint32_t rs2, uint32_t imm) {
  return kBranch | (imm >> 11 & 1) << 7 | (imm >> 1 & 15) << 8 | funct3 << 12 | rs1 << 15 | rs2 << 20 |
         (imm >> 5 & 63) << 25 | (imm >> 12 & 1) << 31;
}
constexpr uint32_t j_type(uint32_t rd, uint32_t imm) {
  return kJal | rd << 7 | (imm >> 12 & 255) << 12 | (imm >> 11 & 1) << 20 | (imm >> 1 & 1023) << 21 |
         (imm >> 20 & 1) << 31;
}

uint32_t expand_quadrant_0(const Compressed& c) {
  const uint32_t base = c.rd_short(), reg = c.rs2_short();
  switch (c.funct3()) {
    case 0:  // c.addi4spn; imm 0 is reserved, and with it the all-zero instruction
      return c.offset_4spn() == 0 ? 0 : i_type(kOpImm, 0, reg, kStack, c.offset_4spn());
    case 1:
      return i_type(kLoadFp, 3, reg, base, c.offset_d());  // c.fld
    case 2:
      return i_type(kLoad, 2, reg, base, c.offset_w());  // c.lw
    case 3:
      return i_type(kLoad, 3, reg, base, c.offset_d());  // c.ld
    case 5:
      return s_type(kStoreFp, 3, base, reg, c.offset_d());  // c.fsd
    case 6:
      return s_type(kStore, 2, base, reg, c.offset_w());  // c.sw
    case 7:
      return s_type(kStore, 3, base, reg, c.offset_d());  // c.sd
    default:
      return 0;
  }
}

// funct3 = 4: shifts and register-register operations on the short registers.
uint32_t expand_arithmetic(const Compressed& c) {
  const uint32_t rd = c.rd_short(), rs2 = c.rs2_short();
  switch (c.at(10, 2, 0)) {
    case 0:
      return i_type(kOpImm, 5, rd, rd, c.shamt());  // c.srli
    case 1:
      return i_type(kOpImm, 5, rd, rd, c.shamt() | 0x400);  // c.srai
    case 2:
      return i_type(kOpImm, 7, rd, rd, c.imm6() & 0xfff);  // c.andi
    default:
      break;
  }
  switch (c.at(12, 1, 2) | c.at(5, 2, 0)) {
    case 0:
      return r_type(kOp, 0, 0x20, rd, rd, rs2);  // c.sub
    case 1:
      return r_type(kOp, 4, 0, rd, rd, rs2);  // c.xor
    case 2:
      return r_type(kOp, 6, 0, rd, rd, rs2);  // c.or
    case 3:
      return r_type(kOp, 7, 0, rd, rd, rs2);  // c.and
    case 4:
      return r_type(kOp32, 0, 0x20, rd, rd, rs2);  // c.subw
    case 5:
      return r_type(kOp32, 0, 0, rd, rd, rs2);  // c.addw
    default:
      return 0;
  }
}

uint32_t expand_quadrant_1(const Compressed& c) {
  const uint32_t rd = c.rd(), imm = c.imm6() & 0xfff;
  switch (c.funct3()) {
    case 0:
      return i_type(kOpImm, 0, rd, rd, imm);  // c.addi, c.nop
    case 1:
      return rd == 0 ? 0 : i_type(kOpImm32, 0, rd, rd, imm);  // c.addiw
    case 2:
      return i_type(kOpImm, 0, rd, kZero, imm);  // c.li
    case 3:
      if (c.imm6() == 0) return 0;  // both have all immediate bits in the same places
      if (rd == kStack) return i_type(kOpImm, 0, rd, rd, c.offset_16sp() & 0xfff);  // c.addi16sp
      return kLui | rd << 7 | c.imm6() << 12;                                       // c.lui
    case 4:
      return expand_arithmetic(c);
    case 5:
      return j_type(kZero, c.jump_offset());  // c.j
    case 6:
      return b_type(0, c.rd_short(), kZero, c.branch_offset());  // c.beqz
    default:
      return b_type(1, c.rd_short(), kZero, c.branch_offset());  // c.bnez
  }
}

// funct3 = 4 of quadrant 2: c.jr, c.mv, c.ebreak, c.jalr, c.add.
uint32_t expand_move_or_jump(const Compressed& c) {
  const uint32_t rd = c.rd(), rs2 = c.rs2();
  const bool link = c.at(12, 1, 0) != 0;
  if (rs2 != 0) return r_type(kOp, 0, 0, rd, link ? rd : kZero, rs2);
  if (rd == 0) return link ? kEbreak : 0;
  return i_type(kJalr, 0, link ? kReturn : kZero, rd, 0);
}

uint32_t expand_quadrant_2(const Compressed& c) {
  const uint32_t rd = c.rd();
  switch (c.funct3()) {
    case 0:
      return i_type(kOpImm, 1, rd, rd, c.shamt());  // c.slli
    case 1:
      return i_type(kLoadFp, 3, rd, kStack, c.load_offset_dsp());  // c.fldsp
    case 2:
      return rd == 0 ? 0 : i_type(kLoad, 2, rd, kStack, c.load_offset_wsp());  // c.lwsp
    case 3:
      return rd == 0 ? 0 : i_type(kLoad, 3, rd, kStack, c.load_offset_dsp());  // c.ldsp
    case 4:
      return expand_move_or_jump(c);
    case 5:
      return s_type(kStoreFp, 3, kStack, c.rs2(), c.store_offset_dsp());  // c.fsdsp
    case 6:
      return s_type(kStore, 2, kStack, c.rs2(), c.store_offset_wsp());  // c.swsp
    default:
      return s_type(kStore, 3, kStack, c.rs2(), c.store_offset_dsp());  // c.sdsp
  }
}

}  // namespace

uint32_t expand_compressed(uint16_t bits) {
  const Compressed c{bits};
  switch (bits & 3) {
    case 0:
      return expand_quadrant_0(c);
    case 1:
      return expand_quadrant_1(c);
    case 2:
      return expand_quadrant_2(c);
    default:
      return 0;
  }
}

}  // namespace faultline::hw
