#include "hw/mmu/page_table_walker.h"

namespace faultline::hw {

PageTableWalker::PageTableWalker(sc_core::sc_module_name name, const PageTableFormat& format, BackingStore& memory,
                                 const Clock& clock, MemorySide* side)
    : sc_module(name), format_(format), memory_(memory) {
  if (!side) port_ = std::make_unique<MemoryPort>("port", clock);
  side_ = side ? side : port_.get();
}

void PageTableWalker::count_in_bulk(BulkCounter* counter) {
  if (!port_) return;
  flat_ = port_->flat_latency();
  counter_ = counter;
}

void PageTableWalker::timed(PhysAddr address, bool write, Cycles& now) {
  if (flat_) {
    now += write ? flat_->write : flat_->read;
  } else {
    now = side_->access(address, format_.entry_bytes(), write, Requester::walker, now);
  }
}

uint64_t PageTableWalker::read(PhysAddr address) const {
  return format_.entry_bytes() == 4 ? memory_.load<uint32_t>(address) : memory_.load<uint64_t>(address);
}

Permissions PageTableWalker::combine(const Permissions& above, const Permissions& entry) const {
  if (!format_.tables_restrict()) return entry;
  return {above.read && entry.read, above.write && entry.write, above.execute && entry.execute,
          above.user && entry.user, entry.global};
}

WalkResult PageTableWalker::walk(const WalkRequest& request, Cycles& now) {
  ++statistics_.walks;
  WalkResult result;
  Steps steps;
  Permissions above{true, true, true, true, false};
  bool global = false;
  PhysAddr table = request.root;
  unsigned level = format_.root_level();
  Entry entry;
  for (;;) {
    Step& step = steps[level];
    step.address = format_.entry_address(table, request.address, level);
    if (!memory_.contains(step.address, format_.entry_bytes())) {
      result.status = Translation::Status::access_fault;
      break;
    }
    timed(step.address, false, now);
    ++result.reads;
    step.raw = read(step.address);
    entry = format_.decode(step.raw, level);
    if (!entry.valid) {
      result.status = Translation::Status::page_fault;
      break;
    }
    above = combine(above, entry.permissions());
    global = global || (entry.global && (entry.leaf || format_.tables_global()));
    if (entry.leaf) break;
    if (format_.tables_have_referenced()) step.set = format_.referenced_bit() & ~step.raw;
    table = memory_.page().address(entry.pfn);
    --level;
  }
  result.level = static_cast<uint8_t>(level);
  result.permissions = above;
  result.permissions.global = global;
  if (result.status == Translation::Status::ok) result = finish(request, steps, entry, result, now);
  statistics_.reads += result.reads;
  statistics_.writes += result.writes;
  if (counter_ && flat_) counter_->count_bulk(Requester::walker, result.reads, result.writes);
  return result;
}

// All entries are valid: may the access be, and which bits does it leave?
WalkResult PageTableWalker::finish(const WalkRequest& request, Steps& steps, const Entry& leaf, WalkResult result,
                                   Cycles& now) {
  if (!permits(result.permissions, request.access, request.privilege)) {
    result.status = Translation::Status::page_fault;
    return result;
  }
  const uint64_t below = format_.entry_span(result.level) - 1;  // bytes of the leaf's page, less one
  const PhysAddr page = memory_.page().address(leaf.pfn);
  const PhysAddr byte(page.value | (request.address.value & below));
  if (!memory_.contains(byte, 1)) {
    result.status = Translation::Status::access_fault;
    return result;
  }
  const bool store = request.access == Access::store;
  uint64_t bits = format_.referenced_bit();
  if (store) bits |= format_.modified_bit();
  steps[result.level].set = bits & ~steps[result.level].raw;
  for (unsigned level = format_.levels(); level-- > result.level;) {
    const Step& step = steps[level];
    if (step.set == 0) continue;
    timed(step.address, true, now);
    ++result.writes;
    if (format_.entry_bytes() == 4) {
      memory_.store<uint32_t>(step.address, static_cast<uint32_t>(step.raw | step.set));
    } else {
      memory_.store<uint64_t>(step.address, step.raw | step.set);
    }
  }
  result.pfn = memory_.page().pfn(byte);
  result.dirty = store || leaf.modified;
  return result;
}

}  // namespace faultline::hw
