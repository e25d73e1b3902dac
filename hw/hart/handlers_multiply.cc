// The M extension. Division never traps: the manual fixes the results of
// division by zero and of overflow (table 7.1).
#include <limits>

#include "hw/hart/dispatch.h"
#include "hw/hart/integer_operations.h"

namespace faultline::hw {
namespace {

__extension__ using Wide = unsigned __int128;
__extension__ using SignedWide = __int128;

uint64_t high(Wide product) { return static_cast<uint64_t>(product >> 64); }
SignedWide signed_wide(uint64_t value) { return static_cast<int64_t>(value); }
uint64_t extend(uint32_t value) { return static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(value))); }
uint64_t extend(uint64_t value) { return value; }

struct MultiplyHigh {
  static uint64_t of(uint64_t a, uint64_t b) { return high(static_cast<Wide>(signed_wide(a) * signed_wide(b))); }
};
struct MultiplyHighMixed {
  static uint64_t of(uint64_t a, uint64_t b) {
    return high(static_cast<Wide>(signed_wide(a) * static_cast<SignedWide>(b)));
  }
};
struct MultiplyHighUnsigned {
  static uint64_t of(uint64_t a, uint64_t b) { return high(static_cast<Wide>(a) * b); }
};

template <class Unsigned, class Signed>
struct Divide {
  static uint64_t of(uint64_t a, uint64_t b) {
    const auto dividend = static_cast<Signed>(a), divisor = static_cast<Signed>(b);
    if (divisor == 0) return ~uint64_t{0};
    if (divisor == -1) return extend(static_cast<Unsigned>(0) - static_cast<Unsigned>(a));
    return extend(static_cast<Unsigned>(dividend / divisor));
  }
};
template <class Unsigned, class Signed>
struct Remainder {
  static uint64_t of(uint64_t a, uint64_t b) {
    const auto dividend = static_cast<Signed>(a), divisor = static_cast<Signed>(b);
    if (divisor == 0) return extend(static_cast<Unsigned>(a));
    if (divisor == -1) return 0;
    return extend(static_cast<Unsigned>(dividend % divisor));
  }
};
template <class Unsigned>
struct DivideUnsigned {
  static uint64_t of(uint64_t a, uint64_t b) {
    const auto dividend = static_cast<Unsigned>(a), divisor = static_cast<Unsigned>(b);
    return divisor == 0 ? ~uint64_t{0} : extend(static_cast<Unsigned>(dividend / divisor));
  }
};
template <class Unsigned>
struct RemainderUnsigned {
  static uint64_t of(uint64_t a, uint64_t b) {
    const auto dividend = static_cast<Unsigned>(a), divisor = static_cast<Unsigned>(b);
    return extend(divisor == 0 ? dividend : static_cast<Unsigned>(dividend % divisor));
  }
};

template <class Operation>
const Op* registers(Interpreter& in, const Op* op, HartState& s) {
  s.x[op->rd] = Operation::of(s.x[op->rs1], s.x[op->rs2]);
  return next(in, op, s);
}

}  // namespace

void add_multiply_handlers(HandlerTable& table) {
  table[Opcode::mul] = registers<integer::Multiply>;
  table[Opcode::mulh] = registers<MultiplyHigh>;
  table[Opcode::mulhsu] = registers<MultiplyHighMixed>;
  table[Opcode::mulhu] = registers<MultiplyHighUnsigned>;
  table[Opcode::mulw] = registers<integer::MultiplyWord>;
  table[Opcode::div] = registers<Divide<uint64_t, int64_t>>;
  table[Opcode::divu] = registers<DivideUnsigned<uint64_t>>;
  table[Opcode::rem] = registers<Remainder<uint64_t, int64_t>>;
  table[Opcode::remu] = registers<RemainderUnsigned<uint64_t>>;
  table[Opcode::divw] = registers<Divide<uint32_t, int32_t>>;
  table[Opcode::divuw] = registers<DivideUnsigned<uint32_t>>;
  table[Opcode::remw] = registers<Remainder<uint32_t, int32_t>>;
  table[Opcode::remuw] = registers<RemainderUnsigned<uint32_t>>;
}

}  // namespace faultline::hw
