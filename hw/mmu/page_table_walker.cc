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

WalkResult PageTableWalker::walk(const WalkRequest& request, Cycles& now) {
  ++statistics_.walks;
  WalkResult result;
  Steps steps;
  Above above;
  const uint64_t set_in_tables = format_.tables_have_referenced() ? format_.referenced_bit() : 0;
  PhysAddr table = request.root;
  unsigned level = format_.root_level();
  for (;; --level) {
    Step& step = steps[level];
    step.address = format_.entry_address(table, request.address, level);
    if (!memory_.contains(step.address, format_.entry_bytes())) {
      result.status = Translation::Status::access_fault;
      break;
    }
    timed(step.address, false, now);
    ++result.reads;
    step.raw = read(step.address);
    if (!format_.points_at_table(step.raw, level)) break;
    above.all &= step.raw;
    above.any |= step.raw;
    step.set = set_in_tables & ~step.raw;
    table = format_.table_of(step.raw);
  }
  result.level = static_cast<uint8_t>(level);
  if (result.status == Translation::Status::ok) finish(request, steps, above, result, now);
  statistics_.reads += result.reads;
  statistics_.writes += result.writes;
  if (counter_ && flat_) counter_->count_bulk(Requester::walker, result.reads, result.writes);
  return result;
}

Permissions PageTableWalker::effective(const Entry& leaf, const Above& above) const {
  const PageTableFormat::Layout& bits = format_.layout();
  Permissions permissions = leaf.permissions();
  if (format_.tables_restrict()) {
    permissions.write = permissions.write && (above.all & bits.writable);
    permissions.user = permissions.user && (above.all & bits.user);
    permissions.execute = permissions.execute && !(above.any & bits.no_execute);
  }
  if (format_.tables_global()) permissions.global = permissions.global || (above.any & bits.global);
  return permissions;
}

// The walk came to an entry that points at no table: is it a page, may the
// access be, and which bits does it leave?
void PageTableWalker::finish(const WalkRequest& request, Steps& steps, const Above& above, WalkResult& result,
                             Cycles& now) {
  Step& last = steps[result.level];
  const Entry leaf = format_.decode(last.raw, result.level);
  result.permissions = effective(leaf, above);
  if (!leaf.valid || !permits(result.permissions, request.access, request.privilege)) {
    result.status = Translation::Status::page_fault;
    return;
  }
  const uint64_t below = format_.entry_span(result.level) - 1;  // bytes of the leaf's page, less one
  const PhysAddr byte(memory_.page().address(leaf.pfn).value | (request.address.value & below));
  if (!memory_.contains(byte, 1)) {
    result.status = Translation::Status::access_fault;
    return;
  }
  const bool store = request.access == Access::store;
  const uint64_t bits = store ? format_.referenced_bit() | format_.modified_bit() : format_.referenced_bit();
  last.set = bits & ~last.raw;
  write_back(steps, result, now);
  result.pfn = memory_.page().pfn(byte);
  result.dirty = store || leaf.modified;
}

void PageTableWalker::write_back(const Steps& steps, WalkResult& result, Cycles& now) {
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
}

}  // namespace faultline::hw
