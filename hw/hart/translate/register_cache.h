// Which guest registers stand in host registers at a place in a block. What is
// here stands in HartState too, but for what is marked `unsaved`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace faultline::hw {

class RegisterCache {
 public:
  struct Slot {
    static constexpr uint8_t kFree = 0xff;
    uint8_t host = 0;
    uint8_t guest = kFree;
    bool unsaved = false;
    uint32_t used = 0;  // the operation that used it last
  };

  // At least one more host register than one operation names.
  explicit RegisterCache(std::span<const uint8_t> hosts) {
    for (const uint8_t host : hosts) slots_.push_back({.host = host});
  }

  // What has been used since then is not given away.
  void begin_operation() { ++operation_; }

  // Null: not here.
  Slot* find(uint8_t guest) {
    for (Slot& slot : slots_) {
      if (slot.guest != guest) continue;
      slot.used = operation_;
      return &slot;
    }
    return nullptr;
  }

  // The register to take for a guest register that is not here: free, or the
  // one unused for longest, whose `guest` the caller saves if it is `unsaved`.
  Slot& oldest() {
    Slot* oldest = &slots_.front();
    for (Slot& slot : slots_) {
      if (slot.guest == Slot::kFree) return slot;
      if (slot.used < oldest->used) oldest = &slot;
    }
    return *oldest;
  }
  void give(Slot& slot, uint8_t guest) const {
    slot.guest = guest;
    slot.unsaved = false;
    slot.used = operation_;
  }

  void forget(uint8_t guest) {
    for (Slot& slot : slots_) {
      if (slot.guest == guest) slot.guest = Slot::kFree;
    }
  }
  void clear() {
    for (Slot& slot : slots_) slot.guest = Slot::kFree;
  }
  const std::vector<Slot>& slots() const { return slots_; }

 private:
  std::vector<Slot> slots_;
  uint32_t operation_ = 0;
};

}  // namespace faultline::hw
