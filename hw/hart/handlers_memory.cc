// Loads and stores of all kinds but the atomic ones.
#include <cstring>
#include <type_traits>

#include "hw/hart/dispatch.h"
#include "hw/riscv/float_format.h"

namespace faultline::hw {
namespace {

uint64_t address_of(const Op* op, const HartState& s) { return s.x[op->rs1] + static_cast<uint64_t>(int64_t{op->imm}); }

// Only bits that may differ from the tag's remain: the piece, and those that
// must be zero in an aligned address.
template <unsigned kBytes>
bool matches(uint64_t tag, uint64_t va) {
  return tag == (va & ~(kPieceMask & ~uint64_t{kBytes - 1}));
}

template <unsigned kBytes>
bool aligned(uint64_t va) {
  return (va & (kBytes - 1)) == 0;
}

const FilterEntry& slot(const FilterEntry* entries, uint64_t va) {
  return entries[(va >> TranslationFilter::kShift) % TranslationFilter::kEntries];
}

template <class T>
struct ToInteger {
  using Type = T;
  static void put(HartState& s, uint8_t rd, T value) {
    s.x[rd] = std::is_signed_v<T> ? static_cast<uint64_t>(static_cast<int64_t>(value)) : static_cast<uint64_t>(value);
  }
};
template <class F>
struct ToFloat {
  using Type = typename F::Bits;
  static void put(HartState& s, uint8_t rd, Type value) { s.f[rd] = F::box(value); }
};
template <class T>
struct FromInteger {
  using Type = T;
  static T get(const HartState& s, uint8_t rs2) { return static_cast<T>(s.x[rs2]); }
};
template <class T>
struct FromFloat {
  using Type = T;
  static T get(const HartState& s, uint8_t rs2) { return static_cast<T>(s.f[rs2]); }
};

// Where every access takes the whole way, or this one is not aligned.
template <class Put>
[[gnu::noinline]] const Op* load_slow(Interpreter& in, const Op* op, HartState& s) {
  using T = typename Put::Type;
  if (!in.load_slow(s, op, address_of(op, s), sizeof(T))) return nullptr;
  Put::put(s, op->rd, static_cast<T>(in.loaded));
  return next(in, op, s);
}

template <class Put>
inline void load_from(const Op* op, HartState& s, const uint8_t* host) {
  typename Put::Type value;
  std::memcpy(&value, host, sizeof(value));
  Put::put(s, op->rd, value);
}

// The filter does not have the page.
template <class Put, DataMode kMode>
[[gnu::noinline]] const Op* load_in_full(Interpreter& in, const Op* op, HartState& s) {
  using T = typename Put::Type;
  const uint64_t va = address_of(op, s);
  if (!aligned<sizeof(T)>(va)) return load_slow<Put>(in, op, s);
  const uint8_t* host = in.translated(s, op, va, Access::load);
  if (host == nullptr) return nullptr;
  if constexpr (kMode == DataMode::cached) in.data_access(op, host, false);
  load_from<Put>(op, s, host);
  return next(in, op, s);
}

// The cache's hint did not find the line, which is perhaps not there.
template <class Put>
[[gnu::noinline]] const Op* load_further(Interpreter& in, const Op* op, HartState& s) {
  const uint64_t va = address_of(op, s);
  const auto* host = reinterpret_cast<const uint8_t*>(va + slot(in.data_entries, va).addend);
  in.further_data_access(op, host, false);
  load_from<Put>(op, s, host);
  return next(in, op, s);
}

// The line was not the most recent of its set.
template <class Put>
[[gnu::noinline]] const Op* load_through_cache(Interpreter& in, const Op* op, HartState& s) {
  const uint64_t va = address_of(op, s);
  const auto* host = reinterpret_cast<const uint8_t*>(va + slot(in.data_entries, va).addend);
  if (!in.quick_data_hit(host, false)) [[unlikely]]
    return load_further<Put>(in, op, s);
  load_from<Put>(op, s, host);
  return next(in, op, s);
}

template <class Put, DataMode kMode>
const Op* load(Interpreter& in, const Op* op, HartState& s) {
  using T = typename Put::Type;
  if constexpr (kMode == DataMode::each) return load_slow<Put>(in, op, s);
  const uint64_t va = address_of(op, s);
  const FilterEntry& entry = slot(in.data_entries, va);
  if (!matches<sizeof(T)>(entry.tag, va)) [[unlikely]]
    return load_in_full<Put, kMode>(in, op, s);
  in.used(entry, op);
  const auto* host = reinterpret_cast<const uint8_t*>(va + entry.addend);
  if constexpr (kMode == DataMode::cached) {
    if (!in.l1d.is_mru(reinterpret_cast<uintptr_t>(host), false)) [[unlikely]] {
      return load_through_cache<Put>(in, op, s);
    }
  }
  load_from<Put>(op, s, host);
  return next(in, op, s);
}

inline const Op* next_after_store(Interpreter& in, const Op* op, HartState& s) {
  if (in.code_dropped()) [[unlikely]] {
    in.restart_after(s, op);
    return nullptr;
  }
  return next(in, op, s);
}

template <class Get>
[[gnu::noinline]] const Op* store_slow(Interpreter& in, const Op* op, HartState& s) {
  using T = typename Get::Type;
  if (!in.store_slow(s, op, address_of(op, s), sizeof(T), Get::get(s, op->rs2))) return nullptr;
  return next_after_store(in, op, s);
}

template <class Get>
inline void store_to(const Op* op, const HartState& s, uint8_t* host) {
  const typename Get::Type value = Get::get(s, op->rs2);
  std::memcpy(host, &value, sizeof(value));
}

// A page whose frame holds decoded code comes here always.
template <class Get, DataMode kMode>
[[gnu::noinline]] const Op* store_in_full(Interpreter& in, const Op* op, HartState& s) {
  using T = typename Get::Type;
  const uint64_t va = address_of(op, s);
  if (!aligned<sizeof(T)>(va)) return store_slow<Get>(in, op, s);
  uint8_t* host = in.translated(s, op, va, Access::store);
  if (host == nullptr) return nullptr;
  if constexpr (kMode == DataMode::cached) in.data_access(op, host, true);
  store_to<Get>(op, s, host);
  in.wrote(host);
  return next_after_store(in, op, s);
}

template <class Get>
[[gnu::noinline]] const Op* store_further(Interpreter& in, const Op* op, HartState& s) {
  const uint64_t va = address_of(op, s);
  auto* host = reinterpret_cast<uint8_t*>(va + slot(in.data_entries, va).addend);
  in.further_data_access(op, host, true);
  store_to<Get>(op, s, host);
  return next(in, op, s);
}

template <class Get>
[[gnu::noinline]] const Op* store_through_cache(Interpreter& in, const Op* op, HartState& s) {
  const uint64_t va = address_of(op, s);
  auto* host = reinterpret_cast<uint8_t*>(va + slot(in.data_entries, va).addend);
  if (!in.quick_data_hit(host, true)) [[unlikely]]
    return store_further<Get>(in, op, s);
  store_to<Get>(op, s, host);
  return next(in, op, s);
}

template <class Get, DataMode kMode>
const Op* store(Interpreter& in, const Op* op, HartState& s) {
  using T = typename Get::Type;
  if constexpr (kMode == DataMode::each) return store_slow<Get>(in, op, s);
  const uint64_t va = address_of(op, s);
  const FilterEntry& entry = slot(in.data_entries, va);
  if (!matches<sizeof(T)>(entry.store_tag, va)) [[unlikely]]
    return store_in_full<Get, kMode>(in, op, s);
  in.used(entry, op);
  auto* host = reinterpret_cast<uint8_t*>(va + entry.addend);
  if constexpr (kMode == DataMode::cached) {
    if (!in.l1d.is_mru(reinterpret_cast<uintptr_t>(host), true)) [[unlikely]] {
      return store_through_cache<Get>(in, op, s);
    }
  }
  store_to<Get>(op, s, host);
  return next(in, op, s);
}

template <class Put>
void add_load(HandlerTable& table, Opcode opcode) {
  table.behind_hint[static_cast<size_t>(opcode)] = load_further<Put>;
}
template <class Get>
void add_store(HandlerTable& table, Opcode opcode) {
  table.behind_hint[static_cast<size_t>(opcode)] = store_further<Get>;
}

void add_behind_hint(HandlerTable& table) {
  add_load<ToInteger<int8_t>>(table, Opcode::lb);
  add_load<ToInteger<int16_t>>(table, Opcode::lh);
  add_load<ToInteger<int32_t>>(table, Opcode::lw);
  add_load<ToInteger<uint64_t>>(table, Opcode::ld);
  add_load<ToInteger<uint8_t>>(table, Opcode::lbu);
  add_load<ToInteger<uint16_t>>(table, Opcode::lhu);
  add_load<ToInteger<uint32_t>>(table, Opcode::lwu);
  add_load<ToFloat<Single>>(table, Opcode::flw);
  add_load<ToFloat<Double>>(table, Opcode::fld);
  add_store<FromInteger<uint8_t>>(table, Opcode::sb);
  add_store<FromInteger<uint16_t>>(table, Opcode::sh);
  add_store<FromInteger<uint32_t>>(table, Opcode::sw);
  add_store<FromInteger<uint64_t>>(table, Opcode::sd);
  add_store<FromFloat<uint32_t>>(table, Opcode::fsw);
  add_store<FromFloat<uint64_t>>(table, Opcode::fsd);
}

template <DataMode kMode>
void add(HandlerTable& table) {
  table[Opcode::lb] = load<ToInteger<int8_t>, kMode>;
  table[Opcode::lh] = load<ToInteger<int16_t>, kMode>;
  table[Opcode::lw] = load<ToInteger<int32_t>, kMode>;
  table[Opcode::ld] = load<ToInteger<uint64_t>, kMode>;
  table[Opcode::lbu] = load<ToInteger<uint8_t>, kMode>;
  table[Opcode::lhu] = load<ToInteger<uint16_t>, kMode>;
  table[Opcode::lwu] = load<ToInteger<uint32_t>, kMode>;
  table[Opcode::flw] = load<ToFloat<Single>, kMode>;
  table[Opcode::fld] = load<ToFloat<Double>, kMode>;
  table[Opcode::sb] = store<FromInteger<uint8_t>, kMode>;
  table[Opcode::sh] = store<FromInteger<uint16_t>, kMode>;
  table[Opcode::sw] = store<FromInteger<uint32_t>, kMode>;
  table[Opcode::sd] = store<FromInteger<uint64_t>, kMode>;
  table[Opcode::fsw] = store<FromFloat<uint32_t>, kMode>;
  table[Opcode::fsd] = store<FromFloat<uint64_t>, kMode>;
}

}  // namespace

void add_memory_handlers(HandlerTable& table, DataMode mode) {
  switch (mode) {
    case DataMode::flat:
      return add<DataMode::flat>(table);
    case DataMode::cached:
      add_behind_hint(table);
      return add<DataMode::cached>(table);
    case DataMode::each:
      return add<DataMode::each>(table);
  }
}

}  // namespace faultline::hw
