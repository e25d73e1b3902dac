// From one operation to the next. Included by the handlers only.
#pragma once

#include "hw/hart/interpreter.h"

namespace faultline::hw {

// GCC and Clang turn `return handler(...)` into a jump where they optimise.
// Sanitizers keep frames alive behind calls: there each handler answers the
// next operation, and Interpreter::run loops.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kTailCalls = false;
#elif defined(__OPTIMIZE__) && !defined(__clang__)
inline constexpr bool kTailCalls = true;
#elif defined(__OPTIMIZE__) && defined(__has_feature)
inline constexpr bool kTailCalls = !__has_feature(address_sanitizer);
#else
inline constexpr bool kTailCalls = false;
#endif

inline const Op* go(Interpreter& in, const Op* op, HartState& s) {
  // `op` is in its register before the jump, which then reads the handler by
  // it: left alone, GCC computes both beforehand in registers of their own.
  asm("" : "+r"(op));
  if constexpr (kTailCalls) return op->handler(in, op, s);
  return op;
}

inline const Op* next(Interpreter& in, const Op* op, HartState& s) { return go(in, op + 1, s); }

// Counts a block whose bytes have been fetched, and runs it.
inline const Op* enter_fetched(Interpreter& in, Block* block, HartState& s) {
  in.now += block->cycles;
  in.counts += block->counts;
  return go(in, block->ops(), s);
}

template <FetchMode kMode>
[[gnu::noinline]] const Op* enter_in_full(Interpreter& in, Block* block, HartState& s) {
  if (kMode != FetchMode::line || !in.quick_fetch_hit(*block)) in.fetch_access(*block);
  return enter_fetched(in, block, s);
}

// Runs a block of the piece that in.piece names.
template <FetchMode kMode>
inline const Op* enter(Interpreter& in, Block* block, HartState& s) {
  if constexpr (kMode == FetchMode::line) {
    if (!in.l1i.is_mru(block->line, false)) [[unlikely]]
      return enter_in_full<kMode>(in, block, s);
  }
  if constexpr (one_by_one(kMode)) return enter_in_full<kMode>(in, block, s);
  return enter_fetched(in, block, s);
}

// The block at `pc` where the filter and the decoded code know it, and
// in.piece is set to its piece; else null.
template <FetchMode kMode>
inline Block* find_known(Interpreter& in, uint64_t pc) {
  if constexpr (one_by_one(kMode)) return nullptr;
  const FilterEntry& entry = in.fetch_entries[(pc >> TranslationFilter::kShift) % TranslationFilter::kEntries];
  if (entry.tag != (pc & ~kPieceMask)) [[unlikely]]
    return nullptr;
  in.used(entry);
  const uint64_t address = pc + entry.addend - reinterpret_cast<uintptr_t>(in.memory_base);
  const CodePage* page = in.code_pages[address >> TranslationFilter::kShift];
  Block* block = page != nullptr ? page->at(address & kPieceMask) : nullptr;
  if (block != nullptr) [[likely]]
    in.piece = entry.tag;
  return block;
}

// The block at `pc`, in.piece set to its piece; null: trapped.
template <FetchMode kMode>
inline Block* find_block(Interpreter& in, HartState& s, uint64_t pc) {
  Block* block = find_known<kMode>(in, pc);
  return block != nullptr ? block : in.fetch(s, pc);
}

// Goes on at `pc` without a look at the clock. The slow ways are functions of
// their own, in tail position, so that the common one saves no registers.
template <FetchMode kMode>
[[gnu::noinline]] const Op* proceed_in_full(Interpreter& in, uint64_t pc, HartState& s) {
  Block* block = in.fetch(s, pc);
  if (block == nullptr) return nullptr;
  return enter<kMode>(in, block, s);
}

template <FetchMode kMode>
inline const Op* proceed(Interpreter& in, uint64_t pc, HartState& s) {
  Block* block = find_known<kMode>(in, pc);
  if (block == nullptr) [[unlikely]]
    return proceed_in_full<kMode>(in, pc, s);
  return enter<kMode>(in, block, s);
}

[[gnu::noinline]] inline const Op* pause_at(Interpreter& in, uint64_t pc, HartState& s) {
  in.pause(s, pc);
  return nullptr;
}

// A control transfer to `pc`: here interrupts are taken.
template <FetchMode kMode>
inline const Op* jump(Interpreter& in, uint64_t pc, HartState& s) {
  if (in.due()) [[unlikely]]
    return pause_at(in, pc, s);
  if constexpr (kMode == FetchMode::step) {
    in.step(s, pc);
    return nullptr;
  }
  return proceed<kMode>(in, pc, s);
}

}  // namespace faultline::hw
