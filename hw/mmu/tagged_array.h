// A small set-associative array: what the walker remembers of tables. A plain
// model; set = number mod sets.
#pragma once

#include <bit>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "hw/config/machine_config.h"
#include "hw/memory/replacement_state.h"

namespace faultline::hw {

// Values by a number (of a page, or a prefix of an address) and a tag (whose it is).
template <class Value>
class TaggedArray {
 public:
  static constexpr uint32_t kMiss = ~uint32_t{0};

  // Throws std::invalid_argument for no sets or ways, or what ReplacementState refuses.
  TaggedArray(const WalkCacheLevelConfig& config, uint64_t seed)
      : sets_(config.sets), ways_(config.ways), replacement_(config.replacement, config.sets, config.ways, seed) {
    if (sets_ == 0 || ways_ == 0) throw std::invalid_argument("a walk cache has at least one set and one way");
    slots_.resize(size_t{sets_} * ways_);
    hints_.resize(std::bit_ceil(kHints * slots_.size()));
  }

  // The slot that holds it, or kMiss. Changes nothing.
  uint32_t find(uint64_t number, uint32_t tag) const {
    const uint32_t hint = hints_[hint_of(number)];
    if (slots_[hint].is(number, tag)) [[likely]]
      return hint;
    const uint32_t first = set_of(number) * ways_;
    for (uint32_t slot = first; slot < first + ways_; ++slot) {
      if (slots_[slot].is(number, tag)) return slot;
    }
    return kMiss;
  }
  const Value& at(uint32_t slot) const { return slots_[slot].value; }

  // It was used.
  void touch(uint32_t slot) { replacement_.touch(slot / ways_, slot % ways_); }

  // Takes an empty way of its set (the lowest), else that which replacement
  // chooses. Must not be held.
  void fill(uint64_t number, uint32_t tag, const Value& value) {
    const uint32_t set = set_of(number);
    uint32_t way = 0;
    while (way < ways_ && slots_[set * ways_ + way].valid) ++way;
    if (way == ways_) way = replacement_.victim(set);
    slots_[set * ways_ + way] = {true, tag, number, value};
    hints_[hint_of(number)] = set * ways_ + way;
    replacement_.fill(set, way);
  }

  void drop(uint64_t number, uint32_t tag) {
    const uint32_t slot = find(number, tag);
    if (slot != kMiss) slots_[slot].valid = false;
  }
  void drop_tag(uint32_t tag) {
    for (Slot& slot : slots_) slot.valid = slot.valid && slot.tag != tag;
  }
  void clear() {
    for (Slot& slot : slots_) slot.valid = false;
  }

 private:
  struct Slot {
    bool valid = false;
    uint32_t tag = 0;
    uint64_t number = 0;
    Value value{};

    bool is(uint64_t wanted, uint32_t whose) const { return number == wanted && tag == whose && valid; }
  };
  // Places for each slot, so that few numbers share one.
  static constexpr size_t kHints = 8;

  size_t hint_of(uint64_t number) const { return number * 0x9E3779B97F4A7C15 >> 32 & (hints_.size() - 1); }
  uint32_t set_of(uint64_t number) const { return static_cast<uint32_t>(number % sets_); }

  uint32_t sets_;
  uint32_t ways_;
  ReplacementState replacement_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> hints_;  // by a hash of the number: the slot that it was put in last
};

}  // namespace faultline::hw
