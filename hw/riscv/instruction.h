// One RV64GC instruction, taken apart. Compressed instructions appear as the
// 32-bit ones that they stand for (Unprivileged ISA, chapter "C").
#pragma once

#include <cstddef>
#include <cstdint>

namespace faultline::hw {

// In the order of the table in instruction_table.cc.
// clang-format off
enum class Opcode : uint8_t {
  illegal,
  // RV64I
  lui, auipc, jal, jalr,
  beq, bne, blt, bge, bltu, bgeu,
  lb, lh, lw, ld, lbu, lhu, lwu,
  sb, sh, sw, sd,
  addi, slti, sltiu, xori, ori, andi, slli, srli, srai,
  addiw, slliw, srliw, sraiw,
  add, sub, sll, slt, sltu, xor_, srl, sra, or_, and_,
  addw, subw, sllw, srlw, sraw,
  fence, fence_i, ecall, ebreak,
  // Zicsr
  csrrw, csrrs, csrrc, csrrwi, csrrsi, csrrci,
  // M
  mul, mulh, mulhsu, mulhu, div, divu, rem, remu,
  mulw, divw, divuw, remw, remuw,
  // A
  lr_w, sc_w, amoswap_w, amoadd_w, amoxor_w, amoand_w, amoor_w, amomin_w, amomax_w, amominu_w, amomaxu_w,
  lr_d, sc_d, amoswap_d, amoadd_d, amoxor_d, amoand_d, amoor_d, amomin_d, amomax_d, amominu_d, amomaxu_d,
  // F
  flw, fsw,
  fmadd_s, fmsub_s, fnmsub_s, fnmadd_s,
  fadd_s, fsub_s, fmul_s, fdiv_s, fsqrt_s,
  fsgnj_s, fsgnjn_s, fsgnjx_s, fmin_s, fmax_s,
  fle_s, flt_s, feq_s,
  fcvt_w_s, fcvt_wu_s, fcvt_l_s, fcvt_lu_s,
  fcvt_s_w, fcvt_s_wu, fcvt_s_l, fcvt_s_lu,
  fmv_x_w, fclass_s, fmv_w_x,
  // D
  fld, fsd,
  fmadd_d, fmsub_d, fnmsub_d, fnmadd_d,
  fadd_d, fsub_d, fmul_d, fdiv_d, fsqrt_d,
  fsgnj_d, fsgnjn_d, fsgnjx_d, fmin_d, fmax_d,
  fle_d, flt_d, feq_d,
  fcvt_w_d, fcvt_wu_d, fcvt_l_d, fcvt_lu_d,
  fcvt_d_w, fcvt_d_wu, fcvt_d_l, fcvt_d_lu,
  fcvt_s_d, fcvt_d_s,
  fmv_x_d, fclass_d, fmv_d_x,
};
// clang-format on
inline constexpr size_t kOpcodes = static_cast<size_t>(Opcode::fmv_d_x) + 1;

// Which operands an instruction has, and how they are written.
enum class Format : uint8_t {
  none,
  r,                // rd, rs1, rs2
  i,                // rd, rs1, imm
  shift64,          // rd, rs1, shamt of 6 bits
  shift32,          // rd, rs1, shamt of 5 bits
  upper,            // rd, imm << 12
  load,             // rd, imm(rs1)
  store,            // rs2, imm(rs1)
  branch,           // rs1, rs2, offset
  jump,             // rd, offset
  csr,              // rd, csr, rs1
  csr_imm,          // rd, csr, uimm
  load_reserved,    // rd, (rs1)
  amo,              // rd, rs2, (rs1)
  float_load,       // fd, imm(rs1)
  float_store,      // fs2, imm(rs1)
  float_r4,         // fd, fs1, fs2, fs3, rm
  float_r,          // fd, fs1, fs2
  float_r_rm,       // fd, fs1, fs2, rm
  float_1_rm,       // fd, fs1, rm
  float_compare,    // rd, fs1, fs2
  float_to_int,     // rd, fs1
  float_to_int_rm,  // rd, fs1, rm
  int_to_float,     // fd, rs1
  int_to_float_rm,  // fd, rs1, rm
};

inline constexpr uint8_t kDynamicRounding = 7;  // rm: what fcsr.frm says

struct Instruction {
  Opcode opcode = Opcode::illegal;
  uint8_t rd = 0;
  uint8_t rs1 = 0;  // for csr_imm the immediate
  uint8_t rs2 = 0;
  uint8_t rs3 = 0;
  uint8_t rm = 0;
  uint8_t length = 4;  // bytes
  int32_t imm = 0;     // sign-extended; for csr the register's number
};

}  // namespace faultline::hw
