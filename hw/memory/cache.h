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
#include "hw/memory/memory_port.h"
#include "hw/memory/memory_side.h"
#include "hw/memory/replacement_state.h"
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
class Cache : public sc_core::sc_module, public MemorySide {
  static constexpr uint64_t kNoLine = ~uint64_t{0};

 public:
  using UpperSocket = tlm_utils::multi_passthrough_target_socket<Cache, 32, tlm::tlm_base_protocol_types, 0,
                                                                 sc_core::SC_ZERO_OR_MORE_BOUND>;

  // Throws std::invalid_argument when size is no multiple of ways x line, or
  // line no power of two.
  Cache(sc_core::sc_module_name name, const CacheLevelConfig& config, const Clock& clock, uint64_t seed);

  // For the levels above and any other initiator; an access may span lines.
  UpperSocket& upper() { return upper_; }
  // Towards the next level.
  MemoryPort& lower() { return lower_; }

  // For the hart and the walker, which sit beside their first level: one
  // access without a transaction. The bytes must lie in one line.
  Cycles access(PhysAddr address, bool write, Requester requester, Cycles now) {
    const uint64_t line = address.value >> line_shift_;
    const uint32_t slot = find(line);
    if (slot == kAbsent) return miss_at(line, write, requester, now);
    hit(slot, line, write);
    return now + hit_cycles_;
  }
  // The same through MemorySide; the bytes may span lines.
  Cycles access(PhysAddr address, unsigned bytes, bool write, Requester requester, Cycles now) override;

  // `line` (address >> line_shift()) is the line touched last in its set, and
  // dirty if `write`: a further hit changes no state, so that the caller may
  // count it in bulk and add hit_cycles() itself.
  bool is_mru(uint64_t line, bool write) const {
    const Recent& recent = recent_[set_of(line)];
    return (write ? recent.dirty_line : recent.line) == line;
  }
  void count_bulk_hits(uint64_t n) { hits_ += n; }
  // What is_mru() looks at, for a caller that must be quick; only where the
  // number of sets is a power of two. Stands as long as the cache.
  struct Recent {
    uint64_t line = kNoLine;        // touched last in the set
    uint64_t dirty_line = kNoLine;  // the same where it is dirty
  };
  struct RecentLines {
    const Recent* sets = nullptr;
    uint64_t mask = 0;
    unsigned line_shift = 0;

    bool is_mru(uint64_t line, bool write) const {
      const Recent& recent = sets[line & mask];
      return (write ? recent.dirty_line : recent.line) == line;
    }
  };
  std::optional<RecentLines> recent_lines() const {
    if (set_mask_ + 1 != sets_) return std::nullopt;
    return RecentLines{recent_.data(), set_mask_, line_shift_};
  }
  // After an access its line is the most recent of its set: but for a single
  // set, where a prefetch comes behind it.
  bool line_stays_recent() const { return !prefetch_ || sets_ > 1; }

  unsigned line_shift() const { return line_shift_; }
  uint32_t line_bytes() const { return uint32_t{1} << line_shift_; }
  Cycles hit_cycles() const { return hit_cycles_; }

  // DMA wrote there: tags are dropped, dirty or not.
  void invalidate(PhysAddr address, uint64_t bytes);

  CacheStatistics statistics() const { return {hits_ + misses_, hits_, misses_, writebacks_, prefetches_}; }

 private:
  static constexpr uint32_t kAbsent = ~uint32_t{0};
  uint32_t set_of(uint64_t line) const {
    return static_cast<uint32_t>(set_mask_ != 0 || sets_ == 1 ? line & set_mask_ : line % sets_);
  }
  // The slot (set x ways + way) that holds `line`, or kAbsent.
  uint32_t find(uint64_t line) const {
    const uint32_t first = set_of(line) * ways_;
    for (uint32_t slot = first; slot < first + ways_; ++slot) {
      if (lines_[slot] == line) return slot;
    }
    return kAbsent;
  }
  void hit(uint32_t slot, uint64_t line, bool write) {
    const uint32_t set = set_of(line);
    ++hits_;
    replacement_.touch(set, slot);
    if (write) dirty_[slot] = 1;
    recent_[set] = {line, dirty_[slot] ? line : kNoLine};
  }

  Cycles miss_at(uint64_t line, bool write, Requester requester, Cycles now);
  void access_line(uint64_t line, bool write, Requester requester, sc_core::sc_time& delay);
  void miss(uint64_t line, bool write, Requester requester, sc_core::sc_time& delay);
  void prefetch_after(uint64_t line, Requester requester, sc_core::sc_time delay);
  void insert(uint64_t line, bool dirty, sc_core::sc_time delay);
  void b_transport(int id, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);

  UpperSocket upper_;
  MemoryPort lower_;
  TimeBridge time_;
  Cycles hit_cycles_;
  sc_core::sc_time hit_time_;
  bool prefetch_;
  unsigned line_shift_;
  uint32_t sets_;
  uint32_t ways_;
  uint64_t set_mask_;  // sets - 1 where that is a power of two, else 0
  ReplacementState replacement_;
  std::vector<uint64_t> lines_;  // by slot; kNoLine where empty
  std::vector<uint8_t> dirty_;   // by slot
  std::vector<Recent> recent_;   // by set
  uint64_t hits_ = 0;
  uint64_t misses_ = 0;
  uint64_t writebacks_ = 0;
  uint64_t prefetches_ = 0;
};

}  // namespace faultline::hw
