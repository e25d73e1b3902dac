// A cache: tags only, bytes stay in the backing store. Write-back,
// write-allocate, physically addressed.
#pragma once

#include <cstdint>
#include <systemc>

#include "hw/base/types.h"
#include "hw/memory/requester.h"

namespace faultline::hw {

struct CacheStatistics {
  uint64_t accesses = 0;  // hits + misses, one for each line touched
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t writebacks = 0;   // dirty lines written to the next level
  uint64_t prefetches = 0;
};

// INTERFACE (the owner of hw/memory completes this):
//
//   Cache(name, CacheLevelConfig, clock, random seed)
//     target socket(s) `upper`  (several initiators: multi_passthrough or tagged)
//     MemoryPort `lower`        towards the next level
//   As a TLM target it serves one access of at most a line; delay grows by
//   hit_cycles, and on a miss by what the next level takes (fill), plus nothing
//   for the write-back of a dirty victim, which is posted (it occupies bus and
//   DRAM, the requester does not wait for it).
//   For the hart, which owns its first level, the same without a transaction:
//     Cycles access(PhysAddr line_or_byte, bool write, Requester, Cycles now)
//         one modelled access (the bytes must lie in one line); returns when done
//     bool is_mru(uint64_t line, bool write) const     [inline]
//         the line is the most recently used of its set, and dirty if `write`:
//         a further hit changes no state, so the caller may count it in bulk
//     void count_bulk_hits(uint64_t n)
//   void invalidate(PhysAddr, uint64_t bytes)    DMA wrote there: tags dropped
//   CacheStatistics statistics() const

}  // namespace faultline::hw
