// Decodes memory into blocks.
#pragma once

#include <optional>
#include <vector>

#include "hw/config/machine_config.h"
#include "hw/hart/code_cache.h"
#include "hw/hart/handlers.h"
#include "hw/hart/hart_costs.h"
#include "hw/hart/op.h"
#include "hw/memory/backing_store.h"
#include "hw/riscv/instruction.h"

namespace faultline::hw {

class BlockBuilder {
 public:
  // `line_shift` of L1I, or nothing where there is none.
  BlockBuilder(const HandlerTable& handlers, const HartConfig& config, const HartCosts& costs,
               std::optional<unsigned> line_shift)
      : handlers_(handlers), config_(config), costs_(costs), line_shift_(line_shift) {}

  // From now on the first operation of a block is `handler`, which counts
  // entries down from `entries` and runs the block by Block::first.
  void count_entries(Handler handler, uint16_t entries) {
    count_entries_ = handler;
    entries_ = entries;
  }

  // The block that begins at `address`; belongs to `page`, which is address's.
  Block* build(CodePage& page, const BackingStore& memory, PhysAddr address);
  // The instruction `bits` that begins in the last two bytes of a piece.
  Block* build_straddling(CodePage& page, PhysAddr address, uint32_t bits);

 private:
  static constexpr unsigned kMaxInstructions = 64;

  struct Draft {
    Op op;
    OpInfo info;
    Opcode opcode = Opcode::illegal;
    uint64_t cycles = 0;
    bool instruction = false;
    bool load = false;
    bool store = false;
  };

  void add_instruction(const Instruction& instruction, uint32_t bits, uint64_t offset);
  void add_pseudo(Handler handler, uint64_t offset, uint64_t cycles = 0);
  bool two_lines(uint64_t offset, unsigned length) const;
  uint64_t own_cycles(Opcode opcode) const;
  void fuse();
  Block* finish(CodePage& page, PhysAddr address, uint64_t end);

  const HandlerTable& handlers_;
  const HartConfig config_;
  const HartCosts costs_;
  const std::optional<unsigned> line_shift_;
  std::vector<Draft> draft_;
  Handler count_entries_ = nullptr;
  uint16_t entries_ = 0;
};

}  // namespace faultline::hw
