#include "hw/hart/translate/assembler.h"

#include <cstring>

namespace faultline::hw::x86 {
namespace {

constexpr unsigned number(Reg reg) { return static_cast<unsigned>(reg); }
constexpr unsigned number(Xmm reg) { return static_cast<unsigned>(reg); }
constexpr bool is_full(Width width) { return width == Width::full; }
constexpr bool fits_byte(int32_t value) { return value == static_cast<int8_t>(value); }
constexpr unsigned scalar_prefix(Precision precision) { return precision == Precision::single ? 0xf3 : 0xf2; }
constexpr unsigned kNoPrefix = 0;
constexpr unsigned kOperandSize = 0x66;

}  // namespace

void Assembler::byte(unsigned value) {
  if (size_ == capacity_) {
    full_ = true;
    return;
  }
  out_[size_++] = static_cast<uint8_t>(value);
}

void Assembler::dword(uint32_t value) {
  for (unsigned i = 0; i < 4; ++i) byte(value >> 8 * i & 0xff);
}

void Assembler::qword(uint64_t value) {
  dword(static_cast<uint32_t>(value));
  dword(static_cast<uint32_t>(value >> 32));
}

void Assembler::prefixes(unsigned mandatory, bool wide, unsigned reg, unsigned index, unsigned base, bool force_rex) {
  if (mandatory != kNoPrefix) byte(mandatory);
  const unsigned rex = 0x40 | (wide ? 8 : 0) | (reg >> 3) << 2 | (index >> 3) << 1 | base >> 3;
  if (rex != 0x40 || force_rex) byte(rex);
}

void Assembler::opcode(unsigned value) {
  if (value > 0xff) byte(value >> 8);
  byte(value & 0xff);
}

void Assembler::form(unsigned mandatory, bool wide, unsigned code, unsigned reg, unsigned rm, bool force_rex) {
  prefixes(mandatory, wide, reg, 0, rm, force_rex);
  opcode(code);
  byte(0xc0 | (reg & 7) << 3 | (rm & 7));
}

void Assembler::form(unsigned mandatory, bool wide, unsigned code, unsigned reg, Memory memory, bool force_rex) {
  const unsigned base = number(memory.base), index = number(memory.index);
  const bool has_index = memory.index != Reg::rsp;
  prefixes(mandatory, wide, reg, has_index ? index : 0, base, force_rex);
  opcode(code);
  // rbp and r13 cannot stand without a displacement, rsp and r12 not without SIB.
  const unsigned mod = memory.displacement == 0 && (base & 7) != 5 ? 0 : fits_byte(memory.displacement) ? 1 : 2;
  const bool sib = has_index || (base & 7) == 4;
  byte(mod << 6 | (reg & 7) << 3 | (sib ? 4 : base & 7));
  if (sib) byte(unsigned{memory.scale} << 6 | (index & 7) << 3 | (base & 7));
  if (mod == 1) byte(static_cast<uint8_t>(memory.displacement));
  if (mod == 2) dword(static_cast<uint32_t>(memory.displacement));
}

void Assembler::move(Reg to, Reg from, Width width) { form(kNoPrefix, is_full(width), 0x8b, number(to), number(from)); }

void Assembler::move(Reg to, uint64_t value) {
  const auto low = static_cast<uint32_t>(value);
  if (value == 0) {
    form(kNoPrefix, false, 0x33, number(to), number(to));
  } else if (value == low) {
    prefixes(kNoPrefix, false, 0, 0, number(to), false);
    byte(0xb8 | (number(to) & 7));
    dword(low);
  } else if (value == static_cast<uint64_t>(int64_t{static_cast<int32_t>(low)})) {
    form(kNoPrefix, true, 0xc7, 0, number(to));
    dword(low);
  } else {
    prefixes(kNoPrefix, true, 0, 0, number(to), false);
    byte(0xb8 | (number(to) & 7));
    qword(value);
  }
}

void Assembler::load(Reg to, Memory from, Load kind) {
  switch (kind) {
    case Load::byte:
      return form(kNoPrefix, false, 0x0fb6, number(to), from);
    case Load::byte_signed:
      return form(kNoPrefix, true, 0x0fbe, number(to), from);
    case Load::half:
      return form(kNoPrefix, false, 0x0fb7, number(to), from);
    case Load::half_signed:
      return form(kNoPrefix, true, 0x0fbf, number(to), from);
    case Load::word:
      return form(kNoPrefix, false, 0x8b, number(to), from);
    case Load::word_signed:
      return form(kNoPrefix, true, 0x63, number(to), from);
    case Load::full:
      return form(kNoPrefix, true, 0x8b, number(to), from);
  }
}

void Assembler::store(Memory to, Reg from, unsigned bytes) {
  // Without REX, 4 to 7 would name ah to bh.
  if (bytes == 1) return form(kNoPrefix, false, 0x88, number(from), to, true);
  form(bytes == 2 ? kOperandSize : kNoPrefix, bytes == 8, 0x89, number(from), to);
}

void Assembler::store(Memory to, int32_t value, Width width) {
  form(kNoPrefix, is_full(width), 0xc7, 0, to);
  dword(static_cast<uint32_t>(value));
}

void Assembler::lea(Reg to, Memory from) { form(kNoPrefix, true, 0x8d, number(to), from); }
void Assembler::extend_word(Reg to, Reg from) { form(kNoPrefix, true, 0x63, number(to), number(from)); }

void Assembler::alu(Alu operation, Reg to, Reg from, Width width) {
  form(kNoPrefix, is_full(width), static_cast<unsigned>(operation) << 3 | 3, number(to), number(from));
}

void Assembler::alu(Alu operation, Reg to, Memory from) {
  form(kNoPrefix, true, static_cast<unsigned>(operation) << 3 | 3, number(to), from);
}

void Assembler::alu(Alu operation, Reg to, int32_t value, Width width) {
  const bool small = fits_byte(value);
  form(kNoPrefix, is_full(width), small ? 0x83 : 0x81, static_cast<unsigned>(operation), number(to));
  small ? byte(static_cast<uint8_t>(value)) : dword(static_cast<uint32_t>(value));
}

void Assembler::alu(Alu operation, Memory to, int32_t value, Width width) {
  const bool small = fits_byte(value);
  form(kNoPrefix, is_full(width), small ? 0x83 : 0x81, static_cast<unsigned>(operation), to);
  small ? byte(static_cast<uint8_t>(value)) : dword(static_cast<uint32_t>(value));
}

void Assembler::compare_byte(Memory with, uint8_t value) {
  form(kNoPrefix, false, 0x80, static_cast<unsigned>(Alu::cmp), with);
  byte(value);
}

void Assembler::test(Reg a, Reg b, Width width) { form(kNoPrefix, is_full(width), 0x85, number(b), number(a)); }
void Assembler::multiply(Reg to, Reg by, Width width) {
  form(kNoPrefix, is_full(width), 0x0faf, number(to), number(by));
}
void Assembler::multiply(Reg to, Reg from, int32_t by, Width width) {
  form(kNoPrefix, is_full(width), 0x69, number(to), number(from));
  dword(static_cast<uint32_t>(by));
}
void Assembler::wide(Wide operation, Reg by, Width width) {
  form(kNoPrefix, is_full(width), 0xf7, static_cast<unsigned>(operation), number(by));
}
void Assembler::sign_into_rdx(Width width) {
  prefixes(kNoPrefix, is_full(width), 0, 0, 0, false);
  byte(0x99);
}

void Assembler::shift(Shift kind, Reg reg, unsigned amount, Width width) {
  form(kNoPrefix, is_full(width), 0xc1, static_cast<unsigned>(kind), number(reg));
  byte(amount);
}
void Assembler::shift_by_cl(Shift kind, Reg reg, Width width) {
  form(kNoPrefix, is_full(width), 0xd3, static_cast<unsigned>(kind), number(reg));
}

void Assembler::set(Condition condition, Reg reg) {
  form(kNoPrefix, false, 0x0f90 | static_cast<unsigned>(condition), 0, number(Reg::rax));
  form(kNoPrefix, false, 0x0fb6, number(reg), number(Reg::rax));
}

void Assembler::load(Xmm to, Memory from, Precision precision) {
  form(scalar_prefix(precision), false, 0x0f10, number(to), from);
}
void Assembler::store(Memory to, Xmm from, Precision precision) {
  form(scalar_prefix(precision), false, 0x0f11, number(from), to);
}
void Assembler::move(Xmm to, Xmm from) { form(kNoPrefix, false, 0x0f28, number(to), number(from)); }
void Assembler::move(Xmm to, Reg from) { form(kOperandSize, true, 0x0f6e, number(to), number(from)); }
void Assembler::move(Reg to, Xmm from) { form(kOperandSize, true, 0x0f7e, number(from), number(to)); }
void Assembler::sse(Sse operation, Xmm to, Xmm from, Precision precision) {
  form(scalar_prefix(precision), false, 0x0f00 | static_cast<unsigned>(operation), number(to), number(from));
}
void Assembler::compare(Xmm a, Xmm b, Precision precision) {
  form(precision == Precision::single ? kNoPrefix : kOperandSize, false, 0x0f2e, number(a), number(b));
}
void Assembler::to_integer(Reg to, Xmm from, Precision precision, Width width) {
  form(scalar_prefix(precision), is_full(width), 0x0f2c, number(to), number(from));
}
void Assembler::from_integer(Xmm to, Reg from, Precision precision, Width width) {
  form(scalar_prefix(precision), is_full(width), 0x0f2a, number(to), number(from));
}
void Assembler::clear(Xmm reg) { form(kNoPrefix, false, 0x0f57, number(reg), number(reg)); }

// VEX.DDS.LIG.66.0F38
void Assembler::fma(Fma operation, Xmm a, Xmm b, Xmm c, Precision precision) {
  byte(0xc4);
  byte((number(a) < 8 ? 0x80 : 0) | 0x40 | (number(c) < 8 ? 0x20 : 0) | 2);
  byte((precision == Precision::double_ ? 0x80 : 0) | (~number(b) & 15) << 3 | 1);
  byte(static_cast<unsigned>(operation));
  byte(0xc0 | (number(a) & 7) << 3 | (number(c) & 7));
}

size_t Assembler::jump() {
  byte(0xe9);
  dword(0);
  return size_ - 4;
}

size_t Assembler::jump(Condition condition) {
  opcode(0x0f80 | static_cast<unsigned>(condition));
  dword(0);
  return size_ - 4;
}

void Assembler::jump_to(uint64_t target) { patch(jump(), target); }
void Assembler::jump_to(Reg target) { form(kNoPrefix, false, 0xff, 4, number(target)); }

void Assembler::call(uint64_t target) {
  byte(0xe8);
  dword(0);
  patch(size_ - 4, target);
}
void Assembler::ret() { byte(0xc3); }
void Assembler::set_carry() { byte(0xf9); }

void Assembler::patch(size_t place, uint64_t target) {
  if (full_) return;
  const auto displacement = static_cast<uint32_t>(target - (address_ + place + 4));
  std::memcpy(out_ + place, &displacement, 4);
}

}  // namespace faultline::hw::x86
