#include "hw/hart/block_builder.h"

#include <utility>

#include "hw/hart/float_immediate.h"
#include "hw/hart/region_mark.h"
#include "hw/riscv/decode.h"
#include "hw/riscv/instruction_table.h"

namespace faultline::hw {
namespace {

constexpr bool between(Opcode opcode, Opcode first, Opcode last) { return first <= opcode && opcode <= last; }

bool is_load(Opcode opcode) {
  return between(opcode, Opcode::lb, Opcode::lwu) || opcode == Opcode::flw || opcode == Opcode::fld;
}
bool is_store(Opcode opcode) {
  return between(opcode, Opcode::sb, Opcode::sd) || opcode == Opcode::fsw || opcode == Opcode::fsd;
}

bool ends_block(Opcode opcode, uint32_t bits) {
  return between(opcode, Opcode::jal, Opcode::bgeu) || opcode == Opcode::ecall || opcode == Opcode::ebreak ||
         opcode == Opcode::illegal || region_mark(bits);
}

bool writes_integer(Format format) {
  switch (format) {
    case Format::float_load:
    case Format::float_r4:
    case Format::float_r:
    case Format::float_r_rm:
    case Format::float_1_rm:
    case Format::int_to_float:
    case Format::int_to_float_rm:
      return false;
    default:
      return true;
  }
}

// rs1 and rs2 may change places.
bool commutes(Opcode opcode) {
  switch (opcode) {
    case Opcode::add:
    case Opcode::addw:
    case Opcode::and_:
    case Opcode::or_:
    case Opcode::xor_:
    case Opcode::mul:
    case Opcode::mulw:
    case Opcode::beq:
    case Opcode::bne:
      return true;
    default:
      return false;
  }
}

bool pc_relative(Opcode opcode) { return opcode == Opcode::auipc || between(opcode, Opcode::jal, Opcode::bgeu); }

int32_t operand(const Instruction& instruction, Format format, uint64_t offset) {
  if (instruction.opcode == Opcode::jalr) return instruction.imm;
  if (pc_relative(instruction.opcode)) return instruction.imm + static_cast<int32_t>(offset);
  if (has_rounding_mode(format)) return float_immediate(instruction.rs3, instruction.rm);
  return instruction.imm;
}

}  // namespace

uint64_t BlockBuilder::own_cycles(Opcode opcode) const {
  const Format format = encoding(opcode).format;
  if (between(opcode, Opcode::mul, Opcode::mulhu) || opcode == Opcode::mulw) return config_.multiply_cycles;
  if (between(opcode, Opcode::div, Opcode::remuw)) return config_.divide_cycles;
  if (opcode == Opcode::fdiv_s || opcode == Opcode::fdiv_d || opcode == Opcode::fsqrt_s || opcode == Opcode::fsqrt_d) {
    return config_.float_divide_cycles;
  }
  const bool extremum =
      between(opcode, Opcode::fmin_s, Opcode::fmax_s) || between(opcode, Opcode::fmin_d, Opcode::fmax_d);
  if (has_rounding_mode(format) || format == Format::float_compare || extremum) return config_.float_cycles;
  return config_.base_cycles;
}

void BlockBuilder::add_instruction(const Instruction& instruction, uint32_t bits, uint64_t offset) {
  const Opcode opcode = instruction.opcode;
  const auto row = static_cast<size_t>(opcode);
  const Format format = encoding(opcode).format;
  Draft draft;
  const bool fixed =
      has_rounding_mode(format) && instruction.rm != kDynamicRounding && handlers_.static_rounding[row] != nullptr;
  draft.op.handler = fixed ? handlers_.static_rounding[row] : handlers_.by_opcode[row];
  if (region_mark(bits)) draft.op.handler = handlers_.mark;
  draft.op.imm = operand(instruction, format, offset);
  draft.op.rd = instruction.rd == 0 && writes_integer(format) ? 32 : instruction.rd;
  draft.op.rs1 = instruction.rs1;
  draft.op.rs2 = instruction.rs2;
  draft.opcode = opcode;
  draft.info.bits = instruction.length == 2 ? bits & 0xffff : bits;
  draft.info.offset = static_cast<uint16_t>(offset);
  draft.instruction = true;
  draft.load = is_load(opcode);
  draft.store = is_store(opcode);
  draft.cycles = own_cycles(opcode) + costs_.fetch + costs_.fetch_tlb;
  if (draft.load || draft.store) draft.cycles += uint64_t{costs_.data} + costs_.data_tlb;
  draft_.push_back(draft);
}

void BlockBuilder::add_pseudo(Handler handler, uint64_t offset, uint64_t cycles) {
  Draft draft;
  draft.op.handler = handler;
  draft.info.offset = static_cast<uint16_t>(offset);
  draft.cycles = cycles;
  draft_.push_back(draft);
}

bool BlockBuilder::two_lines(uint64_t offset, unsigned length) const {
  return line_shift_.has_value() && offset >> *line_shift_ != (offset + length - 1) >> *line_shift_;
}

Block* BlockBuilder::build(CodePage& page, const BackingStore& memory, PhysAddr address) {
  draft_.clear();
  const PhysAddr piece(address.value & ~kPieceMask);
  const uint64_t start = address.value & kPieceMask;
  const unsigned limit = one_by_one(costs_.fetch_mode) ? 1 : kMaxInstructions;
  uint64_t offset = start;
  for (unsigned n = 0;; ++n) {
    if (offset == kPieceBytes) {
      add_pseudo(handlers_.next_piece, offset);
      break;
    }
    const bool new_line = costs_.fetch_mode == FetchMode::line && offset >> *line_shift_ != start >> *line_shift_;
    if (n == limit || new_line) {
      add_pseudo(handlers_.fall, offset);
      break;
    }
    uint32_t bits = memory.load<uint16_t>(piece + offset);
    if (!is_compressed(bits)) {
      if (offset == kPieceBytes - 2) {
        add_pseudo(handlers_.straddle, offset);
        break;
      }
      bits |= uint32_t{memory.load<uint16_t>(piece + offset + 2)} << 16;
    }
    const Instruction instruction = decode(bits);
    const unsigned length = is_compressed(bits) ? 2 : 4;
    if (two_lines(offset, length)) add_pseudo(handlers_.second_line, offset, costs_.fetch);
    add_instruction(instruction, bits, offset);
    offset += length;
    if (ends_block(instruction.opcode, bits)) break;
  }
  Block* block = finish(page, address, offset);
  if (count_entries_ != nullptr) {
    block->first = std::exchange(block->ops()->handler, count_entries_);
    block->entries_left = entries_;
  }
  return block;
}

Block* BlockBuilder::build_straddling(CodePage& page, PhysAddr address, uint32_t bits) {
  draft_.clear();
  const uint64_t offset = address.value & kPieceMask;
  const Instruction instruction = decode(bits);
  add_instruction(instruction, bits, offset);
  if (!ends_block(instruction.opcode, bits)) add_pseudo(handlers_.next_piece, offset + 4);
  return finish(page, address, offset + 4);
}

// Gives the first of two operations a handler for both. The second keeps its
// own, and its place.
void BlockBuilder::fuse() {
  for (size_t i = 0; i + 1 < draft_.size(); ++i) {
    Draft& first = draft_[i];
    Draft& second = draft_[i + 1];
    if (!first.instruction || !second.instruction) continue;
    if (first.op.rd == second.op.rs2 && commutes(second.opcode)) std::swap(second.op.rs1, second.op.rs2);
    const Handler both = fused_handler(first.opcode, second.opcode, first.op.rd == second.op.rs1, costs_.fetch_mode);
    if (both == nullptr) continue;
    first.op.handler = both;
    ++i;
  }
}

Block* BlockBuilder::finish(CodePage& page, PhysAddr address, uint64_t end) {
  fuse();
  Block* block = page.allocate(draft_.size());
  uint64_t cycles = 0;
  uint8_t instructions = 0, loads = 0, stores = 0;
  for (size_t i = draft_.size(); i-- > 0;) {
    const Draft& draft = draft_[i];
    cycles += draft.cycles;
    instructions += draft.instruction ? 1 : 0;
    loads += draft.load ? 1 : 0;
    stores += draft.store ? 1 : 0;
    block->ops()[i] = draft.op;
    block->ops()[i].index = static_cast<uint8_t>(i);
    block->infos[i] = draft.info;
    block->infos[i].cycles_after = cycles;
    block->infos[i].instructions_after = instructions;
    block->infos[i].loads_after = loads;
    block->infos[i].stores_after = stores;
  }
  block->cycles = cycles;
  block->counts = PackedCounts::pack(instructions, loads, stores);
  block->address = address.value;
  block->line = line_shift_.has_value() ? address.value >> *line_shift_ << *line_shift_ : 0;
  block->start = static_cast<uint16_t>(address.value & kPieceMask);
  block->end = static_cast<uint16_t>(end);
  return block;
}

}  // namespace faultline::hw
