#include "hw/hart/translate/block_translator.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "hw/hart/float_immediate.h"
#include "hw/riscv/decode.h"
#include "hw/riscv/instruction_table.h"

namespace faultline::hw {
namespace {

using x86::Alu;
using x86::Condition;

constexpr uint8_t kIntegerHosts[] = {8, 9, 10, 11, 12, 13};
constexpr uint8_t kFloatHosts[] = {3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
// With L1D, r12 and r13 have other work; so has r12 with L1I.
constexpr size_t kFewIntegerHosts = 4;

std::span<const uint8_t> integer_hosts(const HartCosts& costs) {
  return std::span(kIntegerHosts)
      .first(costs.data_mode == DataMode::cached || costs.fetch_mode == FetchMode::line ? kFewIntegerHosts
                                                                                        : std::size(kIntegerHosts));
}

constexpr uint64_t bit(unsigned n) { return uint64_t{1} << n; }

// Computes a register from registers, without a case that is left to its handler.
bool is_pure(Opcode opcode) {
  return opcode == Opcode::lui || opcode == Opcode::auipc || (Opcode::addi <= opcode && opcode <= Opcode::fence_i) ||
         opcode == Opcode::mul || opcode == Opcode::mulh || opcode == Opcode::mulhu || opcode == Opcode::mulw;
}

}  // namespace

BlockTranslator::BlockTranslator(const TranslationContext& context, Block& block, x86::Assembler& out, HostCode& code)
    : context_(context),
      block_(block),
      out_(out),
      code_(code),
      count_(operations(block)),
      integers_(integer_hosts(context.costs)),
      floats_(kFloatHosts) {}

size_t BlockTranslator::operations(const Block& block) {
  return static_cast<size_t>(reinterpret_cast<const std::byte*>(block.infos) -
                             reinterpret_cast<const std::byte*>(block.ops()) - sizeof(Links)) /
         sizeof(Op);
}

x86::Memory BlockTranslator::x(unsigned guest) {
  return {Reg::rdx, static_cast<int32_t>(offsetof(HartState, x) + 8 * guest)};
}
x86::Memory BlockTranslator::f(unsigned guest) {
  return {Reg::rdx, static_cast<int32_t>(offsetof(HartState, f) + 8 * guest)};
}

// ---- What each operation needs ----------------------------------------------

// What is none has handlers of its own.
bool BlockTranslator::is_instruction(size_t operation) const {
  const Handler handler = block_.ops()[operation].handler;
  const HandlerTable& handlers = *context_.handlers;
  return handler != handlers.fall && handler != handlers.next_piece && handler != handlers.straddle &&
         handler != handlers.second_line && handler != handlers.mark;
}

BlockTranslator::Use BlockTranslator::use_of(size_t operation) const {
  if (!is_instruction(operation)) return {};
  const Op& op = block_.ops()[operation];
  const Opcode opcode = opcodes_[operation];
  const uint64_t rd = bit(op.rd), rs1 = bit(op.rs1), rs2 = bit(op.rs2);
  const bool pure = is_pure(opcode);
  switch (encoding(opcode).format) {
    case Format::r:
      return {.reads = rs1 | rs2, .writes = rd, .pure = pure};
    case Format::i:
    case Format::shift64:
    case Format::shift32:
    case Format::load:
      return {.reads = rs1, .writes = rd, .pure = pure};
    case Format::upper:
    case Format::jump:
      return {.writes = rd, .pure = pure};
    case Format::store:
    case Format::branch:
      return {.reads = rs1 | rs2};
    case Format::float_load:
      return {.reads = rs1, .float_writes = rd};
    case Format::float_store:
      return {.reads = rs1, .float_reads = rs2};
    case Format::float_r4:
      return {.float_reads = rs1 | rs2 | bit(third_register(op.imm)), .float_writes = rd};
    case Format::float_r:
    case Format::float_r_rm:
      return {.float_reads = rs1 | rs2, .float_writes = rd};
    case Format::float_1_rm:
      return {.float_reads = rs1, .float_writes = rd};
    case Format::float_compare:
      return {.float_reads = rs1 | rs2, .writes = rd};
    case Format::float_to_int:
    case Format::float_to_int_rm:
      return {.float_reads = rs1, .writes = rd};
    case Format::int_to_float:
    case Format::int_to_float_rm:
      return {.reads = rs1, .float_writes = rd};
    default:
      return {.pure = pure};
  }
}

void BlockTranslator::find_uses() {
  opcodes_.resize(count_);
  uses_.resize(count_);
  live_.assign(count_ + 1, 0);
  float_live_.assign(count_ + 1, 0);
  for (size_t i = 0; i < count_; ++i) {
    opcodes_[i] = is_instruction(i) ? decode(block_.infos[i].bits).opcode : Opcode::illegal;
    uses_[i] = use_of(i);
  }
  find_live();
}

void BlockTranslator::find_live() {
  for (size_t i = count_; i-- > 0;) {
    live_[i] = uses_[i].reads | (live_[i + 1] & ~uses_[i].writes);
    float_live_[i] = uses_[i].float_reads | (float_live_[i + 1] & ~uses_[i].float_writes);
  }
}

// ---- Guest registers --------------------------------------------------------

x86::Reg BlockTranslator::take(uint8_t guest) {
  RegisterCache::Slot& slot = integers_.oldest();
  if (slot.guest != RegisterCache::Slot::kFree && slot.unsaved) out_.store(x(slot.guest), static_cast<Reg>(slot.host));
  integers_.give(slot, guest);
  return static_cast<Reg>(slot.host);
}

x86::Reg BlockTranslator::read(uint8_t guest) {
  if (const RegisterCache::Slot* slot = integers_.find(guest)) return static_cast<Reg>(slot->host);
  const Reg reg = take(guest);
  out_.load(reg, x(guest));
  return reg;
}

// The register that an operation leaves its result in, then defined().
x86::Reg BlockTranslator::define(uint8_t guest) {
  if (RegisterCache::Slot* slot = integers_.find(guest)) {
    slot->unsaved = false;
    return static_cast<Reg>(slot->host);
  }
  return take(guest);
}

void BlockTranslator::defined(uint8_t guest, Reg reg) {
  if (overwritten_unseen(guest)) {
    integers_.find(guest)->unsaved = true;
  } else {
    out_.store(x(guest), reg);
  }
}

bool BlockTranslator::overwritten_unseen(uint8_t guest) const {
  for (size_t i = at_ + 1; i < count_ && uses_[i].pure; ++i) {
    if ((uses_[i].writes & bit(guest)) != 0) return true;
  }
  return false;
}

// ---- From handlers and to handlers ------------------------------------------

void BlockTranslator::load_clock() {
  out_.load(Reg::r14, field(context_.layout.now));
  out_.load(Reg::r15, field(context_.layout.counts));
}

void BlockTranslator::add(Reg reg, uint64_t value) {
  if (value <= INT32_MAX) return out_.alu(Alu::add, reg, static_cast<int32_t>(value));
  out_.move(Reg::rax, value);
  out_.alu(Alu::add, reg, Reg::rax);
}

// What predecessors in host code jump to: those in other lines, and all.
void BlockTranslator::enter_block() {
  if (context_.costs.fetch_mode == FetchMode::line && !(round_ != 0 && stays_in_line(block_.start))) {
    check_fetched_line(block_.line, &block_, context_.handlers->enter_in_full);
  }
  if (round_ == 0) enter_in_line_ = out_.here();
  add(Reg::r14, block_.cycles);
  add(Reg::r15, block_.counts);
}

// An entry for those who come from a handler, where one may.
void BlockTranslator::begin_operation() {
  integers_.begin_operation();
  floats_.begin_operation();
  if (!reached_) {
    integers_.clear();
    floats_.clear();
    entries_.push_back({at_, out_.here(), {}, true});
    load_clock();
  } else if (may_exit_) {
    remember_entry();
  }
}

void BlockTranslator::remember_entry() { entries_.push_back({at_, out_.here(), cached_registers(at_), false}); }

// Those that are read at `operation` or behind it.
std::vector<BlockTranslator::CachedRegister> BlockTranslator::cached_registers(size_t operation) const {
  std::vector<CachedRegister> registers;
  for (const RegisterCache::Slot& slot : integers_.slots()) {
    if (slot.guest == RegisterCache::Slot::kFree || (live_[operation] & bit(slot.guest)) == 0) continue;
    registers.push_back({false, slot.guest, slot.host});
  }
  for (const RegisterCache::Slot& slot : floats_.slots()) {
    if (slot.guest == RegisterCache::Slot::kFree || (float_live_[operation] & bit(slot.guest)) == 0) continue;
    registers.push_back({true, slot.guest, slot.host});
  }
  return registers;
}

void BlockTranslator::load_registers(const std::vector<CachedRegister>& registers) {
  for (const CachedRegister& reg : registers) {
    reg.is_float ? out_.load(Xmm{reg.host}, f(reg.guest), x86::Precision::double_)
                 : out_.load(static_cast<Reg>(reg.host), x(reg.guest));
  }
}

// The handler does the operation, always.
void BlockTranslator::leave_to_handler() {
  all_here_ = false;
  if (!reached_) return;  // from handler to handler
  leave_to(&op(), op().handler);
  reached_ = false;
}

void BlockTranslator::write_entries() {
  for (Entry& entry : entries_) {
    if (entry.in_place) continue;
    const uint64_t target = entry.target;
    entry.target = out_.here();
    load_clock();
    load_registers(entry.registers);
    out_.jump_to(target);
  }
}

void BlockTranslator::leave_to(const void* operand, Handler handler) {
  out_.store(field(context_.layout.now), Reg::r14);
  out_.store(field(context_.layout.counts), Reg::r15);
  out_.move(Reg::rsi, reinterpret_cast<uint64_t>(operand));
  out_.move(Reg::rax, reinterpret_cast<uint64_t>(handler));
  out_.jump_to(Reg::rax);
}

void BlockTranslator::write_exits() {
  for (size_t i = 0; i < exits_.size();) {
    const Exit first = exits_[i];
    for (; i < exits_.size() && exits_[i].operation == first.operation && exits_[i].handler == first.handler; ++i) {
      out_.bind(exits_[i].place);
    }
    leave_to(&block_.ops()[first.operation], first.handler);
  }
}

bool BlockTranslator::operation() {
  if (!is_instruction(at_)) return pseudo();
  const Opcode opcode = opcodes_[at_];
  return integer(opcode) || memory(opcode) || control(opcode) || floating(opcode);
}

// ---- The whole --------------------------------------------------------------

bool BlockTranslator::translate() {
  find_uses();
  enter_ = out_.here();
  enter_block();
  write_operations();
  if (!round_jumps_.empty() && all_here_) write_round();
  write_round_jumps();
  write_entries();
  write_exits();
  write_line_searches();
  return !out_.full();
}

// The block once more, for the jumps back to its start. Who comes from a
// handler into the middle joins this time.
void BlockTranslator::write_round() {
  round_registers_ = cached_registers(0);
  // What the next round reads is still needed where this one ends.
  live_.back() = live_.front();
  float_live_.back() = float_live_.front();
  find_live();
  entries_.resize(1);
  for (const RoundJump& jump : round_jumps_) out_.bind(jump.place);
  round_jumps_.clear();
  round_ = out_.here();
  enter_block();
  write_operations();
}

void BlockTranslator::jump_round(size_t place) {
  RoundJump jump{place, {}};
  if (round_ != 0) {
    const auto stands = [](const RegisterCache& cache, const CachedRegister& wanted) {
      return std::any_of(cache.slots().begin(), cache.slots().end(), [&](const RegisterCache::Slot& slot) {
        return slot.guest == wanted.guest && slot.host == wanted.host;
      });
    };
    for (const CachedRegister& wanted : round_registers_) {
      if (!stands(wanted.is_float ? floats_ : integers_, wanted)) jump.loads.push_back(wanted);
    }
    if (jump.loads.empty()) return out_.patch(place, round_);
  }
  round_jumps_.push_back(std::move(jump));
}

void BlockTranslator::write_round_jumps() {
  for (const RoundJump& jump : round_jumps_) {
    if (round_ == 0) {
      out_.patch(jump.place, stays_in_line(block_.start) ? enter_in_line_ : enter_);
      continue;
    }
    out_.bind(jump.place);
    load_registers(jump.loads);
    out_.jump_to(round_);
  }
}

void BlockTranslator::write_operations() {
  reached_ = true;
  may_exit_ = round_ == 0;  // the first entry stands before the first time
  for (at_ = 0; at_ < count_; ++at_) {
    const size_t size = out_.size(), entries = entries_.size(), exits = ways_out();
    begin_operation();
    if (operation()) {
      reached_ = true;
    } else {
      out_.rewind(size);
      entries_.resize(entries);
      leave_to_handler();
    }
    may_exit_ = ways_out() != exits;
  }
}

void BlockTranslator::publish() {
  for (const Entry& entry : entries_) {
    block_.ops()[entry.operation].handler = reinterpret_cast<Handler>(entry.target);
  }
  block_.host = enter_;
  block_.host_in_line = enter_in_line_;
  const uint64_t start = out_.here() - out_.size();
  for (const LinkJump& jump : link_jumps_) code_.wait_for(jump.link, start + jump.place, jump.in_line);
  code_.use(out_.size());
}

}  // namespace faultline::hw
