// Decoded code: what the interpreter runs.
//
// A block is straight-line code inside one 4 KB piece of memory. Its
// operations lie one after the other, each ends by calling the next one's
// handler, and the last one leaves the block. What the whole block does for
// certain (instructions, loads, stores, cycles when everything hits) is added
// once, when the block is entered; OpInfo takes the rest of it back when the
// block is left in the middle.
#pragma once

#include <cstddef>
#include <cstdint>

#include "hw/hart/hart_state.h"
#include "hw/mmu/translation_filter.h"

namespace faultline::hw {

class Interpreter;
struct Op;

// The unit of decoded code and of host translation: what a filter entry covers.
inline constexpr uint64_t kPieceBytes = uint64_t{1} << TranslationFilter::kShift;
inline constexpr uint64_t kPieceMask = kPieceBytes - 1;

using FilterEntry = TranslationFilter::Entry;

// Runs one operation and then the rest, to the next exit from the interpreter,
// by tail calls; answers null. Where the compiler makes no tail calls it
// answers the operation to run next instead (dispatch.h). Three arguments:
// with more, GCC moves them out of the way of what it computes and back.
using Handler = const Op* (*)(Interpreter& in, const Op* op, HartState& s);

struct Op {
  Handler handler = nullptr;
  int32_t imm = 0;  // for pc-relative operations: relative to the start of the piece
  uint8_t rd = 0;   // 32 where an integer instruction writes x0
  uint8_t rs1 = 0;
  uint8_t rs2 = 0;
  uint8_t index = 0;  // in its block
};
static_assert(sizeof(Op) == 16);

// What an operation's place in its block means for counts and time.
struct OpInfo {
  uint64_t cycles_after = 0;       // of the block, from the start of this operation's fetch
  uint32_t bits = 0;               // the instruction, as it stands in memory
  uint16_t offset = 0;             // of the instruction in the piece
  uint8_t instructions_after = 0;  // of the block, this one included
  uint8_t loads_after = 0;
  uint8_t stores_after = 0;
};

// Instructions, loads and stores in one word, so that a block adds them at once.
struct PackedCounts {
  static constexpr unsigned kBits = 21;
  // The interpreter unpacks at least this often, in instructions.
  static constexpr uint64_t kLimit = uint64_t{1} << (kBits - 1);

  static constexpr uint64_t pack(uint64_t instructions, uint64_t loads, uint64_t stores) {
    return instructions | loads << kBits | stores << 2 * kBits;
  }
  static constexpr uint64_t instructions(uint64_t packed) { return packed & ((uint64_t{1} << kBits) - 1); }
  static constexpr uint64_t loads(uint64_t packed) { return packed >> kBits & ((uint64_t{1} << kBits) - 1); }
  static constexpr uint64_t stores(uint64_t packed) { return packed >> 2 * kBits; }
};

struct Block;

// Where a block goes on in its own piece; null until first taken, and always
// null for targets in other pieces.
struct Links {
  Block* taken = nullptr;
  Block* next = nullptr;
};

// In memory: Block, ops, Links, infos.
struct alignas(16) Block {
  uint64_t counts = 0;   // packed
  uint64_t address = 0;  // physical, of the first instruction
  uint64_t line = 0;     // of the first-level instruction cache: its physical address
  uint64_t cycles = 0;
  OpInfo* infos = nullptr;
  // Of translation into host code (translate/):
  uint64_t host = 0;          // the code's address, for who would enter the block; 0: none
  uint64_t host_in_line = 0;  // the same for who comes from code in the block's own line
  Handler first = nullptr;    // of the first operation, while that counts entries instead
  uint16_t entries_left = 0;  // until the block is translated
  uint16_t start = 0;         // offsets in the piece
  uint16_t end = 0;           // of what follows; kPieceBytes + 2 behind an instruction that straddles

  Op* ops() { return reinterpret_cast<Op*>(this + 1); }
  const Op* ops() const { return reinterpret_cast<const Op*>(this + 1); }
};

// Of the operation that ends a block.
inline Links& links_of(const Op* op) { return *reinterpret_cast<Links*>(const_cast<Op*>(op) + 1); }
// Of any operation.
inline const Block& block_of(const Op* op) { return reinterpret_cast<const Block*>(op - op->index)[-1]; }
inline const OpInfo& info_of(const Op* op) { return block_of(op).infos[op->index]; }

}  // namespace faultline::hw
