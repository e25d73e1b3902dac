// Each encoding against the disassembler of GNU binutils.
#include "hw/hart/translate/assembler.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

namespace faultline::hw::x86 {
namespace {

constexpr size_t kRoom = 64;

struct Case {
  std::function<void(Assembler&)> emit;
  const char* text;  // as objdump -M intel has it, blanks squeezed
};

std::string squeezed(const std::string& line) {
  std::string text;
  for (const char c : line) {
    if (c == '\n' || c == '#') break;
    if (c == ' ' && (text.empty() || text.back() == ' ')) continue;
    text += c;
  }
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

// One line an instruction.
std::vector<std::string> disassemble(const std::vector<uint8_t>& bytes) {
  const std::string path = testing::TempDir() + "assembler_test_" + std::to_string(getpid());
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  std::vector<std::string> lines;
  FILE* pipe = popen(
      ("objdump -D -b binary -m i386:x86-64 -M intel --no-show-raw-insn " + path + " | grep '^ *[0-9a-f]*:'").c_str(),
      "r");
  char buffer[512];
  while (fgets(buffer, sizeof(buffer), pipe) != nullptr) {
    const std::string line = buffer;
    lines.push_back(squeezed(line.substr(line.find('\t') + 1)));
  }
  pclose(pipe);
  unlink(path.c_str());
  return lines;
}

const std::vector<Case>& cases() {
  using R = Reg;
  using A = Assembler;
  static const std::vector<Case> all = {
      {[](A& a) { a.move(R::r9, R::rax); }, "mov r9,rax"},
      {[](A& a) { a.move(R::rcx, R::r10, Width::word); }, "mov ecx,r10d"},
      {[](A& a) { a.move(R::r8, uint64_t{0}); }, "xor r8d,r8d"},
      {[](A& a) { a.move(R::rax, uint64_t{0xfedcba98}); }, "mov eax,0xfedcba98"},
      {[](A& a) { a.move(R::r12, ~uint64_t{1}); }, "mov r12,0xfffffffffffffffe"},
      {[](A& a) { a.move(R::rsi, uint64_t{0x123456789abcdef0}); }, "movabs rsi,0x123456789abcdef0"},
      {[](A& a) {
         a.load(R::r8, {R::rdx, 8});
       },
       "mov r8,QWORD PTR [rdx+0x8]"},
      {[](A& a) { a.load(R::rax, {R::r12}); }, "mov rax,QWORD PTR [r12]"},
      {[](A& a) { a.load(R::rax, {R::r13}); }, "mov rax,QWORD PTR [r13+0x0]"},
      {[](A& a) {
         a.load(R::rax, {R::rbx, 4096, R::rcx});
       },
       "mov rax,QWORD PTR [rbx+rcx*1+0x1000]"},
      {[](A& a) {
         a.load(R::r8, {R::r8, -8, R::r9, 3});
       },
       "mov r8,QWORD PTR [r8+r9*8-0x8]"},
      {[](A& a) { a.load(R::r9, {R::rax}, Load::byte); }, "movzx r9d,BYTE PTR [rax]"},
      {[](A& a) { a.load(R::r9, {R::rax}, Load::byte_signed); }, "movsx r9,BYTE PTR [rax]"},
      {[](A& a) { a.load(R::r9, {R::rax}, Load::half); }, "movzx r9d,WORD PTR [rax]"},
      {[](A& a) { a.load(R::r9, {R::rax}, Load::half_signed); }, "movsx r9,WORD PTR [rax]"},
      {[](A& a) { a.load(R::r9, {R::rax}, Load::word); }, "mov r9d,DWORD PTR [rax]"},
      {[](A& a) { a.load(R::r9, {R::rax}, Load::word_signed); }, "movsxd r9,DWORD PTR [rax]"},
      {[](A& a) { a.store({R::rax}, R::rsi, 1); }, "mov BYTE PTR [rax],sil"},
      {[](A& a) { a.store({R::rax}, R::r11, 2); }, "mov WORD PTR [rax],r11w"},
      {[](A& a) { a.store({R::rax}, R::rcx, 4); }, "mov DWORD PTR [rax],ecx"},
      {[](A& a) {
         a.store({R::rdx, 264}, R::r11);
       },
       "mov QWORD PTR [rdx+0x108],r11"},
      {[](A& a) {
         a.store({R::rdx, 4}, -1, Width::word);
       },
       "mov DWORD PTR [rdx+0x4],0xffffffff"},
      {[](A& a) {
         a.lea(R::r10, {R::r11, -129});
       },
       "lea r10,[r11-0x81]"},
      {[](A& a) { a.extend_word(R::r8, R::rax); }, "movsxd r8,eax"},
      {[](A& a) { a.multiply(R::rsi, R::r12, 0x1e3779b1, Width::word); }, "imul esi,r12d,0x1e3779b1"},
      {[](A& a) { a.ret(); }, "ret"},
      {[](A& a) { a.set_carry(); }, "stc"},
      {[](A& a) { a.alu(Alu::add, R::r8, R::r9); }, "add r8,r9"},
      {[](A& a) { a.alu(Alu::sub, R::rax, R::r9, Width::word); }, "sub eax,r9d"},
      {[](A& a) { a.alu(Alu::or_, R::r9, R::rcx); }, "or r9,rcx"},
      {[](A& a) {
         a.alu(Alu::cmp, R::r14, Memory{R::rdi, 300});
       },
       "cmp r14,QWORD PTR [rdi+0x12c]"},
      {[](A& a) { a.alu(Alu::and_, R::rsi, -4096); }, "and rsi,0xfffffffffffff000"},
      {[](A& a) { a.alu(Alu::xor_, R::r8, -1); }, "xor r8,0xffffffffffffffff"},
      {[](A& a) { a.alu(Alu::cmp, R::rcx, 1, Width::word); }, "cmp ecx,0x1"},
      {[](A& a) { a.alu(Alu::cmp, Memory{R::rax}, 0x1234); }, "cmp QWORD PTR [rax],0x1234"},
      {[](A& a) {
         a.alu(Alu::cmp, Memory{R::rdx, 4}, -1, Width::word);
       },
       "cmp DWORD PTR [rdx+0x4],0xffffffff"},
      {[](A& a) {
         a.compare_byte({R::rdx, 529}, 3);
       },
       "cmp BYTE PTR [rdx+0x211],0x3"},
      {[](A& a) { a.test(R::r8, R::r8); }, "test r8,r8"},
      {[](A& a) { a.multiply(R::r8, R::r9); }, "imul r8,r9"},
      {[](A& a) { a.wide(Wide::multiply, R::r9); }, "mul r9"},
      {[](A& a) { a.wide(Wide::multiply_signed, R::r9); }, "imul r9"},
      {[](A& a) { a.wide(Wide::divide, R::r9, Width::word); }, "div r9d"},
      {[](A& a) { a.wide(Wide::divide_signed, R::r10); }, "idiv r10"},
      {[](A& a) { a.sign_into_rdx(Width::full); }, "cqo"},
      {[](A& a) { a.sign_into_rdx(Width::word); }, "cdq"},
      {[](A& a) { a.shift(Shift::left, R::r8, 63); }, "shl r8,0x3f"},
      {[](A& a) { a.shift(Shift::right, R::rcx, 8, Width::word); }, "shr ecx,0x8"},
      {[](A& a) { a.shift_by_cl(Shift::arithmetic, R::r9); }, "sar r9,cl"},
      {[](A& a) { a.load(Xmm{9}, {R::rax}, Precision::double_); }, "movsd xmm9,QWORD PTR [rax]"},
      {[](A& a) {
         a.store({R::rdx, 264}, Xmm{1}, Precision::single);
       },
       "movss DWORD PTR [rdx+0x108],xmm1"},
      {[](A& a) { a.move(Xmm{0}, Xmm{12}); }, "movaps xmm0,xmm12"},
      {[](A& a) { a.move(Xmm{8}, R::r9); }, "movq xmm8,r9"},
      {[](A& a) { a.move(R::rax, Xmm{10}); }, "movq rax,xmm10"},
      {[](A& a) { a.sse(Sse::add, Xmm{0}, Xmm{9}, Precision::double_); }, "addsd xmm0,xmm9"},
      {[](A& a) { a.sse(Sse::sub, Xmm{0}, Xmm{1}, Precision::single); }, "subss xmm0,xmm1"},
      {[](A& a) { a.sse(Sse::mul, Xmm{0}, Xmm{1}, Precision::double_); }, "mulsd xmm0,xmm1"},
      {[](A& a) { a.sse(Sse::div, Xmm{0}, Xmm{1}, Precision::double_); }, "divsd xmm0,xmm1"},
      {[](A& a) { a.sse(Sse::min, Xmm{0}, Xmm{1}, Precision::double_); }, "minsd xmm0,xmm1"},
      {[](A& a) { a.sse(Sse::max, Xmm{0}, Xmm{1}, Precision::single); }, "maxss xmm0,xmm1"},
      {[](A& a) { a.sse(Sse::sqrt, Xmm{0}, Xmm{1}, Precision::single); }, "sqrtss xmm0,xmm1"},
      {[](A& a) { a.sse(Sse::between_formats, Xmm{0}, Xmm{1}, Precision::double_); }, "cvtsd2ss xmm0,xmm1"},
      {[](A& a) { a.sse(Sse::between_formats, Xmm{0}, Xmm{1}, Precision::single); }, "cvtss2sd xmm0,xmm1"},
      {[](A& a) { a.compare(Xmm{0}, Xmm{15}, Precision::double_); }, "ucomisd xmm0,xmm15"},
      {[](A& a) { a.compare(Xmm{8}, Xmm{0}, Precision::single); }, "ucomiss xmm8,xmm0"},
      {[](A& a) { a.to_integer(R::rax, Xmm{9}, Precision::double_, Width::full); }, "cvttsd2si rax,xmm9"},
      {[](A& a) { a.to_integer(R::rax, Xmm{9}, Precision::single, Width::word); }, "cvttss2si eax,xmm9"},
      {[](A& a) { a.from_integer(Xmm{0}, R::r9, Precision::double_, Width::word); }, "cvtsi2sd xmm0,r9d"},
      {[](A& a) { a.from_integer(Xmm{0}, R::r9, Precision::single, Width::full); }, "cvtsi2ss xmm0,r9"},
      {[](A& a) { a.clear(Xmm{0}); }, "xorps xmm0,xmm0"},
      {[](A& a) { a.fma(Fma::multiply_add, Xmm{0}, Xmm{9}, Xmm{10}, Precision::double_); },
       "vfmadd231sd xmm0,xmm9,xmm10"},
      {[](A& a) { a.fma(Fma::multiply_sub, Xmm{8}, Xmm{1}, Xmm{2}, Precision::single); }, "vfmsub231ss xmm8,xmm1,xmm2"},
      {[](A& a) { a.fma(Fma::negative_add, Xmm{0}, Xmm{1}, Xmm{2}, Precision::double_); },
       "vfnmadd231sd xmm0,xmm1,xmm2"},
      {[](A& a) { a.fma(Fma::negative_sub, Xmm{0}, Xmm{1}, Xmm{2}, Precision::single); },
       "vfnmsub231ss xmm0,xmm1,xmm2"},
      {[](A& a) { a.jump_to(R::rcx); }, "jmp rcx"},
      {[](A& a) { a.jump_to(R::r9); }, "jmp r9"},
  };
  return all;
}

TEST(Assembler, AgreesWithTheDisassembler) {
  std::vector<uint8_t> bytes;
  for (const Case& c : cases()) {
    uint8_t out[kRoom];
    Assembler assembler(out, 0, kRoom);
    c.emit(assembler);
    ASSERT_FALSE(assembler.full());
    bytes.insert(bytes.end(), out, out + assembler.size());
  }
  const std::vector<std::string> lines = disassemble(bytes);
  ASSERT_EQ(lines.size(), cases().size());
  for (size_t i = 0; i < lines.size(); ++i) EXPECT_EQ(lines[i], cases()[i].text);
}

TEST(Assembler, SetsARegisterByACondition) {
  uint8_t out[kRoom];
  Assembler assembler(out, 0, kRoom);
  assembler.set(Condition::below, Reg::r10);
  const std::vector<std::string> lines = disassemble({out, out + assembler.size()});
  EXPECT_EQ(lines, (std::vector<std::string>{"setb al", "movzx r10d,al"}));
}

TEST(Assembler, JumpsToWhereTheCodeRuns) {
  constexpr uint64_t kAddress = 0x10000;
  uint8_t out[kRoom];
  Assembler assembler(out, kAddress, kRoom);
  const size_t forward = assembler.jump(Condition::above_or_equal);
  assembler.jump_to(kAddress);  // back to the start
  assembler.bind(forward);
  assembler.patch(assembler.jump(), kAddress + 0x100);
  assembler.call(kAddress + 0x200);
  const std::vector<std::string> lines = disassemble({out, out + assembler.size()});
  EXPECT_EQ(lines, (std::vector<std::string>{"jae 0xb", "jmp 0x0", "jmp 0x100", "call 0x200"}));
}

TEST(Assembler, StopsAtTheEndOfItsRoom) {
  uint8_t out[4] = {1, 2, 3, 4};
  Assembler assembler(out, 0, 3);
  assembler.move(Reg::rax, uint64_t{0x123456789abcdef0});
  EXPECT_TRUE(assembler.full());
  EXPECT_EQ(assembler.size(), 3u);
  EXPECT_EQ(out[3], 4);
}

}  // namespace
}  // namespace faultline::hw::x86
