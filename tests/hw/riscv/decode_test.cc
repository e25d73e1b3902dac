// Decoding and disassembly; expected texts are those of riscv64-linux-gnu-objdump.
#include "hw/riscv/decode.h"

#include <gtest/gtest.h>

#include <string>

#include "hw/riscv/disassemble.h"
#include "hw/riscv/instruction_table.h"

namespace faultline::hw {
namespace {

struct Row {
  uint32_t bits;
  const char* text;
};

TEST(Disassemble, KnownInstructions) {
  constexpr uint64_t kPc = 0x10000;
  const Row rows[] = {
      {0x00c58533, "add a0,a1,a2"},
      {0xfff50513, "addi a0,a0,-1"},
      {0x12345537, "lui a0,0x12345"},
      {0x00b50463, "beq a0,a1,0x10008"},
      {0xfe000ee3, "beq zero,zero,0xfffc"},
      {0x008000ef, "jal ra,0x10008"},
      {0x00008067, "jalr zero,0(ra)"},
      {0x03f51513, "slli a0,a0,63"},
      {0x41f5551b, "sraiw a0,a0,31"},
      {0xff813083, "ld ra,-8(sp)"},
      {0xfe113c23, "sd ra,-8(sp)"},
      {0x00000073, "ecall"},
      {0x00100073, "ebreak"},
      {0x00301573, "csrrw a0,0x3,zero"},
      {0x0020d573, "csrrwi a0,0x2,1"},
      {0x02c5c533, "div a0,a1,a2"},
      {0x1605252f, "lr.w a0,(a0)"},  // with rl; rs2 is zero
      {0x1ac5352f, "sc.d a0,a2,(a0)"},
      {0x00c5252f, "amoadd.w a0,a2,(a0)"},
      {0x02c58553, "fadd.d fa0,fa1,fa2,rne"},
      {0x02c5f553, "fadd.d fa0,fa1,fa2"},
      {0x6ac5f543, "fmadd.d fa0,fa1,fa2,fa3"},
      {0xd2058553, "fcvt.d.w fa0,a1,rne"},
      {0xc2059553, "fcvt.w.d a0,fa1,rtz"},
      {0xa2c5a553, "feq.d a0,fa1,fa2"},
      {0x4501, "addi a0,zero,0"},   // c.li
      {0x8082, "jalr zero,0(ra)"},  // ret
      {0x1141, "addi sp,sp,-16"},   // c.addi
      {0xe406, "sd ra,8(sp)"},      // c.sdsp
      {0x7139, "addi sp,sp,-64"},   // c.addi16sp
      {0x0808, "addi a0,sp,16"},    // c.addi4spn
      {0xbfd5, "jal zero,0xfff4"},  // c.j
      {0x0000, ".2byte 0x0"},
      {0xffffffff, ".4byte 0xffffffff"},
  };
  for (const Row& row : rows) EXPECT_EQ(disassemble(row.bits, kPc), row.text) << std::hex << row.bits;
}

TEST(Decode, ReservedEncodingsAreIllegal) {
  const uint32_t rows[] = {
      0x00000000,      // the all-zero instruction
      0x0000001c | 3,  // longer than 32 bits
      0x0004,          // c.addi4spn with 0
      0x6101,          // c.addi16sp with 0
      0x6501,          // c.lui with 0
      0x4002,          // c.lwsp to x0
      0x6002,          // c.ldsp to x0
      0x2001,          // c.addiw of x0
      0x8002,          // c.jr x0
      0x9c41,          // reserved c.subw group
      0x9c61,
      0x8000,                   // quadrant 0, funct3 4
      0x02051513 | 1u << 30,    // slli with a bit of funct6
      0x0205151b,               // slliw by 32
      0x4205551b,               // sraiw by 32
      0x02c5d553 | 0,           // fadd.d rm 5
      0x02c5e553,               // fadd.d rm 6
      0x80c58533,               // add with funct7 64
      0x00007003,               // load with funct3 7
      0x00004023,               // store with funct3 4
      0x00002063,               // branch with funct3 2
      0x00001067,               // jalr with funct3 1
      0x10500073,               // wfi
      0x30200073,               // mret
      0x12000073,               // sfence.vma
      0x00004073,               // system with funct3 4
      0x1015252f,               // lr.w with rs2
      0x0005452f,               // atomic of funct3 4
      0x2005252f | 0x08000000,  // atomic with funct5 5
      0x58158553,               // fsqrt.s with rs2
      0x04c5f553,               // fadd in half precision
      0x06c5f553,               // fadd in quad precision
  };
  for (const uint32_t bits : rows) EXPECT_EQ(decode(bits).opcode, Opcode::illegal) << std::hex << bits;
}

TEST(Decode, HintsDoNothing) {
  const uint32_t to_x0[] = {
      0x0001,      // c.nop
      0x0005,      // c.nop with an immediate
      0x4005,      // c.li x0
      0x6005,      // c.lui x0
      0x0006,      // c.slli x0
      0x802e | 0,  // c.mv x0, a1
      0x902e,      // c.add x0, a1
      0x00100013,  // addi x0, x0, 1
  };
  for (const uint32_t bits : to_x0) {
    EXPECT_NE(decode(bits).opcode, Opcode::illegal) << std::hex << bits;
    EXPECT_EQ(decode(bits).rd, 0) << std::hex << bits;
  }
  EXPECT_EQ(decode(0x0100000f).opcode, Opcode::fence);  // pause
  EXPECT_EQ(decode(0x8330000f).opcode, Opcode::fence);  // fence.tso
  EXPECT_EQ(decode(0x0ff0100f).opcode, Opcode::fence_i);
}

// Every row's own bits come back as that row: no two rows overlap.
TEST(Decode, EveryEncodingIsItself) {
  for (const Encoding& row : kEncodings) {
    if (row.opcode == Opcode::illegal) continue;
    EXPECT_EQ(decode(row.match).opcode, row.opcode) << row.name;
  }
}

TEST(Decode, CompressedIsTwoBytes) {
  EXPECT_EQ(decode(0x4501).length, 2);
  EXPECT_EQ(decode(0xffff4501).opcode, Opcode::addi);  // what follows does not matter
  EXPECT_EQ(decode(0x00000013).length, 4);
}

}  // namespace
}  // namespace faultline::hw
