// What the translator of one hart knows of it: where things lie that host code
// reads and writes, and how the hart pays for fetches and data.
#pragma once

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
  Cache::RecentLines l1i;
  Cache::RecentLines l1d;
  const uint8_t* memory_base = nullptr;
  const FilterEntry* load_entries = nullptr;
  // From load_entries, in bytes.
  int32_t store_entries = 0;
  int32_t fetch_entries = 0;
  int32_t blocks = 0;  // from a CodePage: its pointers to blocks
  bool fma = false;    // the host has FMA3
};

}  // namespace faultline::hw
