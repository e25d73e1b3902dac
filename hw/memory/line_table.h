// The lines of a cache: which are held, which of them are dirty, and which goes
// next. No time and no counts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "hw/base/types.h"
#include "hw/config/machine_config.h"
#include "hw/memory/way_marks.h"
#include "hw/memory/way_order.h"

namespace faultline::hw {

// What is known of one set beside its lines.
struct LineSet {
  uint64_t recent = ~uint64_t{0};  // the line touched last, as it stands among the lines
  uint64_t order = 0;              // WayOrder's
  WayMarks marks;                  // of the first ways
};

// For a caller that must be quick: the most recent line of each set, and how to
// find and touch another one in a few instructions. Addresses are those that
// name lines (LineTable).
struct RecentLines {
  const LineSet* sets = nullptr;
  uint64_t mask = 0;  // number of sets - 1
  uint64_t low = 0;   // line's bytes - 1
  unsigned line_shift = 0;
  // Whether touches are turns, and the places below hold. In bytes from `sets`:
  bool in_line = false;
  int32_t turns = 0;        // WayOrder::Turn by way
  int32_t hints = 0;        // a byte by hint_of(): way x 8
  int32_t lines = 0;        // by set x line_stride + way
  unsigned hint_shift = 0;  // 32 - log2 of the number of hints
  unsigned line_stride = 0;

  // A further hit on the line changes no state.
  bool is_mru(uint64_t address, bool write) const {
    const uint64_t recent = sets[address >> line_shift & mask].recent;
    return write ? recent == (address | low) : (recent ^ address) <= low;
  }

  static constexpr uint32_t kHash = 0x9E3779B1;  // 2^32 over the golden ratio: neighbours far apart
  uint32_t hint_of(uint64_t address) const {
    return (static_cast<uint32_t>(address) >> line_shift) * kHash >> hint_shift;
  }
};

// A line is named by the address of its first byte, plus the offset that the
// table was made with, where that is a multiple of the bytes of one way: host
// code then finds lines by the host's addresses. A held line stands as its name,
// with all bits below the line's size set if it is dirty. Where there is none
// stands the clean line at the very end of all addresses, which nobody asks for.
class LineTable {
 public:
  static constexpr uint32_t kAbsent = WayMarks::kNone;
  static constexpr uint64_t kNoLine = ~uint64_t{0};

  // Throws std::invalid_argument when size is no multiple of ways x line, or
  // line no power of two.
  LineTable(const CacheLevelConfig& config, uint64_t seed, uint64_t offset);

  uint64_t line_of(PhysAddr address) const { return (address.value + offset_) & ~recent_.low; }
  PhysAddr address_of(uint64_t line) const { return PhysAddr(line - offset_); }
  uint32_t set_of(uint64_t line) const {
    const uint64_t number = line >> recent_.line_shift;
    return static_cast<uint32_t>(power_of_two_ ? number & recent_.mask : number % set_count_);
  }
  uint32_t sets() const { return set_count_; }
  unsigned line_shift() const { return recent_.line_shift; }
  uint32_t line_bytes() const { return static_cast<uint32_t>(recent_.low) + 1; }

  // The way that holds `line`, or kAbsent.
  [[gnu::always_inline]] uint32_t find(uint32_t set, uint64_t line) const {
    const uint64_t* lines = lines_ + size_t{set} * way_stride_;
    const uint64_t low = recent_.low;
    const uint32_t way =
        sets_[set].marks.find(mark_of(line), ways_, [=](uint32_t w) { return (lines[w] | low) == (line | low); });
    return way == kAbsent && ways_ > WayMarks::kWays ? find_further(set, line) : way;
  }
  // A hit on `way`.
  [[gnu::always_inline]] void use(uint32_t set, uint32_t way, bool write) {
    mark_used(set, way, write);
    if (by_turns_) [[likely]] {
      turns_[way].apply(sets_[set].order);
    } else {
      order_.touch(sets_[set].order, set, way);
    }
  }
  // Puts an absent line in place of an empty or the least valuable one of its
  // set. Answers the line that went, if it was dirty; else kNoLine.
  [[gnu::always_inline]] uint64_t insert(uint32_t set, uint64_t line, bool dirty) {
    LineSet& place = sets_[set];
    uint64_t* const lines = lines_ + size_t{set} * way_stride_;
    const uint64_t low = recent_.low;
    const uint64_t held = dirty ? line | low : line;
    const uint32_t way = fill_way(place, set);
    const uint64_t before = lines[way];
    lines[way] = held;
    place.recent = held;
    const uint8_t mark = mark_of(line);
    if (way < WayMarks::kWays) [[likely]] {
      place.marks.set(way, mark);
    } else {
      mark_further(set, way, mark);
    }
    if (hinted_) note_hint(line, way);
    return (before & low) == 0 ? kNoLine : before & ~low;
  }
  // Soon to be asked for: the host may fetch what is known of it. Out of line,
  // the compiler takes it for a function without effect and leaves it out.
  [[gnu::always_inline]] void expect(uint32_t set) const {
    if (ways_ <= kHostLineWays) return;  // few enough to be near
    const uint64_t* lines = lines_ + size_t{set} * way_stride_;
    __builtin_prefetch(lines);
    __builtin_prefetch(lines + kHostLineWays);
  }
  void drop(uint64_t line);

  bool is_mru(PhysAddr address, bool write) const {
    const uint64_t line = line_of(address);
    const uint64_t recent = sets_[set_of(line)].recent;
    return write ? recent == (line | recent_.low) : (recent & ~recent_.low) == line;
  }
  // Hints are kept from now on.
  std::optional<RecentLines> recent_lines(uint64_t offset) {
    if (!power_of_two_ || offset != offset_) return std::nullopt;
    hinted_ = recent_.in_line;
    return recent_;
  }

  // A hit by the hint alone; `address` lies in the line. False: nothing has
  // happened, and the line may be there all the same.
  [[gnu::always_inline]] bool quick_hit(uint64_t address, bool write) {
    if (!recent_.in_line) return false;
    const auto set = static_cast<uint32_t>(address >> recent_.line_shift & recent_.mask);
    const uint32_t way = hints_[recent_.hint_of(address)] / kHintUnit;
    if ((lines_[size_t{set} * way_stride_ + way] ^ address) > recent_.low) return false;
    mark_used(set, way, write);
    turns_[way].apply(sets_[set].order);
    return true;
  }
  // A hit however the line is found.
  bool hit_after_quick(uint64_t address, bool write) {
    const uint64_t line = address & ~recent_.low;
    const uint32_t set = set_of(line);
    const uint32_t way = find(set, line);
    if (way == kAbsent) return false;
    if (hinted_) note_hint(line, way);
    use(set, way, write);
    return true;
  }

 private:
  struct alignas(64) HostLine {
    std::byte bytes[64];
  };
  static constexpr uint32_t kHostLineWays = sizeof(HostLine) / sizeof(uint64_t);
  static constexpr unsigned kHintUnit = 8;
  static constexpr uint32_t kHintedWays = 256 / kHintUnit;

  uint8_t mark_of(uint64_t line) const { return WayMarks::mark_of(line >> tag_shift_); }
  uint32_t find_further(uint32_t set, uint64_t line) const;
  void mark_used(uint32_t set, uint32_t way, bool write) {
    uint64_t& held = lines_[size_t{set} * way_stride_ + way];
    if (write) held |= recent_.low;
    sets_[set].recent = held;
  }
  void note_hint(uint64_t line, uint32_t way) { hints_[recent_.hint_of(line)] = static_cast<uint8_t>(way * kHintUnit); }
  // Groups of ways behind the one that has its marks with the set.
  uint32_t further_groups() const { return (ways_ - 1) / WayMarks::kWays; }
  uint64_t empty_line() const { return ~recent_.low; }
  // The first empty one, or the least valuable.
  [[gnu::always_inline]] uint32_t fill_way(LineSet& place, uint32_t set) {
    if (empty_lines_ == 0 || empty_ways_[set] == 0) [[likely]]
      return order_.replace(place.order, set);
    return fill_empty_way(place, set);
  }
  uint32_t fill_empty_way(LineSet& place, uint32_t set);
  void mark_further(uint32_t set, uint32_t way, uint8_t mark);
  void lay_out();
  template <class T>
  T* carve(size_t& used, size_t count);

  uint64_t offset_;
  uint32_t set_count_;
  uint32_t ways_;
  uint32_t way_stride_;  // ways, up to whole lines of the host's
  bool power_of_two_;    // the number of sets
  unsigned tag_shift_;
  WayOrder order_;
  bool by_turns_;        // touches are
  bool hinted_ = false;  // somebody asked for recent_lines()
  RecentLines recent_;
  uint64_t empty_lines_;         // in all sets
  std::vector<HostLine> place_;  // all of the following
  LineSet* sets_ = nullptr;
  WayOrder::Turn* turns_ = nullptr;    // of touches, by way
  uint8_t* hints_ = nullptr;           // where a line was found last, by hint_of(); may be wrong
  uint64_t* lines_ = nullptr;          // by set x stride + way
  uint32_t* empty_ways_ = nullptr;     // by set
  WayMarks* further_marks_ = nullptr;  // by set x further_groups() + group - 1
};

}  // namespace faultline::hw
