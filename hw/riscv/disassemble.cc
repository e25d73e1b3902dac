#include "hw/riscv/disassemble.h"

#include <array>
#include <cinttypes>
#include <cstdio>
#include <string_view>

#include "hw/riscv/decode.h"
#include "hw/riscv/instruction_table.h"

namespace faultline::hw {
namespace {

constexpr std::array<std::string_view, 32> kIntegerNames = {
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0",  "a1",  "a2", "a3", "a4", "a5",
    "a6",   "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};
constexpr std::array<std::string_view, 32> kFloatNames = {
    "ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "fs0", "fs1", "fa0",  "fa1",  "fa2", "fa3", "fa4",  "fa5",
    "fa6", "fa7", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11"};
constexpr std::array<std::string_view, 8> kRoundingNames = {"rne", "rtz", "rdn", "rup", "rmm", "", "", "dyn"};

std::string hex(uint64_t value) {
  std::array<char, 24> text;
  std::snprintf(text.data(), text.size(), "0x%" PRIx64, value);
  return text.data();
}

// Collects operands and puts commas between them.
class Operands {
 public:
  Operands& x(unsigned reg) { return add(kIntegerNames[reg]); }
  Operands& f(unsigned reg) { return add(kFloatNames[reg]); }
  Operands& number(int64_t value) { return add(std::to_string(value)); }
  Operands& address(uint64_t value) { return add(hex(value)); }
  Operands& memory(int64_t offset, unsigned base) {
    return add(std::to_string(offset) + "(" + std::string(kIntegerNames[base]) + ")");
  }
  Operands& indirect(unsigned base) { return add("(" + std::string(kIntegerNames[base]) + ")"); }
  Operands& rounding(unsigned rm) { return rm == kDynamicRounding ? *this : add(kRoundingNames[rm]); }
  const std::string& text() const { return text_; }

 private:
  Operands& add(std::string_view operand) {
    if (!text_.empty()) text_ += ',';
    text_ += operand;
    return *this;
  }
  std::string text_;
};

std::string operands(const Instruction& i, Format format, uint64_t pc) {
  const uint64_t target = pc + static_cast<uint64_t>(int64_t{i.imm});
  Operands out;
  switch (format) {
    case Format::none:
      return {};
    case Format::r:
      return out.x(i.rd).x(i.rs1).x(i.rs2).text();
    case Format::i:
    case Format::shift64:
    case Format::shift32:
      return out.x(i.rd).x(i.rs1).number(i.imm).text();
    case Format::upper:
      return out.x(i.rd).address(static_cast<uint32_t>(i.imm) >> 12).text();
    case Format::load:
      return out.x(i.rd).memory(i.imm, i.rs1).text();
    case Format::store:
      return out.x(i.rs2).memory(i.imm, i.rs1).text();
    case Format::branch:
      return out.x(i.rs1).x(i.rs2).address(target).text();
    case Format::jump:
      return out.x(i.rd).address(target).text();
    case Format::csr:
      return out.x(i.rd).address(static_cast<uint64_t>(i.imm)).x(i.rs1).text();
    case Format::csr_imm:
      return out.x(i.rd).address(static_cast<uint64_t>(i.imm)).number(i.rs1).text();
    case Format::load_reserved:
      return out.x(i.rd).indirect(i.rs1).text();
    case Format::amo:
      return out.x(i.rd).x(i.rs2).indirect(i.rs1).text();
    case Format::float_load:
      return out.f(i.rd).memory(i.imm, i.rs1).text();
    case Format::float_store:
      return out.f(i.rs2).memory(i.imm, i.rs1).text();
    case Format::float_r4:
      return out.f(i.rd).f(i.rs1).f(i.rs2).f(i.rs3).rounding(i.rm).text();
    case Format::float_r:
      return out.f(i.rd).f(i.rs1).f(i.rs2).text();
    case Format::float_r_rm:
      return out.f(i.rd).f(i.rs1).f(i.rs2).rounding(i.rm).text();
    case Format::float_1_rm:
      return out.f(i.rd).f(i.rs1).rounding(i.rm).text();
    case Format::float_compare:
      return out.x(i.rd).f(i.rs1).f(i.rs2).text();
    case Format::float_to_int:
      return out.x(i.rd).f(i.rs1).text();
    case Format::float_to_int_rm:
      return out.x(i.rd).f(i.rs1).rounding(i.rm).text();
    case Format::int_to_float:
      return out.f(i.rd).x(i.rs1).text();
    case Format::int_to_float_rm:
      return out.f(i.rd).x(i.rs1).rounding(i.rm).text();
  }
  return {};
}

}  // namespace

std::string disassemble(uint32_t bits, uint64_t pc) {
  const Instruction instruction = decode(bits);
  if (instruction.opcode == Opcode::illegal) {
    return is_compressed(bits) ? ".2byte " + hex(bits & 0xffff) : ".4byte " + hex(bits);
  }
  const Encoding& row = encoding(instruction.opcode);
  const std::string text = operands(instruction, row.format, pc);
  return text.empty() ? std::string(row.name) : std::string(row.name) + " " + text;
}

}  // namespace faultline::hw
