#include "hw/hart/translate/line_search.h"

#include <cstddef>

namespace faultline::hw {

using x86::Alu;
using x86::Condition;
using x86::Load;
using x86::Memory;
using x86::Reg;
using x86::Shift;
using x86::Width;

namespace {

// log2 of a turn's bytes over a hint, which is eight times the way.
constexpr uint8_t kTurnScale = 1;
static_assert(sizeof(WayOrder::Turn) == 16 && offsetof(WayOrder::Turn, keep) == 0);

constexpr auto kRecent = static_cast<int32_t>(offsetof(LineSet, recent));
constexpr auto kOrder = static_cast<int32_t>(offsetof(LineSet, order));

// log2 of what the set's distance among the sets is multiplied by for that
// among the lines.
uint8_t set_scale(const RecentLines& lines) {
  const size_t times = lines.line_stride * sizeof(uint64_t) / sizeof(LineSet);
  return times == 8 ? 3 : times == 4 ? 2 : 1;
}

}  // namespace

void write_turn(x86::Assembler& out, const RecentLines& lines, Reg base, Memory order, Reg scratch) {
  constexpr auto kSet = static_cast<int32_t>(offsetof(WayOrder::Turn, set));
  out.load(scratch, order);
  out.alu(Alu::and_, scratch, Memory{base, lines.turns, Reg::rsi, kTurnScale});
  out.alu(Alu::or_, scratch, Memory{base, lines.turns + kSet, Reg::rsi, kTurnScale});
  out.store(order, scratch);
}

void write_line_search(x86::Assembler& out, const RecentLines& lines, bool write) {
  const auto low = static_cast<int32_t>(lines.low);
  out.move(Reg::rsi, Reg::rax, Width::word);
  out.shift(Shift::right, Reg::rsi, lines.line_shift, Width::word);
  out.multiply(Reg::rsi, Reg::rsi, static_cast<int32_t>(RecentLines::kHash), Width::word);
  out.shift(Shift::right, Reg::rsi, lines.hint_shift, Width::word);
  out.load(Reg::rsi, Memory{Reg::r13, lines.hints, Reg::rsi}, Load::byte);
  out.lea(Reg::r12, Memory{Reg::r13, lines.lines, Reg::rcx, set_scale(lines)});
  out.load(Reg::r12, Memory{Reg::r12, 0, Reg::rsi});
  out.alu(Alu::xor_, Reg::r12, Reg::rax);
  out.alu(Alu::cmp, Reg::r12, low);
  const size_t absent = out.jump(Condition::above);
  if (!write) {
    out.alu(Alu::xor_, Reg::r12, Reg::rax);
    out.store(Memory{Reg::r13, kRecent, Reg::rcx}, Reg::r12);
    write_turn(out, lines, Reg::r13, Memory{Reg::r13, kOrder, Reg::rcx}, Reg::r12);
  } else {
    write_turn(out, lines, Reg::r13, Memory{Reg::r13, kOrder, Reg::rcx}, Reg::r12);
    out.move(Reg::r12, Reg::rax);
    out.alu(Alu::or_, Reg::r12, low);
    out.store(Memory{Reg::r13, kRecent, Reg::rcx}, Reg::r12);
    out.lea(Reg::rcx, Memory{Reg::rsi, 0, Reg::rcx, set_scale(lines)});
    out.store(Memory{Reg::r13, lines.lines, Reg::rcx}, Reg::r12);
  }
  out.ret();
  out.bind(absent);
  out.set_carry();
  out.ret();
}

}  // namespace faultline::hw
