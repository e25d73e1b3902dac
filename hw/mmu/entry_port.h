// The walker's door to memory: reads and writes table entries, real bytes in
// the BackingStore, each a timed access.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "hw/base/clock.h"
#include "hw/base/types.h"
#include "hw/memory/backing_store.h"
#include "hw/memory/memory_port.h"
#include "hw/memory/memory_side.h"

namespace faultline::hw {

class EntryPort {
 public:
  // Accesses enter memory at `side`, or through a port of its own when that is null.
  EntryPort(BackingStore& memory, const Clock& clock, MemorySide* side);

  // To be bound; only where no side was given.
  MemoryPort& port() { return *port_; }

  // After elaboration: where memory has one flat latency (its port grants DMI),
  // accesses take that and are counted at `counter` (may be null) by settle()
  // instead of transported. Without effect on any count or time.
  void count_in_bulk(BulkCounter* counter);

  // The entry lies in memory: required by the others.
  bool holds(PhysAddr address, unsigned bytes) const { return memory_.contains(address, bytes); }

  // An entry of 4 or 8 bytes; advances `now`.
  uint64_t read(PhysAddr address, unsigned bytes, Cycles& now) {
    ++reads_;
    access(address, bytes, false, now);
    return bytes == 4 ? memory_.load<uint32_t>(address) : memory_.load<uint64_t>(address);
  }
  void write(PhysAddr address, unsigned bytes, uint64_t raw, Cycles& now);

  // The same in two parts: the entry's bits, without an access, and `count` reads
  // of entries where memory has one flat latency.
  uint64_t peek(PhysAddr address, unsigned bytes) const {
    return bytes == 4 ? memory_.load<uint32_t>(address) : memory_.load<uint64_t>(address);
  }
  bool is_flat() const { return flat_.has_value(); }
  void count_reads(uint64_t count, Cycles& now) {
    reads_ += count;
    now += flat_->read * count;
  }
  // Of an entry whose bits are known.
  void count_read(PhysAddr address, unsigned bytes, Cycles& now) {
    ++reads_;
    access(address, bytes, false, now);
  }

  // Accesses so far.
  uint64_t reads() const { return reads_; }
  uint64_t writes() const { return writes_; }

  // At the end of every walk.
  void settle();

 private:
  void access(PhysAddr address, unsigned bytes, bool write, Cycles& now) {
    if (flat_) {
      now += write ? flat_->write : flat_->read;
    } else {
      now = side_->access(address, bytes, write, Requester::walker, now);
    }
  }

  BackingStore& memory_;
  std::unique_ptr<MemoryPort> port_;
  MemorySide* side_;
  std::optional<FlatLatency> flat_;
  BulkCounter* counter_ = nullptr;
  uint64_t reads_ = 0;
  uint64_t writes_ = 0;
  uint64_t settled_reads_ = 0;  // of them, those that the counter knows
  uint64_t settled_writes_ = 0;
};

}  // namespace faultline::hw
