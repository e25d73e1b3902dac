// What an instruction costs when everything hits, and how the hart reaches
// memory: resolved once, when the machine is bound.
#pragma once

#include <cstdint>

namespace faultline::hw {

// How instruction bytes are paid for.
enum class FetchMode : uint8_t {
  flat,  // flat memory, no cache: every fetch takes the same time
  line,  // L1I of 2^n sets: looked up when a block, which lies within a line, is entered
  each,  // every instruction looks up its page and makes its access in full
  step,  // the same, and the interpreter comes back behind every instruction (Trap::Cause::step)
};

constexpr bool one_by_one(FetchMode mode) { return mode == FetchMode::each || mode == FetchMode::step; }

// How loads and stores are paid for.
enum class DataMode : uint8_t {
  flat,    // flat memory, no cache
  cached,  // L1D of 2^n sets: hits are counted in bulk
  each,    // every access in full
};

struct HartCosts {
  FetchMode fetch_mode = FetchMode::each;
  DataMode data_mode = DataMode::each;
  // Added to every access for certain; what an access takes beyond is added
  // where it happens.
  uint32_t fetch = 0;      // per fetch access
  uint32_t fetch_tlb = 0;  // per fetch reference
  uint32_t data = 0;       // per data access
  uint32_t data_tlb = 0;   // per data reference
  // Memory is flat, and nobody need see the fetches one by one.
  bool fetch_in_bulk = false;
};

}  // namespace faultline::hw
