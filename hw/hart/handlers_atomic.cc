// The A extension. Always in full: a program spends little time here.
#include <algorithm>
#include <cstring>
#include <type_traits>

#include "hw/hart/dispatch.h"

namespace faultline::hw {
namespace {

template <class T>
uint64_t extend(T value) {
  return static_cast<uint64_t>(static_cast<int64_t>(static_cast<std::make_signed_t<T>>(value)));
}

// After a store that may have hit decoded code.
const Op* after_store(Interpreter& in, const Op* op, HartState& s) {
  if (in.code_dropped()) {
    in.restart_after(s, op);
    return nullptr;
  }
  return next(in, op, s);
}

template <class T>
const Op* load_reserved(Interpreter& in, const Op* op, HartState& s) {
  const uint8_t* host = in.atomic_access(s, op, sizeof(T), Access::load);
  if (host == nullptr) return nullptr;
  T value;
  std::memcpy(&value, host, sizeof(T));
  s.reserved = true;
  s.reservation = in.physical(host);
  s.x[op->rd] = extend(value);
  return next(in, op, s);
}

// Without a reservation it fails before it looks at its address: no reference,
// no fault. With one for another address it translates first, and fails then.
template <class T>
const Op* store_conditional(Interpreter& in, const Op* op, HartState& s) {
  if (!in.atomic_aligned(s, op, sizeof(T), Access::store)) return nullptr;
  const bool reserved = s.reserved;
  s.reserved = false;
  if (!reserved) {
    s.x[op->rd] = 1;
    return next(in, op, s);
  }
  uint8_t* host = in.atomic_access(s, op, sizeof(T), Access::store);
  if (host == nullptr) return nullptr;
  if (in.physical(host) != s.reservation) {
    s.x[op->rd] = 1;
    return next(in, op, s);
  }
  const auto value = static_cast<T>(s.x[op->rs2]);
  std::memcpy(host, &value, sizeof(T));
  in.wrote(host);
  s.x[op->rd] = 0;
  return after_store(in, op, s);
}

struct Swap {
  template <class T>
  static T of(T, T operand) {
    return operand;
  }
};
struct AddTo {
  template <class T>
  static T of(T old, T operand) {
    return static_cast<T>(old + operand);
  }
};
struct XorTo {
  template <class T>
  static T of(T old, T operand) {
    return old ^ operand;
  }
};
struct AndTo {
  template <class T>
  static T of(T old, T operand) {
    return old & operand;
  }
};
struct OrTo {
  template <class T>
  static T of(T old, T operand) {
    return old | operand;
  }
};
struct Least {
  template <class T>
  static T of(T old, T operand) {
    using Signed = std::make_signed_t<T>;
    return static_cast<T>(std::min(static_cast<Signed>(old), static_cast<Signed>(operand)));
  }
};
struct Greatest {
  template <class T>
  static T of(T old, T operand) {
    using Signed = std::make_signed_t<T>;
    return static_cast<T>(std::max(static_cast<Signed>(old), static_cast<Signed>(operand)));
  }
};
struct LeastUnsigned {
  template <class T>
  static T of(T old, T operand) {
    return std::min(old, operand);
  }
};
struct GreatestUnsigned {
  template <class T>
  static T of(T old, T operand) {
    return std::max(old, operand);
  }
};

template <class T, class Operation>
const Op* read_modify_write(Interpreter& in, const Op* op, HartState& s) {
  uint8_t* host = in.atomic_access(s, op, sizeof(T), Access::store);
  if (host == nullptr) return nullptr;
  T old;
  std::memcpy(&old, host, sizeof(T));
  const T value = Operation::of(old, static_cast<T>(s.x[op->rs2]));
  std::memcpy(host, &value, sizeof(T));
  in.wrote(host);
  s.x[op->rd] = extend(old);
  return after_store(in, op, s);
}

// The opcodes of one width stand in the same order behind its lr.
template <class T>
void add(HandlerTable& table, Opcode first) {
  Handler* handlers = &table[first];
  handlers[0] = load_reserved<T>;
  handlers[1] = store_conditional<T>;
  handlers[2] = read_modify_write<T, Swap>;
  handlers[3] = read_modify_write<T, AddTo>;
  handlers[4] = read_modify_write<T, XorTo>;
  handlers[5] = read_modify_write<T, AndTo>;
  handlers[6] = read_modify_write<T, OrTo>;
  handlers[7] = read_modify_write<T, Least>;
  handlers[8] = read_modify_write<T, Greatest>;
  handlers[9] = read_modify_write<T, LeastUnsigned>;
  handlers[10] = read_modify_write<T, GreatestUnsigned>;
}

}  // namespace

void add_atomic_handlers(HandlerTable& table) {
  add<uint32_t>(table, Opcode::lr_w);
  add<uint64_t>(table, Opcode::lr_d);
}

}  // namespace faultline::hw
