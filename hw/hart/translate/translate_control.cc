// Branches, jumps, and the ends of blocks: what block_exit.h and dispatch.h do.
#include <bit>
#include <cstddef>

#include "hw/hart/translate/block_translator.h"

namespace faultline::hw {

using x86::Alu;
using x86::Condition;
using x86::Memory;
using x86::Shift;
using x86::Width;

bool BlockTranslator::control(Opcode opcode) {
  switch (opcode) {
    case Opcode::beq:
      return branch(Condition::equal), true;
    case Opcode::bne:
      return branch(Condition::not_equal), true;
    case Opcode::blt:
      return branch(Condition::less), true;
    case Opcode::bge:
      return branch(Condition::greater_or_equal), true;
    case Opcode::bltu:
      return branch(Condition::below), true;
    case Opcode::bgeu:
      return branch(Condition::above_or_equal), true;
    case Opcode::jal:
      return jump_and_link(), true;
    case Opcode::jalr:
      return jump_register(), true;
    default:
      return false;
  }
}

// What is no instruction.
bool BlockTranslator::pseudo() {
  const Handler handler = op().handler;
  const HandlerTable& handlers = *context_.handlers;
  if (handler == handlers.fall) {
    go_to(block_.end, links_of(&op()).next);
  } else if (handler == handlers.next_piece) {
    check_deadline();
    go_to_piece_plus(block_.end);
  } else if (handler == handlers.second_line && context_.costs.fetch_mode == FetchMode::line) {
    second_line();
  } else {
    return false;
  }
  return true;
}

void BlockTranslator::second_line() {
  const uint64_t last = (block_.address & ~kPieceMask) + block_.infos[at_].offset + 3;
  check_fetched_line(last & ~context_.l1i.low, &op(), op().handler);
  out_.alu(Alu::add, field(context_.layout.fetch_accesses), 1);
}

void BlockTranslator::check_deadline() {
  out_.alu(Alu::cmp, Reg::r14, field(context_.layout.deadline));
  exit_if(Condition::above_or_equal);
}

void BlockTranslator::branch(Condition condition) {
  const Links& links = links_of(&op());
  const Reg a = read(op().rs1);
  const Reg b = op().rs2 == 0 ? a : read(op().rs2);
  check_deadline();
  // Against zero, as it is for every other condition too: the carry is clear.
  op().rs2 == 0 ? out_.test(a, a) : out_.alu(Alu::cmp, a, b);
  const size_t taken = out_.jump(condition);
  const bool near = in_piece(op().imm);
  if (near) jump_to_link(taken, op().imm, links.taken);
  go_to(block_.end, links.next);
  if (near) return;
  out_.bind(taken);
  go_to_piece_plus(op().imm);
}

void BlockTranslator::jump_and_link() {
  check_deadline();
  if (op().rd != kDiscard) {
    out_.load(Reg::rax, field(context_.layout.piece));
    out_.alu(Alu::add, Reg::rax, int32_t{block_.end});
    out_.store(x(op().rd), Reg::rax);
    integers_.forget(op().rd);  // the next round reads it from there
  }
  go_to(op().imm, links_of(&op()).taken);
}

void BlockTranslator::jump_register() {
  const Reg base = read(op().rs1);
  check_deadline();
  out_.lea(Reg::rax, {base, op().imm});
  out_.alu(Alu::and_, Reg::rax, -2);
  find_and_go(op().rd != kDiscard);
}

// The jump at `place` to the block at `offset` of this piece. Until that block
// has host code, the handler of this operation finds it.
void BlockTranslator::jump_to_link(size_t place, int64_t offset, Block* const& link) {
  if (link == &block_) return jump_round(place);
  const bool in_line = stays_in_line(offset);
  if (link != nullptr && link->host != 0) return out_.patch(place, in_line ? link->host_in_line : link->host);
  exit_at(place, op().handler);
  link_jumps_.push_back({place, &link, in_line});
}

void BlockTranslator::go_to(int64_t offset, Block* const& link) {
  if (!in_piece(offset)) return go_to_piece_plus(offset);
  jump_to_link(out_.jump(), offset, link);
}

void BlockTranslator::go_to_piece_plus(int64_t offset) {
  out_.load(Reg::rax, field(context_.layout.piece));
  out_.alu(Alu::add, Reg::rax, static_cast<int32_t>(offset));
  find_and_go(false);
}

// To the host code at the guest's rax, as find_known(): what the filter, the
// decoded code or the translator does not know is left to the handler.
void BlockTranslator::find_and_go(bool link) {
  constexpr unsigned kEntryShift = std::countr_zero(sizeof(FilterEntry));
  constexpr auto kIndexMask = static_cast<int32_t>((TranslationFilter::kEntries - 1) << kEntryShift);
  const int32_t filter = context_.fetch_entries;
  out_.move(Reg::rcx, Reg::rax, Width::word);
  out_.shift(Shift::right, Reg::rcx, TranslationFilter::kShift - kEntryShift, Width::word);
  out_.alu(Alu::and_, Reg::rcx, kIndexMask, Width::word);
  out_.move(Reg::rsi, Reg::rax);
  out_.alu(Alu::and_, Reg::rsi, static_cast<int32_t>(~kPieceMask));
  out_.alu(Alu::cmp, Reg::rsi, Memory{Reg::rbx, filter, Reg::rcx});
  exit_if(Condition::not_equal);
  out_.alu(Alu::add, Reg::rax,
           Memory{Reg::rbx, filter + static_cast<int32_t>(offsetof(FilterEntry, addend)), Reg::rcx});
  // The page is used now.
  out_.load(Reg::rcx, Memory{Reg::rbx, filter + static_cast<int32_t>(offsetof(FilterEntry, used)), Reg::rcx});
  out_.load(Reg::r8, Memory{Reg::rbx, context_.use_base});
  out_.alu(Alu::add, Reg::r8, Reg::r14);
  out_.store({Reg::rcx}, Reg::r8);
  out_.move(Reg::rcx, reinterpret_cast<uint64_t>(context_.memory_base));
  out_.alu(Alu::sub, Reg::rax, Reg::rcx);  // the physical address
  out_.move(Reg::rcx, Reg::rax);
  out_.shift(Shift::right, Reg::rcx, TranslationFilter::kShift);
  out_.load(Reg::r8, field(context_.layout.code_pages));
  out_.load(Reg::r8, {Reg::r8, 0, Reg::rcx, 3});
  out_.test(Reg::r8, Reg::r8);
  exit_if(Condition::equal);
  // A pointer for every two bytes.
  out_.alu(Alu::and_, Reg::rax, static_cast<int32_t>(kPieceMask), Width::word);
  out_.load(Reg::r8, {Reg::r8, context_.blocks, Reg::rax, 2});
  out_.test(Reg::r8, Reg::r8);
  exit_if(Condition::equal);
  out_.load(Reg::rax, {Reg::r8, static_cast<int32_t>(offsetof(Block, host))});
  out_.test(Reg::rax, Reg::rax);
  exit_if(Condition::equal);
  if (link) {
    out_.load(Reg::rcx, field(context_.layout.piece));
    out_.alu(Alu::add, Reg::rcx, int32_t{block_.end});
    out_.store(x(op().rd), Reg::rcx);
  }
  out_.store(field(context_.layout.piece), Reg::rsi);
  out_.jump_to(Reg::rax);
}

}  // namespace faultline::hw
