// Loads and stores: what handlers_memory.cc does in line.
#include <bit>
#include <cstddef>

#include "hw/hart/translate/block_translator.h"

namespace faultline::hw {

using x86::Alu;
using x86::Condition;
using x86::Load;
using x86::Shift;
using x86::Width;

namespace {

constexpr unsigned kEntryShift = std::countr_zero(sizeof(FilterEntry));
static_assert(sizeof(FilterEntry) == size_t{1} << kEntryShift);

}  // namespace

bool BlockTranslator::memory(Opcode opcode) {
  if (context_.costs.data_mode == DataMode::each) return false;
  switch (opcode) {
    case Opcode::lb:
      return load(Load::byte_signed, 1), true;
    case Opcode::lh:
      return load(Load::half_signed, 2), true;
    case Opcode::lw:
      return load(Load::word_signed, 4), true;
    case Opcode::ld:
      return load(Load::full, 8), true;
    case Opcode::lbu:
      return load(Load::byte, 1), true;
    case Opcode::lhu:
      return load(Load::half, 2), true;
    case Opcode::lwu:
      return load(Load::word, 4), true;
    case Opcode::fld:
      return load_double(), true;
    case Opcode::flw:
      return load_single(), true;
    case Opcode::sb:
      return store(1), true;
    case Opcode::sh:
      return store(2), true;
    case Opcode::sw:
      return store(4), true;
    case Opcode::sd:
      return store(8), true;
    case Opcode::fsw:
      return float_store(4), true;
    case Opcode::fsd:
      return float_store(8), true;
    default:
      return false;
  }
}

// The access's place on the host into rax, where the filter has its page and
// L1D's most recent lines say that it changes nothing there.
void BlockTranslator::host_address(unsigned bytes, bool write) {
  const Reg base = read(op().rs1);
  op().imm == 0 ? out_.move(Reg::rax, base) : out_.lea(Reg::rax, {base, op().imm});
  constexpr uint32_t kIndexMask = (TranslationFilter::kEntries - 1) << kEntryShift;
  out_.move(Reg::rcx, Reg::rax, Width::word);
  out_.shift(Shift::right, Reg::rcx, TranslationFilter::kShift - kEntryShift, Width::word);
  out_.alu(Alu::and_, Reg::rcx, int32_t{kIndexMask}, Width::word);
  out_.move(Reg::rsi, Reg::rax);
  out_.alu(Alu::and_, Reg::rsi, static_cast<int32_t>(~(kPieceMask & ~uint64_t{bytes - 1})));
  const size_t tag = write ? offsetof(FilterEntry, store_tag) : offsetof(FilterEntry, tag);
  out_.alu(Alu::cmp, Reg::rsi, x86::Memory{Reg::rbx, static_cast<int32_t>(tag), Reg::rcx});
  exit_if(Condition::not_equal);
  const auto addend = static_cast<int32_t>(offsetof(FilterEntry, addend));
  out_.alu(Alu::add, Reg::rax, x86::Memory{Reg::rbx, addend, Reg::rcx});
  note_use();
  if (context_.costs.data_mode == DataMode::cached) check_line(write);
}

// Of the filter's entry at rcx, by this operation, as Interpreter::used().
void BlockTranslator::note_use() {
  const auto used = static_cast<int32_t>(offsetof(FilterEntry, used));
  out_.load(Reg::rcx, x86::Memory{Reg::rbx, used, Reg::rcx});
  out_.load(Reg::rsi, x86::Memory{Reg::rbx, context_.use_base});
  const uint64_t after = block_.infos[at_].cycles_after;
  if (after <= INT32_MAX) {
    out_.lea(Reg::rsi, {Reg::rsi, -static_cast<int32_t>(after), Reg::r14});
  } else {
    out_.alu(Alu::add, Reg::rsi, Reg::r14);
    out_.alu(Alu::sub, Reg::rsi, static_cast<int32_t>(after));
  }
  out_.store({Reg::rcx}, Reg::rsi);
}

void BlockTranslator::load(Load kind, unsigned bytes) {
  host_address(bytes, false);
  if (op().rd == kDiscard) return;
  const Reg d = define(op().rd);
  out_.load(d, {Reg::rax}, kind);
  defined(op().rd, d);
}

void BlockTranslator::store(unsigned bytes) {
  const Reg value = read(op().rs2);
  host_address(bytes, true);
  out_.store({Reg::rax}, value, bytes);
}

void BlockTranslator::load_double() {
  host_address(8, false);
  const Xmm d = define_double(op().rd);
  out_.load(d, {Reg::rax}, x86::Precision::double_);
  out_.store(f(op().rd), d, x86::Precision::double_);
}

void BlockTranslator::load_single() {
  host_address(4, false);
  out_.load(Xmm{0}, {Reg::rax}, x86::Precision::single);
  write_float(Xmm{0}, x86::Precision::single);
}

void BlockTranslator::float_store(unsigned bytes) {
  host_address(bytes, true);
  if (const RegisterCache::Slot* slot = floats_.find(op().rs2)) {
    out_.store({Reg::rax}, Xmm{slot->host}, bytes == 8 ? x86::Precision::double_ : x86::Precision::single);
    return;
  }
  out_.load(Reg::rcx, f(op().rs2), bytes == 8 ? Load::full : Load::word);
  out_.store({Reg::rax}, Reg::rcx, bytes);
}

}  // namespace faultline::hw
