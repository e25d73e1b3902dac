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
#include "hw/memory/way_marks.h"

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
    if (!hit(address, write)) return miss(address, write, requester, now);
    ++hits_;
    return now + hit_cycles_;
  }
  // The same through MemorySide; the bytes may span lines.
  Cycles access(PhysAddr address, unsigned bytes, bool write, Requester requester, Cycles now) override;
  // The same in moments of the memory side.
  uint64_t serve(PhysAddr address, unsigned bytes, bool write, Requester requester, uint64_t at_fs) override;

  // The first half of an access: true if the line is there, and then all is
  // done but for counting and for hit_cycles(), which the caller may do in
  // bulk. If not, nothing has happened; miss() does the rest.
  bool hit(PhysAddr address, bool write) {
    const uint64_t line = address.value >> line_shift_;
    const uint32_t set = set_of(line);
    const uint32_t way = find(set, line);
    if (way == kAbsent) return false;
    use(set, way, line, write);
    return true;
  }
  // The same for a caller that must be quick, in line: false also where the
  // line lies behind the first ways, or a hit is more than a few instructions.
  [[gnu::always_inline]] bool quick_hit(uint64_t address, bool write) {
    if (!quick_) return false;
    const uint64_t line = address >> line_shift_;
    const auto set = static_cast<uint32_t>(line & (set_count_ - 1));
    const uint32_t way = find_in_first_ways(set, line);
    if (way == kAbsent) return false;
    mark_used(set, way, line, write);
    replacement_.quick_touch(set, way);
    return true;
  }
  // The same behind quick_hit(), where that answered false.
  bool hit_after_quick(uint64_t address, bool write) {
    return (!quick_ || ways_ > WayMarks::kWays) && hit(PhysAddr(address), write);
  }
  // The second half, where the line is not there.
  Cycles miss(PhysAddr address, bool write, Requester requester, Cycles now);

  // `line` (address >> line_shift()) is the line touched last in its set, and
  // dirty if `write`: a further hit changes no state, so that the caller may
  // count it in bulk and add hit_cycles() itself.
  bool is_mru(uint64_t line, bool write) const {
    const Set& set = sets_[set_of(line)];
    return (write ? set.dirty_line : set.line) == line;
  }
  void count_bulk_hits(uint64_t n) { hits_ += n; }

  // What is known of one set beside its lines.
  struct Set {
    uint64_t line = kNoLine;        // touched last in the set
    uint64_t dirty_line = kNoLine;  // the same where it is dirty
    WayMarks marks;                 // of the first ways
    uint64_t held = 0;              // ways that are not empty
  };
  // What is_mru() looks at, for a caller that must be quick; only where the
  // number of sets is a power of two. Stands as long as the cache.
  struct RecentLines {
    const Set* sets = nullptr;
    uint64_t mask = 0;
    unsigned line_shift = 0;

    bool is_mru(uint64_t line, bool write) const {
      const Set& set = sets[line & mask];
      return (write ? set.dirty_line : set.line) == line;
    }
  };
  std::optional<RecentLines> recent_lines() const {
    if (!power_of_two_) return std::nullopt;
    return RecentLines{sets_.data(), uint64_t{set_count_} - 1, line_shift_};
  }
  // After an access its line is the most recent of its set: but for a single
  // set, where a prefetch comes behind it.
  bool line_stays_recent() const { return !prefetch_ || set_count_ > 1; }

  unsigned line_shift() const { return line_shift_; }
  uint32_t line_bytes() const { return uint32_t{1} << line_shift_; }
  Cycles hit_cycles() const { return hit_cycles_; }

  // DMA wrote there: tags are dropped, dirty or not.
  void invalidate(PhysAddr address, uint64_t bytes);

  CacheStatistics statistics() const { return {hits_ + misses_, hits_, misses_, writebacks_, prefetches_}; }

 private:
  static constexpr uint32_t kAbsent = WayMarks::kNone;
  uint32_t set_of(uint64_t line) const {
    return static_cast<uint32_t>(power_of_two_ ? line & (set_count_ - 1) : line % set_count_);
  }
  uint8_t mark_of(uint64_t line) const { return WayMarks::mark_of(line >> set_bits_); }
  // The way that holds `line`, or kAbsent.
  uint32_t find_in_first_ways(uint32_t set, uint64_t line) const {
    const uint64_t* lines = &lines_[size_t{set} * way_stride_];
    return sets_[set].marks.find(mark_of(line), [=](uint32_t w) { return lines[w] >> 1 == line; });
  }
  uint32_t find(uint32_t set, uint64_t line) const {
    const uint32_t way = find_in_first_ways(set, line);
    return way == kAbsent && ways_ > WayMarks::kWays ? find_further(set, line) : way;
  }
  uint32_t find_further(uint32_t set, uint64_t line) const;
  void use(uint32_t set, uint32_t way, uint64_t line, bool write) {
    mark_used(set, way, line, write);
    replacement_.touch(set, way);
  }
  void mark_used(uint32_t set, uint32_t way, uint64_t line, bool write) {
    uint64_t& held = lines_[size_t{set} * way_stride_ + way];
    if (write) held |= 1;
    Set& place = sets_[set];
    place.line = line;
    place.dirty_line = (held & 1) != 0 ? line : kNoLine;
  }

  uint64_t serve_line(uint64_t line, bool write, Requester requester, uint64_t at_fs);
  // Times count from the start of simulation; `at_fs` is when the look-up is over.
  uint64_t fill(uint64_t line, bool write, Requester requester, uint64_t at_fs);
  void prefetch_after(uint64_t line, Requester requester, uint64_t at_fs);
  void insert(uint64_t line, bool dirty, uint64_t at_fs);
  WayMarks& marks_of(uint32_t set, uint32_t way);
  uint32_t empty_way(uint32_t set) const;
  void b_transport(int id, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);

  UpperSocket upper_;
  MemoryPort lower_;
  TimeBridge time_;
  Cycles hit_cycles_;
  uint64_t hit_fs_;
  bool prefetch_;
  unsigned line_shift_;
  uint32_t set_count_;
  uint32_t ways_;
  uint32_t way_stride_;  // ways, and room for the last word of marks
  bool power_of_two_;    // the number of sets
  bool quick_;           // and a touch is quick
  unsigned set_bits_;
  ReplacementState replacement_;
  std::vector<Set> sets_;
  std::vector<uint64_t> lines_;          // by set x stride + way: line << 1 | dirty, kNoLine where empty
  std::vector<WayMarks> further_marks_;  // by set, of the ways behind the first eight
  uint64_t hits_ = 0;
  uint64_t misses_ = 0;
  uint64_t writebacks_ = 0;
  uint64_t prefetches_ = 0;
};

}  // namespace faultline::hw
