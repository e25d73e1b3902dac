// Writes x86-64 machine code: only the encodings that translation needs
// (Intel SDM volume 2, chapter 2 for prefixes, ModRM and SIB).
#pragma once

#include <cstddef>
#include <cstdint>

namespace faultline::hw::x86 {

// By their numbers in encodings.
enum class Reg : uint8_t { rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15 };
enum class Xmm : uint8_t {};

enum class Condition : uint8_t {
  overflow = 0,
  below = 2,
  above_or_equal = 3,
  equal = 4,
  not_equal = 5,
  below_or_equal = 6,
  above = 7,
  parity = 10,
  less = 12,
  greater_or_equal = 13,
};

// 64 bits of a register, or the lower 32, which clears the upper.
enum class Width : uint8_t { word, full };

// [base + index << scale + displacement]
struct Memory {
  Reg base;
  int32_t displacement = 0;
  Reg index = Reg::rsp;  // rsp: none
  uint8_t scale = 0;
};

// By the number in the opcode.
enum class Alu : uint8_t { add = 0, or_ = 1, and_ = 4, sub = 5, xor_ = 6, cmp = 7 };
enum class Shift : uint8_t { left = 4, right = 5, arithmetic = 7 };
// The operations on rdx:rax.
enum class Wide : uint8_t { multiply = 4, multiply_signed = 5, divide = 6, divide_signed = 7 };
enum class Load : uint8_t { byte, byte_signed, half, half_signed, word, word_signed, full };
// Scalar arithmetic of SSE2, by opcode.
enum class Sse : uint8_t {
  sqrt = 0x51,
  add = 0x58,
  mul = 0x59,
  sub = 0x5c,
  min = 0x5d,
  div = 0x5e,
  max = 0x5f,
  between_formats = 0x5a
};
// VFxxx231: a = ± b x c ± a.
enum class Fma : uint8_t { multiply_add = 0xb9, multiply_sub = 0xbb, negative_add = 0xbd, negative_sub = 0xbf };
enum class Precision : uint8_t { single, double_ };

class Assembler {
 public:
  // Writes to `out`, which the code sees at `address` when it runs. Beyond
  // `capacity` bytes nothing is written, and full() says so.
  Assembler(uint8_t* out, uint64_t address, size_t capacity) : out_(out), address_(address), capacity_(capacity) {}

  bool full() const { return full_; }
  size_t size() const { return size_; }
  uint64_t here() const { return address_ + size_; }

  // Back to where size() was that; no jump over the place may be open.
  void rewind(size_t size) { size_ = size; }

  void move(Reg to, Reg from, Width width = Width::full);
  void move(Reg to, uint64_t value);  // the shortest way
  void load(Reg to, Memory from, Load kind = Load::full);
  void store(Memory to, Reg from, unsigned bytes = 8);
  void store(Memory to, int32_t value, Width width);  // sign-extended
  void lea(Reg to, Memory from);
  void extend_word(Reg to, Reg from);  // movsxd
  void alu(Alu operation, Reg to, Reg from, Width width = Width::full);
  void alu(Alu operation, Reg to, Memory from);
  void alu(Alu operation, Reg to, int32_t value, Width width = Width::full);
  void alu(Alu operation, Memory to, int32_t value, Width width = Width::full);
  void compare_byte(Memory with, uint8_t value);
  void test(Reg a, Reg b, Width width = Width::full);
  void multiply(Reg to, Reg by, Width width = Width::full);
  void multiply(Reg to, Reg from, int32_t by, Width width);
  void wide(Wide operation, Reg by, Width width = Width::full);
  void sign_into_rdx(Width width);  // cqo, cdq
  void shift(Shift kind, Reg reg, unsigned amount, Width width = Width::full);
  void shift_by_cl(Shift kind, Reg reg, Width width = Width::full);
  // `reg` becomes 0 or 1; through al.
  void set(Condition condition, Reg reg);

  void load(Xmm to, Memory from, Precision precision);
  void store(Memory to, Xmm from, Precision precision);
  void move(Xmm to, Xmm from);
  void move(Xmm to, Reg from);  // all 64 bits
  void move(Reg to, Xmm from);
  // between_formats: from `precision` to the other.
  void sse(Sse operation, Xmm to, Xmm from, Precision precision);
  void compare(Xmm a, Xmm b, Precision precision);                      // ucomis
  void to_integer(Reg to, Xmm from, Precision precision, Width width);  // truncates
  void from_integer(Xmm to, Reg from, Precision precision, Width width);
  void clear(Xmm reg);
  void fma(Fma operation, Xmm a, Xmm b, Xmm c, Precision precision);  // where the host has FMA3

  // Jumps whose targets come later: each answers the place of its
  // displacement, for bind() or patch().
  size_t jump();
  size_t jump(Condition condition);
  void jump_to(uint64_t target);
  void jump_to(Reg target);
  void call(uint64_t target);
  void ret();
  void set_carry();
  // The jump at `place` goes here.
  void bind(size_t place) { patch(place, here()); }
  void patch(size_t place, uint64_t target);

 private:
  void byte(unsigned value);
  void dword(uint32_t value);
  void qword(uint64_t value);
  void prefixes(unsigned mandatory, bool wide, unsigned reg, unsigned index, unsigned base, bool force_rex);
  void opcode(unsigned value);
  // An instruction of the form "prefix REX opcode ModRM": `reg` with a register, with memory.
  void form(unsigned mandatory, bool wide, unsigned code, unsigned reg, unsigned rm, bool force_rex = false);
  void form(unsigned mandatory, bool wide, unsigned code, unsigned reg, Memory memory, bool force_rex = false);

  uint8_t* out_;
  uint64_t address_;
  size_t capacity_;
  size_t size_ = 0;
  bool full_ = false;
};

}  // namespace faultline::hw::x86
