// A cache: tags only, bytes stay in the backing store. Write-back,
// write-allocate, physically addressed, neither inclusive nor exclusive.
#pragma once

#include <tlm_utils/multi_passthrough_target_socket.h>

#include <cstdint>
#include <optional>
#include <systemc>
#include <tlm>
#include <vector>

#include "hw/base/clock.h"
#include "hw/base/types.h"
#include "hw/config/machine_config.h"
#include "hw/memory/line_table.h"
#include "hw/memory/memory_port.h"
#include "hw/memory/memory_side.h"
#include "hw/memory/requester.h"

namespace faultline::hw {

struct CacheStatistics {
  uint64_t accesses = 0;  // hits + misses, one for each line touched
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t writebacks = 0;  // dirty lines written to the next level
  uint64_t prefetches = 0;  // lines fetched that nobody had asked for yet
};

// Timing: every access takes hit_cycles; a miss then takes what the next level
// takes for the line. The write-back of a dirty victim is posted: it begins
// when the fill has ended, occupies what lies below, and nobody waits for it.
// A write-back that arrives from above and misses takes a line without a fill,
// since it brings the whole line. Next-line prefetch is posted too, and stays
// within an aligned 4 KB (as Intel's and Arm's do).
class Cache final : public sc_core::sc_module, public MemorySide, public TimedTarget {
 public:
  using UpperSocket = tlm_utils::multi_passthrough_target_socket<Cache, 32, tlm::tlm_base_protocol_types, 0,
                                                                 sc_core::SC_ZERO_OR_MORE_BOUND>;

  // Throws std::invalid_argument when size is no multiple of ways x line, or
  // line no power of two. `offset`: see LineTable.
  Cache(sc_core::sc_module_name name, const CacheLevelConfig& config, const Clock& clock, uint64_t seed,
        uint64_t offset = 0);

  // For the levels above and any other initiator; an access may span lines.
  UpperSocket& upper() { return upper_; }
  // Towards the next level.
  MemoryPort& lower() { return lower_; }

  // For the hart and the walker, which sit beside their first level: one
  // access without a transaction. The bytes must lie in one line.
  Cycles access(PhysAddr address, bool write, Requester requester, Cycles now) {
    const uint64_t line = lines_.line_of(address);
    const uint32_t set = lines_.set_of(line);
    const uint32_t way = lines_.find(set, line);
    if (way == LineTable::kAbsent) return miss(address, write, requester, now);
    lines_.use(set, way, write);
    ++hits_;
    return now + hit_cycles_;
  }
  // As many accesses, each of which waits for the one before, as the bytes touch
  // words of eight; only where line_stays_recent().
  Cycles sweep(PhysAddr address, uint64_t bytes, bool write, Requester requester, Cycles now);
  // The same as access() through MemorySide; the bytes may span lines.
  Cycles access(PhysAddr address, unsigned bytes, bool write, Requester requester, Cycles now) override;
  // The same in moments of the memory side.
  uint64_t serve(PhysAddr address, unsigned bytes, bool write, Requester requester, uint64_t at_fs) override;
  uint64_t exchange(PhysAddr wanted, PhysAddr gone, unsigned bytes, Requester requester, uint64_t at_fs) override;

  // The first half of an access to a line that lines() knows in a few
  // instructions: true if it is there, and then all is done but for counting
  // and for hit_cycles(), which the caller may do in bulk. If not, nothing has
  // happened. `address` has the table's offset.
  [[gnu::always_inline]] bool quick_hit(uint64_t address, bool write) { return lines_.quick_hit(address, write); }
  // The same behind quick_hit(), where that answered false.
  bool hit_after_quick(uint64_t address, bool write) { return lines_.hit_after_quick(address, write); }
  // The second half, where the line is not there.
  Cycles miss(PhysAddr address, bool write, Requester requester, Cycles now);

  // The line at `address` is the line touched last in its set, and dirty if
  // `write`: a further hit changes no state, so that the caller may count it
  // in bulk and add hit_cycles() itself.
  bool is_mru(PhysAddr address, bool write) const { return lines_.is_mru(address, write); }
  void count_bulk_hits(uint64_t n) { hits_ += n; }

  // For a caller that must be quick; only where the number of sets is a power
  // of two and lines are named with that offset. Stands as long as the cache.
  std::optional<RecentLines> recent_lines(uint64_t offset) { return lines_.recent_lines(offset); }
  // After an access its line is the most recent of its set: but for a single
  // set, where a prefetch comes behind it.
  bool line_stays_recent() const { return !prefetch_ || lines_.sets() > 1; }

  unsigned line_shift() const { return lines_.line_shift(); }
  uint32_t line_bytes() const { return lines_.line_bytes(); }
  Cycles hit_cycles() const { return hit_cycles_; }

  // DMA wrote there: tags are dropped, dirty or not.
  void invalidate(PhysAddr address, uint64_t bytes);

  CacheStatistics statistics() const { return {hits_ + misses_, hits_, misses_, writebacks_, prefetches_}; }

 private:
  // Times count from the start of simulation.
  uint64_t serve_line(uint64_t line, bool write, Requester requester, uint64_t at_fs);
  // An absent line; `at_fs` is when the look-up is over.
  uint64_t fill(uint32_t set, uint64_t line, bool write, Requester requester, uint64_t at_fs);
  void prefetch_after(uint64_t line, Requester requester, uint64_t at_fs);
  // What lies below fetches `line`, and takes `gone` if that is a line.
  uint64_t exchange_below(uint64_t line, uint64_t gone, Requester requester, uint64_t at_fs);
  void write_back(uint64_t line, uint64_t at_fs);
  uint64_t serve_lines(PhysAddr address, unsigned bytes, bool write, Requester requester, uint64_t at_fs);
  void b_transport(int id, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);

  UpperSocket upper_;
  MemoryPort lower_;
  TimeBridge time_;
  Cycles hit_cycles_;
  uint64_t hit_fs_;
  bool prefetch_;
  LineTable lines_;
  uint64_t hits_ = 0;
  uint64_t misses_ = 0;
  uint64_t writebacks_ = 0;
  uint64_t prefetches_ = 0;
};

}  // namespace faultline::hw
