// Two instructions in one handler: an integer operation and the operation or
// branch behind it. Saves a jump through a table, and the way through memory
// where the second takes what the first made. Neither can trap, so that nobody
// sees the state between them.
#include <array>

#include "hw/hart/block_exit.h"
#include "hw/hart/integer_operations.h"

namespace faultline::hw {
namespace {

using namespace integer;

constexpr bool kForward = true;

template <class First, class Second, bool kForwarded>
const Op* two(Interpreter& in, const Op* op, HartState& s) {
  const uint64_t a = First::of(in, op, s, s.x[op->rs1]);
  s.x[op->rd] = a;
  s.x[op[1].rd] = Second::of(in, op + 1, s, kForwarded ? a : s.x[op[1].rs1]);
  return go(in, op + 2, s);
}

template <class First, class Condition, bool kForwarded, FetchMode kMode>
const Op* then_branch(Interpreter& in, const Op* op, HartState& s) {
  const uint64_t a = First::of(in, op, s, s.x[op->rs1]);
  s.x[op->rd] = a;
  return branch_on<Condition, kMode>(in, op + 1, s, kForwarded ? a : s.x[op[1].rs1]);
}

template <Opcode kOpcode, class What>
struct Row {
  static constexpr Opcode opcode = kOpcode;
  using Operation = What;
};
template <class... Rows>
struct Table {};

using Integers =
    Table<Row<Opcode::lui, LoadUpper>, Row<Opcode::auipc, AddUpperToPc>, Row<Opcode::addi, Immediate<Add>>,
          Row<Opcode::addiw, Immediate<AddWord>>, Row<Opcode::andi, Immediate<And>>, Row<Opcode::xori, Immediate<Xor>>,
          Row<Opcode::sltiu, Immediate<SetLessUnsigned>>, Row<Opcode::slli, Immediate<ShiftLeft>>,
          Row<Opcode::srli, Immediate<ShiftRight>>, Row<Opcode::add, Registers<Add>>, Row<Opcode::sub, Registers<Sub>>,
          Row<Opcode::and_, Registers<And>>, Row<Opcode::or_, Registers<Or>>, Row<Opcode::xor_, Registers<Xor>>,
          Row<Opcode::sltu, Registers<SetLessUnsigned>>, Row<Opcode::addw, Registers<AddWord>>,
          Row<Opcode::mul, Registers<Multiply>>, Row<Opcode::mulw, Registers<MultiplyWord>>>;
using Branches = Table<Row<Opcode::beq, Equal>, Row<Opcode::bne, NotEqual>, Row<Opcode::blt, Less>,
                       Row<Opcode::bge, NotLess>, Row<Opcode::bltu, LessUnsigned>, Row<Opcode::bgeu, NotLessUnsigned>>;

// By second opcode.
using Seconds = std::array<Handler, kOpcodes>;

template <class First, bool kForwarded, class... Second>
constexpr void add_integers(Seconds& seconds, Table<Second...>) {
  ((seconds[static_cast<size_t>(Second::opcode)] =
        two<typename First::Operation, typename Second::Operation, kForwarded>),
   ...);
}

template <class First, bool kForwarded, FetchMode kMode, class... Second>
constexpr void add_branches(Seconds& seconds, Table<Second...>) {
  ((seconds[static_cast<size_t>(Second::opcode)] =
        then_branch<typename First::Operation, typename Second::Operation, kForwarded, kMode>),
   ...);
}

template <class First, bool kForwarded, FetchMode kMode>
constexpr Seconds make_seconds() {
  Seconds seconds{};
  add_integers<First, kForwarded>(seconds, Integers{});
  add_branches<First, kForwarded, kMode>(seconds, Branches{});
  return seconds;
}

template <bool kForwarded, FetchMode kMode, class... First>
const Seconds* find_first(Opcode opcode, Table<First...>) {
  static constexpr std::array<Opcode, sizeof...(First)> kOpcode = {First::opcode...};
  static constexpr std::array<Seconds, sizeof...(First)> kSeconds = {make_seconds<First, kForwarded, kMode>()...};
  for (size_t i = 0; i < kOpcode.size(); ++i) {
    if (kOpcode[i] == opcode) return &kSeconds[i];
  }
  return nullptr;
}

template <FetchMode kMode>
Handler find(Opcode first, Opcode second, bool forwarded) {
  const Seconds* seconds =
      forwarded ? find_first<kForward, kMode>(first, Integers{}) : find_first<!kForward, kMode>(first, Integers{});
  return seconds == nullptr ? nullptr : (*seconds)[static_cast<size_t>(second)];
}

}  // namespace

Handler fused_handler(Opcode first, Opcode second, bool forwarded, FetchMode mode) {
  switch (mode) {
    case FetchMode::flat:
      return find<FetchMode::flat>(first, second, forwarded);
    case FetchMode::line:
      return find<FetchMode::line>(first, second, forwarded);
    case FetchMode::each:
    case FetchMode::step:
      return nullptr;
  }
  return nullptr;
}

}  // namespace faultline::hw
