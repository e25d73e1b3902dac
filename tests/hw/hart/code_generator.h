// What generators of random guest code share: an image that is written word by
// word, random instructions, and the frame around them.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "hw/riscv/instruction_table.h"

namespace faultline::hw {

// Places in the image, by address.
inline constexpr uint32_t kTables = 0x110000, kData = 0x180000, kDump = 0x190000, kImageEnd = 0x191000;
inline constexpr uint32_t kTableBytes = 512;
inline constexpr uint32_t kDumpBytes = 8 * (32 + 1 + 32);

// The registers x2 and x30 point into the data, x31 to an aligned word of it;
// x3 is scratch of the frame around the random instructions. These write none
// of the registers that are kept.
class CodeGenerator {
 protected:
  CodeGenerator(uint64_t seed, uint32_t kept);

  uint64_t pick(uint64_t n) { return random_() % n; }
  uint32_t here() const;  // the address of what is written next
  void go_to(uint32_t address);
  void patch(uint32_t address, uint32_t bits);

  void bytes(uint32_t bits, unsigned n);
  void word(uint32_t bits) { bytes(bits, 4); }
  void lui(unsigned rd, uint32_t value) { word(0x37 | rd << 7 | (value & 0xfffff000)); }
  void addi(unsigned rd, unsigned rs1, int32_t imm) {
    word(0x13 | rd << 7 | rs1 << 15 | static_cast<uint32_t>(imm) << 20);
  }
  void li(unsigned rd, int32_t small) { addi(rd, 0, small); }
  void load_address(unsigned rd, uint32_t address);
  void memory(Opcode opcode, unsigned reg, unsigned base, uint32_t offset);
  void write_out(uint32_t address, uint32_t n);  // by the system call
  void leave();                                  // exit(0)

  // All registers but the kept ones from the table that x3 points to; fcsr is 0.
  void load_registers();
  // All registers and fcsr, to standard output.
  void dump();

  // What plain() writes: instructions of one kind on few registers, so that
  // what one leaves is what the next one takes; all kinds on all registers.
  enum class Kind { any, integer, integer_and_memory, floating };
  void use(Kind kind, unsigned registers);
  Kind kind() const { return kind_; }

  void plain();       // an instruction of 4 bytes that goes on behind itself
  void compressed();  // the same of 2 bytes
  void change_flags_or_rounding();
  void reserved_pair();
  // A branch or jump over one instruction of 4 bytes.
  void skip();
  unsigned one_of_few() { return few_.empty() ? any_register() : few_[pick(few_.size())]; }
  unsigned any_register() { return static_cast<unsigned>(5 + pick(20)); }

  // Random values for load_registers().
  void table(uint32_t at);

  std::vector<uint8_t> image_;

 private:
  bool writes_kept(const Instruction& instruction, Format format) const;
  bool is_wanted(Opcode opcode) const;
  uint32_t with_few_registers(uint32_t bits, Format format);
  uint64_t integer();
  uint64_t real();

  std::mt19937_64 random_;
  const uint32_t kept_;  // bits by register
  Kind kind_ = Kind::any;
  std::vector<uint32_t> few_;  // registers; empty: all
  size_t at_ = 0;
};

}  // namespace faultline::hw
