#include "hw/mmu/known_tables.h"

namespace faultline::hw {

bool KnownTables::read(PhysAddr root, VirtAddr va, Known& known) const {
  known = {};
  if (!format_.valid_address(va)) return false;
  PhysAddr table = root;
  for (unsigned level = format_.root_level(); level > 0; --level) {
    const PhysAddr place = known.places[level] = format_.entry_address(table, va, level);
    if (!memory_.contains(place, format_.entry_bytes())) return false;
    const uint64_t raw = known.raws[level] = wide_ ? memory_.load<uint64_t>(place) : memory_.load<uint32_t>(place);
    if (!format_.points_at_table(raw, level)) return false;
    known.above.all &= raw;
    known.above.any |= raw;
    table = format_.table_of(raw);
  }
  if (!memory_.contains(table, format_.table_bytes(0))) return false;
  known.prefix = va.value >> shift_;
  known.root = root;
  known.table = table;
  known.host = memory_.at(table);
  return true;
}

}  // namespace faultline::hw
