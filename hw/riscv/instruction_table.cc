#include "hw/riscv/instruction_table.h"

namespace faultline::hw {
namespace {

// Major opcodes, bits 6..0 (table 24.1).
constexpr uint32_t kLoad = 0x03, kLoadFp = 0x07, kMiscMem = 0x0f, kOpImm = 0x13, kAuipc = 0x17, kOpImm32 = 0x1b;
constexpr uint32_t kStore = 0x23, kStoreFp = 0x27, kAmo = 0x2f, kOp = 0x33, kLui = 0x37, kOp32 = 0x3b;
constexpr uint32_t kMadd = 0x43, kMsub = 0x47, kNmsub = 0x4b, kNmadd = 0x4f, kOpFp = 0x53;
constexpr uint32_t kBranch = 0x63, kJalr = 0x67, kJal = 0x6f, kSystem = 0x73;

constexpr uint32_t kMajorMask = 0x7f, kFunct3Mask = 7u << 12, kRs2Mask = 31u << 20;
constexpr uint32_t kFunct7Mask = 127u << 25, kFunct6Mask = 63u << 26, kFunct5Mask = 31u << 27, kFmtMask = 3u << 25;

constexpr Encoding major(Opcode opcode, std::string_view name, Format format, uint32_t bits) {
  return {opcode, name, format, bits, kMajorMask};
}
constexpr Encoding with_funct3(Opcode opcode, std::string_view name, Format format, uint32_t bits, uint32_t funct3) {
  return {opcode, name, format, bits | funct3 << 12, kMajorMask | kFunct3Mask};
}
constexpr Encoding with_funct6(Opcode opcode, std::string_view name, Format format, uint32_t bits, uint32_t funct3,
                               uint32_t funct6) {
  return {opcode, name, format, bits | funct3 << 12 | funct6 << 26, kMajorMask | kFunct3Mask | kFunct6Mask};
}
constexpr Encoding with_funct7(Opcode opcode, std::string_view name, Format format, uint32_t bits, uint32_t funct3,
                               uint32_t funct7) {
  return {opcode, name, format, bits | funct3 << 12 | funct7 << 25, kMajorMask | kFunct3Mask | kFunct7Mask};
}
constexpr Encoding exactly(Opcode opcode, std::string_view name, Format format, uint32_t bits) {
  return {opcode, name, format, bits, ~0u};
}
// Atomics: the aq and rl bits are free.
constexpr Encoding with_funct5(Opcode opcode, std::string_view name, Format format, uint32_t funct3, uint32_t funct5) {
  return {opcode, name, format, kAmo | funct3 << 12 | funct5 << 27, kMajorMask | kFunct3Mask | kFunct5Mask};
}
constexpr Encoding load_reserved(Opcode opcode, std::string_view name, Format format, uint32_t funct3) {
  return {opcode, name, format, kAmo | funct3 << 12 | 2u << 27, kMajorMask | kFunct3Mask | kFunct5Mask | kRs2Mask};
}
// Floating point: funct3 is the rounding mode where there is one.
constexpr Encoding fused(Opcode opcode, std::string_view name, Format format, uint32_t bits, uint32_t fmt) {
  return {opcode, name, format, bits | fmt << 25, kMajorMask | kFmtMask};
}
constexpr Encoding float_rounded(Opcode opcode, std::string_view name, Format format, uint32_t funct7) {
  return {opcode, name, format, kOpFp | funct7 << 25, kMajorMask | kFunct7Mask};
}
constexpr Encoding float_unary_rounded(Opcode opcode, std::string_view name, Format format, uint32_t funct7,
                                       uint32_t rs2) {
  return {opcode, name, format, kOpFp | funct7 << 25 | rs2 << 20, kMajorMask | kFunct7Mask | kRs2Mask};
}
constexpr Encoding float_unary(Opcode opcode, std::string_view name, Format format, uint32_t funct7, uint32_t funct3) {
  return {opcode, name, format, kOpFp | funct7 << 25 | funct3 << 12, kMajorMask | kFunct7Mask | kRs2Mask | kFunct3Mask};
}

}  // namespace

static constexpr std::array<Encoding, kOpcodes> kRows = {{
    Encoding{Opcode::illegal, "illegal", Format::none, 1, 0},
    // RV64I
    major(Opcode::lui, "lui", Format::upper, kLui),
    major(Opcode::auipc, "auipc", Format::upper, kAuipc),
    major(Opcode::jal, "jal", Format::jump, kJal),
    with_funct3(Opcode::jalr, "jalr", Format::load, kJalr, 0),
    with_funct3(Opcode::beq, "beq", Format::branch, kBranch, 0),
    with_funct3(Opcode::bne, "bne", Format::branch, kBranch, 1),
    with_funct3(Opcode::blt, "blt", Format::branch, kBranch, 4),
    with_funct3(Opcode::bge, "bge", Format::branch, kBranch, 5),
    with_funct3(Opcode::bltu, "bltu", Format::branch, kBranch, 6),
    with_funct3(Opcode::bgeu, "bgeu", Format::branch, kBranch, 7),
    with_funct3(Opcode::lb, "lb", Format::load, kLoad, 0),
    with_funct3(Opcode::lh, "lh", Format::load, kLoad, 1),
    with_funct3(Opcode::lw, "lw", Format::load, kLoad, 2),
    with_funct3(Opcode::ld, "ld", Format::load, kLoad, 3),
    with_funct3(Opcode::lbu, "lbu", Format::load, kLoad, 4),
    with_funct3(Opcode::lhu, "lhu", Format::load, kLoad, 5),
    with_funct3(Opcode::lwu, "lwu", Format::load, kLoad, 6),
    with_funct3(Opcode::sb, "sb", Format::store, kStore, 0),
    with_funct3(Opcode::sh, "sh", Format::store, kStore, 1),
    with_funct3(Opcode::sw, "sw", Format::store, kStore, 2),
    with_funct3(Opcode::sd, "sd", Format::store, kStore, 3),
    with_funct3(Opcode::addi, "addi", Format::i, kOpImm, 0),
    with_funct3(Opcode::slti, "slti", Format::i, kOpImm, 2),
    with_funct3(Opcode::sltiu, "sltiu", Format::i, kOpImm, 3),
    with_funct3(Opcode::xori, "xori", Format::i, kOpImm, 4),
    with_funct3(Opcode::ori, "ori", Format::i, kOpImm, 6),
    with_funct3(Opcode::andi, "andi", Format::i, kOpImm, 7),
    with_funct6(Opcode::slli, "slli", Format::shift64, kOpImm, 1, 0x0),
    with_funct6(Opcode::srli, "srli", Format::shift64, kOpImm, 5, 0x0),
    with_funct6(Opcode::srai, "srai", Format::shift64, kOpImm, 5, 0x10),
    with_funct3(Opcode::addiw, "addiw", Format::i, kOpImm32, 0),
    with_funct7(Opcode::slliw, "slliw", Format::shift32, kOpImm32, 1, 0x0),
    with_funct7(Opcode::srliw, "srliw", Format::shift32, kOpImm32, 5, 0x0),
    with_funct7(Opcode::sraiw, "sraiw", Format::shift32, kOpImm32, 5, 0x20),
    with_funct7(Opcode::add, "add", Format::r, kOp, 0, 0x0),
    with_funct7(Opcode::sub, "sub", Format::r, kOp, 0, 0x20),
    with_funct7(Opcode::sll, "sll", Format::r, kOp, 1, 0x0),
    with_funct7(Opcode::slt, "slt", Format::r, kOp, 2, 0x0),
    with_funct7(Opcode::sltu, "sltu", Format::r, kOp, 3, 0x0),
    with_funct7(Opcode::xor_, "xor", Format::r, kOp, 4, 0x0),
    with_funct7(Opcode::srl, "srl", Format::r, kOp, 5, 0x0),
    with_funct7(Opcode::sra, "sra", Format::r, kOp, 5, 0x20),
    with_funct7(Opcode::or_, "or", Format::r, kOp, 6, 0x0),
    with_funct7(Opcode::and_, "and", Format::r, kOp, 7, 0x0),
    with_funct7(Opcode::addw, "addw", Format::r, kOp32, 0, 0x0),
    with_funct7(Opcode::subw, "subw", Format::r, kOp32, 0, 0x20),
    with_funct7(Opcode::sllw, "sllw", Format::r, kOp32, 1, 0x0),
    with_funct7(Opcode::srlw, "srlw", Format::r, kOp32, 5, 0x0),
    with_funct7(Opcode::sraw, "sraw", Format::r, kOp32, 5, 0x20),
    with_funct3(Opcode::fence, "fence", Format::none, kMiscMem, 0),
    with_funct3(Opcode::fence_i, "fence.i", Format::none, kMiscMem, 1),
    exactly(Opcode::ecall, "ecall", Format::none, 0x00000073),
    exactly(Opcode::ebreak, "ebreak", Format::none, 0x00100073),
    // Zicsr
    with_funct3(Opcode::csrrw, "csrrw", Format::csr, kSystem, 1),
    with_funct3(Opcode::csrrs, "csrrs", Format::csr, kSystem, 2),
    with_funct3(Opcode::csrrc, "csrrc", Format::csr, kSystem, 3),
    with_funct3(Opcode::csrrwi, "csrrwi", Format::csr_imm, kSystem, 5),
    with_funct3(Opcode::csrrsi, "csrrsi", Format::csr_imm, kSystem, 6),
    with_funct3(Opcode::csrrci, "csrrci", Format::csr_imm, kSystem, 7),
    // M
    with_funct7(Opcode::mul, "mul", Format::r, kOp, 0, 0x1),
    with_funct7(Opcode::mulh, "mulh", Format::r, kOp, 1, 0x1),
    with_funct7(Opcode::mulhsu, "mulhsu", Format::r, kOp, 2, 0x1),
    with_funct7(Opcode::mulhu, "mulhu", Format::r, kOp, 3, 0x1),
    with_funct7(Opcode::div, "div", Format::r, kOp, 4, 0x1),
    with_funct7(Opcode::divu, "divu", Format::r, kOp, 5, 0x1),
    with_funct7(Opcode::rem, "rem", Format::r, kOp, 6, 0x1),
    with_funct7(Opcode::remu, "remu", Format::r, kOp, 7, 0x1),
    with_funct7(Opcode::mulw, "mulw", Format::r, kOp32, 0, 0x1),
    with_funct7(Opcode::divw, "divw", Format::r, kOp32, 4, 0x1),
    with_funct7(Opcode::divuw, "divuw", Format::r, kOp32, 5, 0x1),
    with_funct7(Opcode::remw, "remw", Format::r, kOp32, 6, 0x1),
    with_funct7(Opcode::remuw, "remuw", Format::r, kOp32, 7, 0x1),
    // A
    load_reserved(Opcode::lr_w, "lr.w", Format::load_reserved, 2),
    with_funct5(Opcode::sc_w, "sc.w", Format::amo, 2, 0x3),
    with_funct5(Opcode::amoswap_w, "amoswap.w", Format::amo, 2, 0x1),
    with_funct5(Opcode::amoadd_w, "amoadd.w", Format::amo, 2, 0x0),
    with_funct5(Opcode::amoxor_w, "amoxor.w", Format::amo, 2, 0x4),
    with_funct5(Opcode::amoand_w, "amoand.w", Format::amo, 2, 0xc),
    with_funct5(Opcode::amoor_w, "amoor.w", Format::amo, 2, 0x8),
    with_funct5(Opcode::amomin_w, "amomin.w", Format::amo, 2, 0x10),
    with_funct5(Opcode::amomax_w, "amomax.w", Format::amo, 2, 0x14),
    with_funct5(Opcode::amominu_w, "amominu.w", Format::amo, 2, 0x18),
    with_funct5(Opcode::amomaxu_w, "amomaxu.w", Format::amo, 2, 0x1c),
    load_reserved(Opcode::lr_d, "lr.d", Format::load_reserved, 3),
    with_funct5(Opcode::sc_d, "sc.d", Format::amo, 3, 0x3),
    with_funct5(Opcode::amoswap_d, "amoswap.d", Format::amo, 3, 0x1),
    with_funct5(Opcode::amoadd_d, "amoadd.d", Format::amo, 3, 0x0),
    with_funct5(Opcode::amoxor_d, "amoxor.d", Format::amo, 3, 0x4),
    with_funct5(Opcode::amoand_d, "amoand.d", Format::amo, 3, 0xc),
    with_funct5(Opcode::amoor_d, "amoor.d", Format::amo, 3, 0x8),
    with_funct5(Opcode::amomin_d, "amomin.d", Format::amo, 3, 0x10),
    with_funct5(Opcode::amomax_d, "amomax.d", Format::amo, 3, 0x14),
    with_funct5(Opcode::amominu_d, "amominu.d", Format::amo, 3, 0x18),
    with_funct5(Opcode::amomaxu_d, "amomaxu.d", Format::amo, 3, 0x1c),
    // F
    with_funct3(Opcode::flw, "flw", Format::float_load, kLoadFp, 2),
    with_funct3(Opcode::fsw, "fsw", Format::float_store, kStoreFp, 2),
    fused(Opcode::fmadd_s, "fmadd.s", Format::float_r4, kMadd, 0),
    fused(Opcode::fmsub_s, "fmsub.s", Format::float_r4, kMsub, 0),
    fused(Opcode::fnmsub_s, "fnmsub.s", Format::float_r4, kNmsub, 0),
    fused(Opcode::fnmadd_s, "fnmadd.s", Format::float_r4, kNmadd, 0),
    float_rounded(Opcode::fadd_s, "fadd.s", Format::float_r_rm, 0x0),
    float_rounded(Opcode::fsub_s, "fsub.s", Format::float_r_rm, 0x4),
    float_rounded(Opcode::fmul_s, "fmul.s", Format::float_r_rm, 0x8),
    float_rounded(Opcode::fdiv_s, "fdiv.s", Format::float_r_rm, 0xc),
    float_unary_rounded(Opcode::fsqrt_s, "fsqrt.s", Format::float_1_rm, 0x2c, 0),
    with_funct7(Opcode::fsgnj_s, "fsgnj.s", Format::float_r, kOpFp, 0, 0x10),
    with_funct7(Opcode::fsgnjn_s, "fsgnjn.s", Format::float_r, kOpFp, 1, 0x10),
    with_funct7(Opcode::fsgnjx_s, "fsgnjx.s", Format::float_r, kOpFp, 2, 0x10),
    with_funct7(Opcode::fmin_s, "fmin.s", Format::float_r, kOpFp, 0, 0x14),
    with_funct7(Opcode::fmax_s, "fmax.s", Format::float_r, kOpFp, 1, 0x14),
    with_funct7(Opcode::fle_s, "fle.s", Format::float_compare, kOpFp, 0, 0x50),
    with_funct7(Opcode::flt_s, "flt.s", Format::float_compare, kOpFp, 1, 0x50),
    with_funct7(Opcode::feq_s, "feq.s", Format::float_compare, kOpFp, 2, 0x50),
    float_unary_rounded(Opcode::fcvt_w_s, "fcvt.w.s", Format::float_to_int_rm, 0x60, 0),
    float_unary_rounded(Opcode::fcvt_wu_s, "fcvt.wu.s", Format::float_to_int_rm, 0x60, 1),
    float_unary_rounded(Opcode::fcvt_l_s, "fcvt.l.s", Format::float_to_int_rm, 0x60, 2),
    float_unary_rounded(Opcode::fcvt_lu_s, "fcvt.lu.s", Format::float_to_int_rm, 0x60, 3),
    float_unary_rounded(Opcode::fcvt_s_w, "fcvt.s.w", Format::int_to_float_rm, 0x68, 0),
    float_unary_rounded(Opcode::fcvt_s_wu, "fcvt.s.wu", Format::int_to_float_rm, 0x68, 1),
    float_unary_rounded(Opcode::fcvt_s_l, "fcvt.s.l", Format::int_to_float_rm, 0x68, 2),
    float_unary_rounded(Opcode::fcvt_s_lu, "fcvt.s.lu", Format::int_to_float_rm, 0x68, 3),
    float_unary(Opcode::fmv_x_w, "fmv.x.w", Format::float_to_int, 0x70, 0),
    float_unary(Opcode::fclass_s, "fclass.s", Format::float_to_int, 0x70, 1),
    float_unary(Opcode::fmv_w_x, "fmv.w.x", Format::int_to_float, 0x78, 0),
    // D
    with_funct3(Opcode::fld, "fld", Format::float_load, kLoadFp, 3),
    with_funct3(Opcode::fsd, "fsd", Format::float_store, kStoreFp, 3),
    fused(Opcode::fmadd_d, "fmadd.d", Format::float_r4, kMadd, 1),
    fused(Opcode::fmsub_d, "fmsub.d", Format::float_r4, kMsub, 1),
    fused(Opcode::fnmsub_d, "fnmsub.d", Format::float_r4, kNmsub, 1),
    fused(Opcode::fnmadd_d, "fnmadd.d", Format::float_r4, kNmadd, 1),
    float_rounded(Opcode::fadd_d, "fadd.d", Format::float_r_rm, 0x1),
    float_rounded(Opcode::fsub_d, "fsub.d", Format::float_r_rm, 0x5),
    float_rounded(Opcode::fmul_d, "fmul.d", Format::float_r_rm, 0x9),
    float_rounded(Opcode::fdiv_d, "fdiv.d", Format::float_r_rm, 0xd),
    float_unary_rounded(Opcode::fsqrt_d, "fsqrt.d", Format::float_1_rm, 0x2d, 0),
    with_funct7(Opcode::fsgnj_d, "fsgnj.d", Format::float_r, kOpFp, 0, 0x11),
    with_funct7(Opcode::fsgnjn_d, "fsgnjn.d", Format::float_r, kOpFp, 1, 0x11),
    with_funct7(Opcode::fsgnjx_d, "fsgnjx.d", Format::float_r, kOpFp, 2, 0x11),
    with_funct7(Opcode::fmin_d, "fmin.d", Format::float_r, kOpFp, 0, 0x15),
    with_funct7(Opcode::fmax_d, "fmax.d", Format::float_r, kOpFp, 1, 0x15),
    with_funct7(Opcode::fle_d, "fle.d", Format::float_compare, kOpFp, 0, 0x51),
    with_funct7(Opcode::flt_d, "flt.d", Format::float_compare, kOpFp, 1, 0x51),
    with_funct7(Opcode::feq_d, "feq.d", Format::float_compare, kOpFp, 2, 0x51),
    float_unary_rounded(Opcode::fcvt_w_d, "fcvt.w.d", Format::float_to_int_rm, 0x61, 0),
    float_unary_rounded(Opcode::fcvt_wu_d, "fcvt.wu.d", Format::float_to_int_rm, 0x61, 1),
    float_unary_rounded(Opcode::fcvt_l_d, "fcvt.l.d", Format::float_to_int_rm, 0x61, 2),
    float_unary_rounded(Opcode::fcvt_lu_d, "fcvt.lu.d", Format::float_to_int_rm, 0x61, 3),
    float_unary_rounded(Opcode::fcvt_d_w, "fcvt.d.w", Format::int_to_float_rm, 0x69, 0),
    float_unary_rounded(Opcode::fcvt_d_wu, "fcvt.d.wu", Format::int_to_float_rm, 0x69, 1),
    float_unary_rounded(Opcode::fcvt_d_l, "fcvt.d.l", Format::int_to_float_rm, 0x69, 2),
    float_unary_rounded(Opcode::fcvt_d_lu, "fcvt.d.lu", Format::int_to_float_rm, 0x69, 3),
    float_unary_rounded(Opcode::fcvt_s_d, "fcvt.s.d", Format::float_1_rm, 0x20, 1),
    float_unary_rounded(Opcode::fcvt_d_s, "fcvt.d.s", Format::float_1_rm, 0x21, 0),
    float_unary(Opcode::fmv_x_d, "fmv.x.d", Format::float_to_int, 0x71, 0),
    float_unary(Opcode::fclass_d, "fclass.d", Format::float_to_int, 0x71, 1),
    float_unary(Opcode::fmv_d_x, "fmv.d.x", Format::int_to_float, 0x79, 0),
}};

namespace {
constexpr bool in_order() {
  for (size_t i = 0; i < kOpcodes; ++i) {
    if (kRows[i].opcode != static_cast<Opcode>(i)) return false;
  }
  return true;
}
static_assert(in_order(), "rows stand in the order of Opcode");
}  // namespace

const std::array<Encoding, kOpcodes> kEncodings = kRows;

}  // namespace faultline::hw
