#include "os/memory/page_table.h"

#include <algorithm>

#include "os/cpu.h"

namespace faultline::os {

PageTable::PageTable(PageTables& tables, Pfn root, Asid asid)
    : tables_(tables), root_(tables.page().address(root)), asid_(asid) {}

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
    const uint64_t at = first + i;
    PageTables::Notes& notes = tables_.notes_of(at);
    if (at % tables_.entries_per_frame_ == 0 || i == 0) {
      if (notes.present == 0) {  // nothing in this frame
        i += tables_.entries_per_frame_ - 1 - at % tables_.entries_per_frame_;
        continue;
      }
      tables_.cpu_.touch(tables_.address(at), std::min(count - i, tables_.entries_per_frame_) * format.entry_bytes(),
                         false);
    }
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

bool PageTable::prepare(VirtAddr address, unsigned wanted) {
  const hw::PageTableFormat& format = tables_.format();
  PhysAddr table = root_;
  for (unsigned level = format.root_level(); level > wanted; --level) {
    const uint64_t at = tables_.position(format.entry_address(table, address, level));
    const hw::Entry entry = format.decode(tables_.load(at), level);
    if (entry.valid && entry.leaf) {
      tables_.split(at);
      // Where there was no frame the entry has gone, perhaps with its table.
      return prepare(address, wanted);
    }
    if (entry.valid) {
      table = tables_.page().address(entry.pfn);
      continue;
    }
    const std::optional<Pfn> frame = tables_.frames_.allocate(FrameKind::page_table, Urgency::table);
    if (!frame) return false;
    tables_.cpu_.zero_frame(*frame);
    const uint64_t reach = format.entry_span(level);
    tables_.add_notes(*frame, *this, level - 1, address.value / reach * reach, at);
    tables_.store(at, format.encode_table(*frame));
    ++tables_.notes_of(at).present;
    tables_.sort_in(at / tables_.entries_per_frame_);
    table = tables_.page().address(*frame);
  }
  return true;
}

// Of the entry of level 0, or the large page's above it.
std::optional<uint64_t> PageTable::leaf_position(VirtAddr address, bool timed) {
  const hw::PageTableFormat& format = tables_.format();
  PhysAddr table = root_;
  for (unsigned level = format.root_level(); level > 0; --level) {
    const uint64_t at = tables_.position(format.entry_address(table, address, level));
    const hw::Entry entry = format.decode(timed ? tables_.load(at) : tables_.raw(at), level);
    if (!entry.valid) return std::nullopt;
    if (entry.leaf) return at;
    table = tables_.page().address(entry.pfn);
  }
  return tables_.position(format.entry_address(table, address, 0));
}

void PageTable::clear_referenced(VirtAddr address) {
  const std::optional<uint64_t> at = leaf_position(address, true);
  if (!at) return;
  const hw::PageTableFormat& format = tables_.format();
  const uint64_t value = tables_.raw(*at);
  const hw::Entry entry = format.decode(value, tables_.notes_of(*at).level);
  if (!entry.valid) return;
  tables_.frames_[tables_.base_page({entry, tables_.notes_of(*at).level}, address)].used = false;
  if ((value & format.referenced_bit()) == 0) return;
  tables_.store(*at, value & ~format.referenced_bit());
  tables_.flush(*at);
}

TableEntry PageTable::find(VirtAddr address) {
  const std::optional<uint64_t> at = leaf_position(address, true);
  if (!at) return {};
  const unsigned level = tables_.notes_of(*at).level;
  // A large page's entry was read on the way.
  TableEntry found{tables_.format().decode(level == 0 ? tables_.load(*at) : tables_.raw(*at), level), level};
  found.pfn = tables_.base_page(found, address);
  return found;
}

RemovedEntry PageTable::map(VirtAddr address, Pfn pfn, hw::Permissions permissions, bool referenced, bool modified) {
  // prepare() has paid for the walk.
  const uint64_t at = *leaf_position(address, false);
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
  const std::optional<uint64_t> at = leaf_position(address, false);
  return at ? tables_.notes_of(*at).level : 0;
}

void PageTable::split_at(VirtAddr address) {
  if (tables_.large_statistics_.pages == 0) return;
  for (;;) {
    const std::optional<uint64_t> at = leaf_position(address, false);
    if (!at) return;
    const unsigned level = tables_.notes_of(*at).level;
    if (level == 0 || address.value % tables_.format().entry_span(level) == 0) return;
    tables_.split(*at);
  }
}

RemovedEntry PageTable::unmap(VirtAddr address) {
  const std::optional<uint64_t> at = leaf_position(address, true);
  return at ? tables_.remove(*at) : RemovedEntry{};
}

void PageTable::set_permissions(VirtAddr address, hw::Permissions permissions, bool flush) {
  const std::optional<uint64_t> at = leaf_position(address, false);
  if (!at) return;
  const unsigned level = tables_.notes_of(*at).level;
  const hw::Entry entry = tables_.format().decode(tables_.load(*at), level);
  if (!entry.valid) return;
  tables_.store(*at, tables_.format().encode_leaf(entry.pfn, permissions, entry.referenced, entry.modified, level));
  if (flush) tables_.flush(*at);
}

std::optional<Pfn> PageTable::access(VirtAddr address, Access access) {
  const hw::PageTableFormat& format = tables_.format();
  const std::optional<uint64_t> at = leaf_position(address, false);
  if (!at) return std::nullopt;
  const uint64_t raw = tables_.raw(*at);
  const TableEntry entry{format.decode(raw, tables_.notes_of(*at).level), tables_.notes_of(*at).level};
  if (!entry.valid || !entry.user) return std::nullopt;
  const bool permitted = access == Access::store   ? entry.writable
                         : access == Access::fetch ? entry.executable
                                                   : entry.readable;
  if (!permitted) return std::nullopt;
  uint64_t set = raw | format.referenced_bit();
  if (access == Access::store) set |= format.modified_bit();
  if (set != raw) {
    tables_.set_raw(*at, set);
    tables_.cpu_.page_table_changed(tables_.address(*at), format.entry_bytes());
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
    const PageTables::Notes* notes = tables_.notes_[at / per_frame].get();
    if (!notes) return;  // the last visit gave this table back
    if (notes->present == 0) {
      i += per_frame - 1 - at % per_frame;
      continue;
    }
    if (i == first || at % per_frame == 0) {
      const uint64_t here = std::min(last - i, per_frame - at % per_frame);
      tables_.cpu_.touch(tables_.address(at), here * format.entry_bytes(), false);
    }
    const hw::Entry entry = format.decode(tables_.raw(at), level);
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
