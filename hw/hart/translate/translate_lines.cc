// The lines of the first-level caches: the most recent one of its set in line,
// others a little away.
#include <bit>
#include <cstddef>

#include "hw/hart/translate/block_translator.h"
#include "hw/hart/translate/line_search.h"

namespace faultline::hw {

using x86::Alu;
using x86::Condition;
using x86::Load;
using x86::Memory;
using x86::Shift;
using x86::Width;

namespace {

constexpr unsigned kSetShift = std::countr_zero(sizeof(LineSet));
static_assert(sizeof(LineSet) == size_t{1} << kSetShift && offsetof(LineSet, recent) == 0);

int32_t way_of_set(const RecentLines& lines, uint64_t set) {
  return lines.lines + static_cast<int32_t>(set * lines.line_stride * sizeof(uint64_t));
}

}  // namespace

// Of the host's address in rax, whose set then stands in rcx.
void BlockTranslator::check_line(bool write) {
  const RecentLines& lines = context_.l1d;
  const auto low = static_cast<int32_t>(lines.low);
  out_.move(Reg::rcx, Reg::rax, Width::word);
  if (lines.line_shift > kSetShift) out_.shift(Shift::right, Reg::rcx, lines.line_shift - kSetShift, Width::word);
  if (lines.line_shift < kSetShift) out_.shift(Shift::left, Reg::rcx, kSetShift - lines.line_shift, Width::word);
  out_.alu(Alu::and_, Reg::rcx, static_cast<int32_t>(lines.mask << kSetShift), Width::word);
  out_.move(Reg::rsi, Reg::rax);
  if (write) {
    out_.alu(Alu::or_, Reg::rsi, low);
    out_.alu(Alu::cmp, Reg::rsi, Memory{Reg::r13, 0, Reg::rcx});
  } else {
    out_.alu(Alu::xor_, Reg::rsi, Memory{Reg::r13, 0, Reg::rcx});
    out_.alu(Alu::cmp, Reg::rsi, low);
  }
  const size_t place = out_.jump(write ? Condition::not_equal : Condition::above);
  line_searches_.push_back({place, out_.here(), at_, write});
}

// Whether code at `offset` of this piece lies in this block's line, which is
// then the most recent one of its set: of few sets, what the second line of an
// instruction prefetches may come behind it.
bool BlockTranslator::stays_in_line(int64_t offset) const {
  constexpr uint64_t kFewSets = 3;
  const uint64_t address = (block_.address & ~kPieceMask) + static_cast<uint64_t>(offset);
  return context_.l1i.mask >= kFewSets && (address & ~context_.l1i.low) == block_.line;
}

// Of `line`, which the code of this block lies in.
void BlockTranslator::check_fetched_line(uint64_t line, const void* operand, Handler handler) {
  const LineSet& set = context_.l1i.sets[line >> context_.l1i.line_shift & context_.l1i.mask];
  Memory recent{Reg::rax};
  const int64_t from_l1d = reinterpret_cast<intptr_t>(&set) - reinterpret_cast<intptr_t>(context_.l1d.sets);
  if (context_.costs.data_mode == DataMode::cached && from_l1d == static_cast<int32_t>(from_l1d)) {
    recent = {Reg::r13, static_cast<int32_t>(from_l1d)};
  } else {
    out_.move(Reg::rax, reinterpret_cast<uint64_t>(&set.recent));
  }
  if (line <= INT32_MAX) {
    out_.alu(Alu::cmp, recent, static_cast<int32_t>(line));
  } else {
    out_.move(Reg::rcx, line);
    out_.alu(Alu::cmp, Reg::rcx, recent);
  }
  const size_t place = out_.jump(Condition::not_equal);
  fetched_line_searches_.push_back({place, out_.here(), line, operand, handler});
}

void BlockTranslator::write_line_searches() {
  for (const LineSearch& search : line_searches_) {
    out_.bind(search.place);
    if (const uint64_t find = context_.find_line[search.write ? 1 : 0]; find != 0) {
      out_.call(find);
      out_.patch(out_.jump(Condition::above_or_equal), search.back);
    }
    const auto row = static_cast<size_t>(opcodes_[search.operation]);
    leave_to(&block_.ops()[search.operation], context_.handlers->behind_hint[row]);
  }
  for (const FetchedLineSearch& search : fetched_line_searches_) {
    out_.bind(search.place);
    if (context_.l1i.in_line) {
      find_fetched_line(search.line);
      const size_t absent = out_.jump(Condition::not_equal);
      touch_fetched_line(search.line);
      out_.jump_to(search.back);
      out_.bind(absent);
    }
    leave_to(search.operand, search.handler);
  }
}

// LineTable::quick_hit() of a line that is known, in two halves. The first
// leaves the set in r12, the hint in rsi and the line in rcx.
void BlockTranslator::find_fetched_line(uint64_t line) {
  const RecentLines& lines = context_.l1i;
  const uint64_t set = line >> lines.line_shift & lines.mask;
  out_.move(Reg::r12, reinterpret_cast<uint64_t>(lines.sets));
  out_.load(Reg::rsi, Memory{Reg::r12, lines.hints + static_cast<int32_t>(lines.hint_of(line))}, Load::byte);
  out_.move(Reg::rcx, line);
  out_.alu(Alu::cmp, Reg::rcx, Memory{Reg::r12, way_of_set(lines, set), Reg::rsi});
}

void BlockTranslator::touch_fetched_line(uint64_t line) {
  const RecentLines& lines = context_.l1i;
  const auto set = static_cast<int32_t>((line >> lines.line_shift & lines.mask) << kSetShift);
  out_.store(Memory{Reg::r12, set}, Reg::rcx);
  write_turn(out_, lines, Reg::r12, Memory{Reg::r12, set + static_cast<int32_t>(offsetof(LineSet, order))}, Reg::rax);
}

}  // namespace faultline::hw
