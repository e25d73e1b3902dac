#include "hw/mmu/leaf_meaning.h"

namespace faultline::hw {

Permissions LeafMeanings::effective(const Entry& leaf, const Above& above) const {
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

LeafMeaning LeafMeanings::tell(uint64_t leaf, unsigned level, const Above& above) const {
  const Entry entry = format_.decode(leaf, level);
  return {.valid = entry.valid, .permissions = effective(entry, above)};
}

void LeafMeanings::keep(Kept& kept, uint64_t leaf, const Above& above) const {
  LeafMeaning& meaning = kept.meaning = tell(leaf, 0, above);
  kept.leaf = format_.without_frame(leaf);
  kept.above = say(above);
  const auto shift = static_cast<uint8_t>(format_.entry_shift(0));
  meaning.entry = {.permissions = meaning.permissions,
                   .dirty = (leaf & format_.modified_bit()) != 0,
                   .page_shift = shift,
                   .leaf_shift = shift};
  if (meaning.valid && (leaf & format_.referenced_bit()) != 0) meaning.entry.set_user_accesses();
}

}  // namespace faultline::hw
