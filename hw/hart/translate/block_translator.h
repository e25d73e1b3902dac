// One decoded block into host code.
//
// Host code keeps the convention of the handlers (rdi: interpreter, rsi:
// operation, rdx: state), so that either can jump to the other at every
// operation. In host code beyond that:
//   r14, r15          Interpreter::now and counts
//   rbx               the filter of loads and stores; the other at a fixed distance
//   r13               sets of L1D, in DataMode::cached
//   r12               scratch where there is a first-level cache
//   rax, rcx, rsi, xmm0 to xmm2   scratch within one operation
//   the rest          guest registers, as RegisterCache says at each operation
// What it does not do itself, and every case that is not the common one, it
// leaves to the operation's handler: now and counts are written back, and the
// handler does all of the operation. The handler goes on by the next
// operation's `handler`, which is an entry into host code again: it loads now,
// counts and the guest registers that the code behind it expects. A guest
// register that is written is written in HartState at once, unless it is
// written again before anybody can look.
//
// A block that branches to itself is written twice: the second time begins
// with the registers that the first ended with, and goes round by itself.
//
// L1I's line is looked at where a block is entered, but for jumps from the same
// line: a block that lies in it has made it the most recent of its set, and
// nothing but fetches touches L1I while the hart runs.
#pragma once

#include <cstdint>
#include <vector>

#include "hw/hart/op.h"
#include "hw/hart/translate/assembler.h"
#include "hw/hart/translate/code_memory.h"
#include "hw/hart/translate/register_cache.h"
#include "hw/hart/translate/translation_context.h"
#include "hw/riscv/instruction.h"

namespace faultline::hw {

class BlockTranslator {
 public:
  BlockTranslator(const TranslationContext& context, Block& block, x86::Assembler& out, HostCode& code);

  // No block takes more code.
  static size_t most_bytes(size_t operations) { return 512 + operations * 520; }
  static size_t operations(const Block& block);

  // Writes the code; the block is as it was. False: it did not fit.
  bool translate();
  // From now on the block runs it.
  void publish();

 private:
  using Reg = x86::Reg;
  using Xmm = x86::Xmm;

  // What an operation reads and writes; bits by register.
  struct Use {
    uint64_t reads = 0, float_reads = 0;
    uint64_t writes = 0, float_writes = 0;
    bool pure = false;  // never left to its handler
  };
  static constexpr uint8_t kDiscard = 32;  // HartState::x, for what x0 is written with
  struct Exit {
    size_t place;
    size_t operation;
    Handler handler;
  };
  // A line that is not the most recent of its set is looked for, and the code
  // goes on at `back`; where it is not found, the handler takes over.
  struct LineSearch {
    size_t place;
    uint64_t back;
    size_t operation;
    bool write;
  };
  struct FetchedLineSearch {
    size_t place;
    uint64_t back;
    uint64_t line;
    const void* operand;  // the handler's
    Handler handler;
  };
  struct CachedRegister {
    bool is_float;
    uint8_t guest;
    uint8_t host;
  };
  struct Entry {
    size_t operation;
    uint64_t target;
    std::vector<CachedRegister> registers;
    bool in_place;  // loads nothing, and stands where the code is
  };
  // A jump to where the block goes round, for which some registers are loaded.
  struct RoundJump {
    size_t place;
    std::vector<CachedRegister> loads;
  };
  // A jump to the block that `link` names, or will.
  struct LinkJump {
    size_t place;
    Block* const* link;
    bool in_line;
  };

  // block_translator.cc
  const Op& op() const { return block_.ops()[at_]; }
  Use use_of(size_t operation) const;
  bool is_instruction(size_t operation) const;
  void find_uses();
  void find_live();
  void write_operations();
  bool operation();
  void enter_block();
  void write_round();
  void jump_round(size_t place);
  void write_round_jumps();
  void add(Reg reg, uint64_t value);
  void begin_operation();
  void remember_entry();
  std::vector<CachedRegister> cached_registers(size_t operation) const;
  void load_registers(const std::vector<CachedRegister>& registers);
  void load_clock();
  void leave_to_handler();
  void exit_if(x86::Condition condition) { exit_at(out_.jump(condition), op().handler); }
  void exit_at(size_t place, Handler handler) { exits_.push_back({place, at_, handler}); }
  size_t ways_out() const { return exits_.size() + line_searches_.size() + fetched_line_searches_.size(); }
  void leave_to(const void* operand, Handler handler);
  void write_entries();
  void write_exits();
  x86::Memory field(int32_t displacement) const { return {Reg::rdi, displacement}; }
  static x86::Memory x(unsigned guest);
  static x86::Memory f(unsigned guest);
  Reg read(uint8_t guest);
  Reg define(uint8_t guest);
  void defined(uint8_t guest, Reg reg);
  Reg take(uint8_t guest);
  bool overwritten_unseen(uint8_t guest) const;

  // The groups. Each answers false, with nothing written, where the handler
  // must do the operation.
  // translate_integer.cc
  bool integer(Opcode opcode);
  bool integer_immediate(Opcode opcode);
  bool integer_registers(Opcode opcode);
  bool multiply_divide(Opcode opcode);
  void load_constant(uint64_t value);
  void add_to_piece();
  void add_immediate(bool word);
  void immediate(x86::Alu operation);
  void shift_immediate(x86::Shift kind, x86::Width width);
  void set_if(x86::Condition condition, bool with_immediate);
  void registers(x86::Alu operation, x86::Width width);
  void shift_registers(x86::Shift kind, x86::Width width);
  void multiply_high(x86::Wide kind);
  void divide(x86::Wide kind, x86::Width width, bool remainder);
  template <class Emit>
  void two_operands(bool commutes, x86::Width width, Emit emit);

  // translate_memory.cc
  bool memory(Opcode opcode);
  void host_address(unsigned bytes, bool write);
  void note_use();
  void load(x86::Load kind, unsigned bytes);
  void store(unsigned bytes);
  void load_double();
  void load_single();
  void float_store(unsigned bytes);

  // translate_lines.cc
  void check_line(bool write);
  bool stays_in_line(int64_t offset) const;
  void check_fetched_line(uint64_t line, const void* operand, Handler handler);
  void find_fetched_line(uint64_t line);
  void touch_fetched_line(uint64_t line);
  void write_line_searches();

  // translate_float.cc
  bool floating(Opcode opcode);
  bool arithmetic(Opcode opcode, x86::Precision precision);
  bool conversion(Opcode opcode);
  Xmm read_double(uint8_t guest);
  Xmm define_double(uint8_t guest);
  Xmm operand(uint8_t guest, x86::Precision precision, Xmm scratch);
  void write_float(Xmm value, x86::Precision precision);
  void float_result(x86::Precision precision);
  bool check_rounding();
  bool binary(x86::Sse operation, x86::Precision precision);
  bool square_root(x86::Precision precision);
  bool fused(x86::Fma operation, x86::Precision precision);
  bool sign(Opcode opcode);
  void extremum(x86::Sse operation, x86::Precision precision);
  void compare(x86::Condition condition, x86::Precision precision);
  void move_to_integer(x86::Load kind);
  void move_from_integer(x86::Precision precision);
  bool to_integer(x86::Precision precision, x86::Width width);
  bool from_integer(x86::Precision precision, x86::Width width);
  bool between_formats(x86::Precision from, x86::Precision to);

  // translate_control.cc
  static bool in_piece(int64_t offset) { return 0 <= offset && offset < static_cast<int64_t>(kPieceBytes); }
  bool control(Opcode opcode);
  bool pseudo();
  void second_line();
  void branch(x86::Condition condition);
  void jump_and_link();
  void jump_register();
  void check_deadline();
  void jump_to_link(size_t place, int64_t offset, Block* const& link);
  void go_to(int64_t offset, Block* const& link);
  void go_to_piece_plus(int64_t offset);
  void find_and_go(bool link);

  const TranslationContext& context_;
  Block& block_;
  x86::Assembler& out_;
  HostCode& code_;
  const size_t count_;
  std::vector<Opcode> opcodes_;
  std::vector<Use> uses_;
  std::vector<uint64_t> live_, float_live_;  // read at or behind an operation, before it is written
  RegisterCache integers_;
  RegisterCache floats_;
  size_t at_ = 0;
  bool reached_ = true;   // host code comes here from the operation before
  bool may_exit_ = true;  // the operation before may be done by its handler
  uint64_t enter_ = 0;
  uint64_t enter_in_line_ = 0;
  std::vector<Exit> exits_;
  std::vector<Entry> entries_;
  std::vector<LinkJump> link_jumps_;
  std::vector<LineSearch> line_searches_;
  std::vector<FetchedLineSearch> fetched_line_searches_;
  bool all_here_ = true;  // no operation is always left to its handler
  // Of a block that branches to itself: where it goes round (0: written once
  // so far), and what the code there expects in registers.
  uint64_t round_ = 0;
  std::vector<CachedRegister> round_registers_;
  std::vector<RoundJump> round_jumps_;
};

}  // namespace faultline::hw
