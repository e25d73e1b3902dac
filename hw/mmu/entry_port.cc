#include "hw/mmu/entry_port.h"

namespace faultline::hw {

EntryPort::EntryPort(BackingStore& memory, const Clock& clock, MemorySide* side) : memory_(memory) {
  if (!side) port_ = std::make_unique<MemoryPort>("port", clock);
  side_ = side ? side : port_.get();
}

void EntryPort::count_in_bulk(BulkCounter* counter) {
  if (!port_) return;
  flat_ = port_->flat_latency(Requester::walker);
  counter_ = counter;
  settled_reads_ = reads_;
  settled_writes_ = writes_;
}

void EntryPort::write(PhysAddr address, unsigned bytes, uint64_t raw, Cycles& now) {
  ++writes_;
  access(address, bytes, true, now);
  if (bytes == 4) {
    memory_.store<uint32_t>(address, static_cast<uint32_t>(raw));
  } else {
    memory_.store<uint64_t>(address, raw);
  }
}

void EntryPort::settle() {
  if (!flat_ || !counter_) return;
  counter_->count_bulk(Requester::walker, reads_ - settled_reads_, writes_ - settled_writes_);
  settled_reads_ = reads_;
  settled_writes_ = writes_;
}

}  // namespace faultline::hw
