#include "os/memory/page_table.h"

#include <algorithm>
#include <cstring>

#include "os/cpu.h"

namespace faultline::os {

namespace {

// How many of the `count` entries from `at` on come before the first that is
// valid; untimed. Most tables of most processes are nearly empty.
template <class Word>
uint64_t invalid_before(const hw::BackingStore& memory, PhysAddr at, uint64_t count, uint64_t valid_bit) {
  const uint8_t* const entries = memory.at(at);
  for (uint64_t i = 0; i < count; ++i) {
    Word word;
    std::memcpy(&word, entries + i * sizeof(Word), sizeof(Word));
    if ((word & valid_bit) != 0) return i;
  }
  return count;
}

uint64_t invalid_before(const hw::PageTableFormat& format, const hw::BackingStore& memory, PhysAddr at,
                        uint64_t count) {
  return format.entry_bytes() == 4 ? invalid_before<uint32_t>(memory, at, count, format.valid_bit())
                                   : invalid_before<uint64_t>(memory, at, count, format.valid_bit());
}

}  // namespace

PageTable::PageTable(PageTables& tables, Pfn root, Asid asid)
    : tables_(tables), root_(tables.page().address(root)), asid_(asid) {
  const hw::PageTableFormat& format = tables.format();
  region_shift_ = format.root_level() == 0 ? 63 : format.entry_shift(1);
}

PageTable::~PageTable() {
  const hw::PageTableFormat& format = tables_.format();
  release_below(root_, format.root_level());
  const uint64_t frames = tables_.page().pages(format.table_bytes(format.root_level()));
  for (uint64_t i = 0; i < frames; ++i) {
    const Pfn frame = tables_.page().pfn(root_) + i;
    tables_.forget_notes(frame);
    tables_.frames_.free(frame);
  }
  tables_.cpu_.flush_asid(asid_);
  tables_.asids_.insert(asid_);
  --tables_.roots_;
}

// Gives back everything that hangs on a table of the user's part. The entries
// are read and not cleared: the frame goes back and the TLB is flushed.
void PageTable::release_below(PhysAddr table, unsigned level) {
  const hw::PageTableFormat& format = tables_.format();
  const uint64_t user_entries =
      std::min(format.entries(level), (format.user_end().value - 1) / format.entry_span(level) + 1);
  const uint64_t first = tables_.position(table);
  const uint64_t count = level == format.root_level() ? user_entries : format.entries(level);
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t here = std::min(count - i, tables_.entries_per_frame_ - tables_.slot_of(first + i));
    PageTables::Notes& notes = tables_.notes_of(first + i);
    if (notes.present == 0) {  // nothing in this frame, or no more
      i += here - 1;
      continue;
    }
    if (tables_.slot_of(first + i) == 0 || i == 0) {
      tables_.cpu_.touch(tables_.address(first + i), here * format.entry_bytes(), false);
    }
    const uint64_t skipped = invalid_before(format, tables_.cpu_.memory(), tables_.address(first + i), here);
    i += std::min(skipped, here - 1);
    if (skipped == here) continue;
    const uint64_t at = first + i;
    const hw::Entry entry = format.decode(tables_.raw(at), level);
    if (!entry.valid) continue;
    if (entry.leaf) {
      tables_.forget_leaf(at, entry);
      continue;
    }
    release_below(tables_.page().address(entry.pfn), level - 1);
    tables_.sort_out(entry.pfn.value);
    tables_.forget_notes(entry.pfn);
    tables_.frames_.free(entry.pfn);
    --notes.present;
  }
}

PageTable::Way* PageTable::way_to(VirtAddr address) {
  const uint64_t region = address.value >> region_shift_;
  if (region == way_.region) return &way_;
  const hw::PageTableFormat& format = tables_.format();
  Way way{.region = region, .table = root_};
  for (unsigned level = format.root_level(); level > 0; --level) {
    const PhysAddr entry = format.entry_address(way.table, address, level);
    const uint64_t value = tables_.raw(tables_.position(entry));
    if (!format.points_at_table(value, level)) return nullptr;
    way.entries[format.root_level() - level] = entry;
    way.table = format.table_of(value);
  }
  way_ = way;
  return &way_;
}

void PageTable::load_way(const Way& way) {
  const hw::PageTableFormat& format = tables_.format();
  tables_.cpu_.load_each(std::span(way.entries).first(format.root_level()), format.entry_bytes());
}

bool PageTable::prepare(VirtAddr address, unsigned wanted) {
  if (const Way* const way = wanted == 0 ? way_to(address) : nullptr) {
    load_way(*way);
    return true;
  }
  const hw::PageTableFormat& format = tables_.format();
  PhysAddr table = root_;
  for (unsigned level = format.root_level(); level > wanted; --level) {
    const uint64_t at = tables_.position(format.entry_address(table, address, level));
    const uint64_t value = tables_.load(at);
    if (format.points_at_table(value, level)) {
      table = format.table_of(value);
      continue;
    }
    if (format.decode(value, level).valid) {
      tables_.split(at);
      // Where there was no frame the entry has gone, perhaps with its table.
      return prepare(address, wanted);
    }
    const std::optional<Pfn> frame = tables_.frames_.allocate(FrameKind::page_table, Urgency::table);
    if (!frame) return false;
    tables_.cpu_.zero_frame(*frame);
    const uint64_t reach = format.entry_span(level);
    tables_.add_notes(*frame, *this, level - 1, address.value / reach * reach, at);
    tables_.store(at, format.encode_table(*frame));
    ++tables_.notes_of(at).present;
    tables_.sort_in(tables_.frame_of(at));
    table = tables_.page().address(*frame);
  }
  return true;
}

std::optional<PageTable::Leaf> PageTable::find_leaf(VirtAddr address, bool timed) {
  const hw::PageTableFormat& format = tables_.format();
  if (const Way* const way = way_to(address)) {
    if (timed) load_way(*way);
    return Leaf{tables_.position(format.entry_address(way->table, address, 0)), 0};
  }
  PhysAddr table = root_;
  for (unsigned level = format.root_level(); level > 0; --level) {
    const uint64_t at = tables_.position(format.entry_address(table, address, level));
    const uint64_t value = timed ? tables_.load(at) : tables_.raw(at);
    if (format.points_at_table(value, level)) {
      table = format.table_of(value);
      continue;
    }
    const hw::Entry entry = format.decode(value, level);
    if (!entry.valid) return std::nullopt;
    return Leaf{at, level};
  }
  return std::nullopt;
}

std::optional<PageTable::LoadedLeaf> PageTable::load_leaf(VirtAddr address) {
  const hw::PageTableFormat& format = tables_.format();
  if (Way* const way = way_to(address)) {
    const PhysAddr entry = format.entry_address(way->table, address, 0);
    way->entries[format.root_level()] = entry;
    tables_.cpu_.load_each(std::span(way->entries).first(format.levels()), format.entry_bytes());
    const uint64_t position = tables_.position(entry);
    return LoadedLeaf{{position, 0}, tables_.raw(position)};
  }
  // There is no table of level 0, so it is a large page's, which was read on the way.
  const std::optional<Leaf> large = find_leaf(address, true);
  return large ? std::optional(LoadedLeaf{*large, tables_.raw(large->position)}) : std::nullopt;
}

void PageTable::clear_referenced(VirtAddr address) {
  const std::optional<Leaf> leaf = find_leaf(address, true);
  if (!leaf) return;
  const hw::PageTableFormat& format = tables_.format();
  const uint64_t value = tables_.raw(leaf->position);
  const hw::Entry entry = format.decode(value, leaf->level);
  if (!entry.valid) return;
  tables_.frames_[tables_.base_page({entry, leaf->level}, address)].used = false;
  if ((value & format.referenced_bit()) == 0) return;
  tables_.store(leaf->position, value & ~format.referenced_bit());
  tables_.flush(leaf->position);
}

TableEntry PageTable::find(VirtAddr address) {
  const std::optional<LoadedLeaf> leaf = load_leaf(address);
  if (!leaf || (leaf->value & tables_.format().valid_bit()) == 0) return {};
  TableEntry found{tables_.format().decode(leaf->value, leaf->level), leaf->level};
  found.pfn = tables_.base_page(found, address);
  return found;
}

RemovedEntry PageTable::map(VirtAddr address, Pfn pfn, hw::Permissions permissions, bool referenced, bool modified) {
  // prepare() has paid for the walk.
  const uint64_t at = find_leaf(address, false)->position;
  const RemovedEntry removed = tables_.take_away(at);
  tables_.place(at, tables_.format().encode_leaf(pfn, permissions, referenced, modified), pfn);
  return removed;
}

void PageTable::map_large(VirtAddr address, unsigned level, Pfn first, hw::Permissions permissions, bool referenced,
                          bool modified) {
  const hw::PageTableFormat& format = tables_.format();
  PhysAddr table = root_;
  for (unsigned above = format.root_level(); above > level; --above) {
    const uint64_t at = tables_.position(format.entry_address(table, address, above));
    table = tables_.page().address(format.decode(tables_.raw(at), above).pfn);
  }
  const uint64_t at = tables_.position(format.entry_address(table, address, level));
  tables_.clear_entry(at);
  tables_.place(at, format.encode_leaf(first, permissions, referenced, modified, level), first);
}

unsigned PageTable::leaf_level(VirtAddr address) {
  if (tables_.large_statistics_.pages == 0) return 0;
  const std::optional<Leaf> leaf = find_leaf(address, false);
  return leaf ? leaf->level : 0;
}

void PageTable::split_at(VirtAddr address) {
  if (tables_.large_statistics_.pages == 0) return;
  for (;;) {
    const std::optional<Leaf> leaf = find_leaf(address, false);
    if (!leaf) return;
    const unsigned level = leaf->level;
    if (level == 0 || address.value % tables_.format().entry_span(level) == 0) return;
    tables_.split(leaf->position);
  }
}

RemovedEntry PageTable::unmap(VirtAddr address) {
  const std::optional<LoadedLeaf> leaf = load_leaf(address);
  if (!leaf) return {};
  // A large page's is read once more.
  return leaf->level == 0 ? tables_.remove(leaf->position, leaf->value) : tables_.remove(leaf->position);
}

void PageTable::set_permissions(VirtAddr address, hw::Permissions permissions, bool flush) {
  const std::optional<Leaf> leaf = find_leaf(address, false);
  if (!leaf) return;
  const unsigned level = leaf->level;
  const hw::Entry entry = tables_.format().decode(tables_.load(leaf->position), level);
  if (!entry.valid) return;
  tables_.store(leaf->position,
                tables_.format().encode_leaf(entry.pfn, permissions, entry.referenced, entry.modified, level));
  if (flush) tables_.flush(leaf->position);
}

std::optional<Pfn> PageTable::access(VirtAddr address, Access access) {
  const hw::PageTableFormat& format = tables_.format();
  const std::optional<Leaf> leaf = find_leaf(address, false);
  if (!leaf) return std::nullopt;
  const uint64_t raw = tables_.raw(leaf->position);
  const TableEntry entry{format.decode(raw, leaf->level), leaf->level};
  if (!entry.valid || !entry.user) return std::nullopt;
  const bool permitted = access == Access::store   ? entry.writable
                         : access == Access::fetch ? entry.executable
                                                   : entry.readable;
  if (!permitted) return std::nullopt;
  uint64_t set = raw | format.referenced_bit();
  if (access == Access::store) set |= format.modified_bit();
  if (set != raw) {
    tables_.set_raw(leaf->position, set);
    tables_.cpu_.page_table_changed(tables_.address(leaf->position), format.entry_bytes());
  }
  return tables_.base_page(entry, address);
}

void PageTable::visit_table(PhysAddr table, unsigned level, uint64_t first_address, uint64_t begin, uint64_t end,
                            const std::function<void(VirtAddr, const TableEntry&)>& visit) {
  const hw::PageTableFormat& format = tables_.format();
  const uint64_t span = format.entry_span(level);
  const uint64_t per_frame = tables_.entries_per_frame_;
  const uint64_t first = begin > first_address ? (begin - first_address) / span : 0;
  const uint64_t last = std::min(format.entries(level), (end - first_address - 1) / span + 1);
  const uint64_t base = tables_.position(table);
  for (uint64_t i = first; i < last; ++i) {
    const uint64_t at = base + i;
    const PageTables::Notes* notes = tables_.notes_at(tables_.frame_of(at));
    if (!notes) return;  // the last visit gave this table back
    const uint64_t here = std::min(last - i, per_frame - tables_.slot_of(at));
    if (notes->present == 0) {
      i += here - 1;
      continue;
    }
    if (i == first || tables_.slot_of(at) == 0) {
      tables_.cpu_.touch(tables_.address(at), here * format.entry_bytes(), false);
    }
    const uint64_t skipped = invalid_before(format, tables_.cpu_.memory(), tables_.address(at), here);
    i += std::min(skipped, here - 1);
    if (skipped == here) continue;
    const hw::Entry entry = format.decode(tables_.raw(base + i), level);
    if (!entry.valid) continue;
    const uint64_t address = first_address + i * span;
    if (entry.leaf) {
      visit(VirtAddr(address), TableEntry{entry, level});
    } else {
      visit_table(tables_.page().address(entry.pfn), level - 1, address, begin, end, visit);
    }
  }
}

void PageTable::for_each_present(VirtAddr begin, VirtAddr end,
                                 const std::function<void(VirtAddr, const TableEntry&)>& visit) {
  if (begin < end) visit_table(root_, tables_.format().root_level(), 0, begin.value, end.value, visit);
}

}  // namespace faultline::os
