// What the translator of one hart knows of it: where things lie that host code
// reads and writes, and how the hart pays for fetches and data.
#pragma once

#include <array>
#include <cstdint>

#include "hw/hart/handlers.h"
#include "hw/hart/hart_costs.h"
#include "hw/hart/op.h"
#include "hw/memory/cache.h"

namespace faultline::hw {

// Displacements from the Interpreter.
struct HostLayout {
  int32_t now = 0;
  int32_t counts = 0;
  int32_t piece = 0;
  int32_t deadline = 0;
  int32_t fetch_accesses = 0;  // counts those that no block counts
  int32_t code_pages = 0;
};

struct TranslationContext {
  HostLayout layout;
  HartCosts costs;
  const HandlerTable* handlers = nullptr;
  RecentLines l1i;
  RecentLines l1d;
  // Host code that finds and touches another line of L1D than the most recent
  // one of its set, for loads and stores (line_lookup.h); 0: none.
  std::array<uint64_t, 2> find_line{};
  const uint8_t* memory_base = nullptr;
  const FilterEntry* data_entries = nullptr;
  // From data_entries, in bytes.
  int32_t fetch_entries = 0;
  int32_t use_base = 0;  // Mmu::use_base()
  int32_t blocks = 0;    // from a CodePage: its pointers to blocks
  bool fma = false;      // the host has FMA3
};

}  // namespace faultline::hw
