// What all page tables have in common: notes, reverse map, pressure.
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "os/config.h"
#include "os/cpu.h"
#include "os/memory/page_table.h"

namespace faultline::os {

namespace {
// Address-space identifier 0 is nobody's, so that none means none.
constexpr uint64_t kAsids = 1u << 16;
}  // namespace

PageTables::PageTables(Cpu& cpu, FrameAllocator& frames, const hw::PageTableFormat& format, const OsCosts& costs,
                       bool flush_on_clear, Pfn first_kernel_table)
    : cpu_(cpu),
      frames_(frames),
      format_(format),
      costs_(costs),
      flush_on_clear_(flush_on_clear),
      entry_shift_(static_cast<unsigned>(std::countr_zero(format.entry_bytes()))),
      frame_shift_(format.page().shift - entry_shift_),
      entries_per_frame_(uint64_t{1} << frame_shift_),
      notes_(frames.total()),
      asids_(kAsids) {
  asids_.insert_all(1, kAsids);
  find_large_levels();
  build_kernel_part(first_kernel_table);
  cpu_.page_table_changed(page().address(first_kernel_table), kernel_tables(format, frames.total()) << page().shift);
}

PageTables::~PageTables() = default;

// --- entries ----------------------------------------------------------------

VirtAddr PageTables::translated_by(uint64_t position) const {
  const Notes& notes = notes_of(position);
  return VirtAddr(notes.first_address + slot_of(position) * format_.entry_span(notes.level));
}

uint64_t PageTables::raw(uint64_t position) const {
  const hw::BackingStore& memory = cpu_.memory();
  return entry_shift_ == 2 ? memory.load<uint32_t>(address(position)) : memory.load<uint64_t>(address(position));
}

void PageTables::set_raw(uint64_t position, uint64_t value) {
  hw::BackingStore& memory = cpu_.memory();
  if (format_.entry_bytes() == 4) {
    memory.store<uint32_t>(address(position), static_cast<uint32_t>(value));
  } else {
    memory.store<uint64_t>(address(position), value);
  }
}

uint64_t PageTables::load(uint64_t position) { return cpu_.load(address(position), format_.entry_bytes()); }

void PageTables::store(uint64_t position, uint64_t value) {
  cpu_.store(address(position), format_.entry_bytes(), value);
  cpu_.page_table_changed(address(position), format_.entry_bytes());
}

hw::Entry PageTables::entry_at(uint64_t position) const {
  return format_.decode(raw(position), notes_of(position).level);
}

void PageTables::flush(uint64_t position) {
  cpu_.charge(Cycles(costs_.tlb_flush_page));
  cpu_.flush_page(notes_of(position).owner->asid(), translated_by(position));
}

// --- the reverse map ----------------------------------------------------------

void PageTables::link(uint64_t position, Pfn pfn) {
  Notes& notes = notes_of(position);
  if (notes.links.empty()) notes.links.resize(entries_in_frame(notes.level));
  Frame& frame = frames_[pfn];
  notes.links[slot_of(position)] = Link{frame.first_mapping, kNone};
  if (frame.first_mapping != kNone) {
    notes_of(frame.first_mapping).links[slot_of(frame.first_mapping)].prev = position;
  }
  frame.first_mapping = position;
  ++frame.mappings;
}

void PageTables::unlink(uint64_t position, Pfn pfn) {
  const Link link = notes_of(position).links[slot_of(position)];
  Frame& frame = frames_[pfn];
  if (link.prev == kNone) {
    frame.first_mapping = link.next;
  } else {
    notes_of(link.prev).links[slot_of(link.prev)].next = link.next;
  }
  if (link.next != kNone) notes_of(link.next).links[slot_of(link.next)].prev = link.prev;
  --frame.mappings;
}

// `visit` may take the entry away.
void PageTables::walk_chain(Pfn pfn, const std::function<void(uint64_t)>& visit) {
  for (uint64_t at = frames_[pfn].first_mapping; at != kNone;) {
    const uint64_t next = notes_of(at).links[slot_of(at)].next;
    visit(at);
    at = next;
  }
  if (large_statistics_.pages != 0) visit_large(pfn, visit);
}

bool PageTables::any_mapping(Pfn pfn, const std::function<bool(Asid, VirtAddr)>& is_it) const {
  for (uint64_t at = frames_[pfn].first_mapping; at != kNone;) {
    const Notes& notes = notes_of(at);
    if (is_it(notes.owner->asid(), translated_by(at))) return true;
    at = notes.links[slot_of(at)].next;
  }
  return large_statistics_.pages != 0 && any_large_mapping(pfn, is_it);
}

bool PageTables::referenced(Pfn pfn) {
  bool found = frames_[pfn].used;
  walk_chain(pfn, [&](uint64_t at) { found |= (load(at) & format_.referenced_bit()) != 0; });
  return found;
}

bool PageTables::modified(Pfn pfn) {
  bool found = false;
  walk_chain(pfn, [&](uint64_t at) { found |= (load(at) & format_.modified_bit()) != 0; });
  return found;
}

void PageTables::clear_referenced(Pfn pfn) {
  frames_[pfn].used = false;
  walk_chain(pfn, [&](uint64_t at) {
    const uint64_t value = load(at);
    if ((value & format_.referenced_bit()) == 0) return;
    store(at, value & ~format_.referenced_bit());
    // Without it the TLB goes on answering and the bit stays clear (S9).
    if (flush_on_clear_) flush(at);
  });
}

void PageTables::unmap_everywhere(Pfn pfn) {
  split_everywhere(pfn);
  walk_chain(pfn, [&](uint64_t at) { remove(at); });
}

void PageTables::write_protect_everywhere(Pfn pfn) {
  split_everywhere(pfn);
  walk_chain(pfn, [&](uint64_t at) {
    const hw::Entry entry = format_.decode(load(at), 0);
    if (!entry.writable && !entry.modified) return;
    hw::Permissions permissions = entry.permissions();
    permissions.write = false;
    store(at, format_.encode_leaf(entry.pfn, permissions, entry.referenced, false));
    flush(at);
  });
}

// --- placing and taking away leaf entries ---------------------------------------

void PageTables::place(uint64_t position, uint64_t value, Pfn pfn) {
  store(position, value);
  Notes& notes = notes_of(position);
  ++notes.present;
  ++entries_present_;
  if (tracked(pfn)) {
    notes.level == 0 ? link(position, pfn) : link_large(position, notes.level, pfn);
    ++notes.tracked;
    PageTable& owner = *notes.owner;
    owner.resident_ += pages_of(notes.level);
    owner.peak_resident_ = std::max(owner.peak_resident_, owner.resident_);
  }
  sort_in(frame_of(position));
}

// What the notes and the frame must know when a leaf entry goes.
void PageTables::forget_leaf(uint64_t position, const hw::Entry& entry) {
  Notes& notes = notes_of(position);
  if (notes.level != 0) return forget_large_leaf(position, entry);
  --notes.present;
  --entries_present_;
  if (!tracked(entry.pfn)) return;
  unlink(position, entry.pfn);
  --notes.tracked;
  --notes.owner->resident_;
  Frame& frame = frames_[entry.pfn];
  // A page of a file is writable only while it is known to be dirty.
  if (frame.kind == FrameKind::anonymous) frame.dirty |= entry.modified;
  frame.used |= entry.referenced;
}

RemovedEntry PageTables::take_away(uint64_t position) { return take_away(position, load(position)); }

RemovedEntry PageTables::take_away(uint64_t position, uint64_t value) {
  if ((value & format_.valid_bit()) == 0) return {};
  const hw::Entry entry = format_.decode(value, notes_of(position).level);
  if (!entry.valid) return {};
  store(position, 0);
  forget_leaf(position, entry);
  flush(position);
  return {true, entry.pfn, entry.referenced, entry.modified};
}

RemovedEntry PageTables::remove(uint64_t position) { return remove(position, load(position)); }

RemovedEntry PageTables::remove(uint64_t position, uint64_t value) {
  const RemovedEntry removed = take_away(position, value);
  sort_in(frame_of(position));
  free_if_empty(frame_of(position));
  return removed;
}

// --- tables ------------------------------------------------------------------------

void PageTables::add_notes(Pfn pfn, PageTable& owner, unsigned level, uint64_t first_address, uint64_t parent) {
  auto notes = std::make_unique<Notes>();
  notes->owner = &owner;
  notes->level = level;
  notes->first_address = first_address;
  notes->parent = parent;
  notes_[pfn.value] = std::move(notes);
  ++owner.table_frames_;
  LevelFrames& frames = level_frames_[level];
  frames.peak = std::max(frames.peak, ++frames.now);
  sort_in(pfn.value);
  cpu_.page_table_changed(page().address(pfn), page().bytes());
}

// The frame is no table any more.
void PageTables::forget_notes(Pfn pfn) {
  const Notes& notes = *notes_at(pfn.value);
  --level_frames_[notes.level].now;
  --notes.owner->table_frames_;
  notes.owner->way_ = {};
  notes_[pfn.value].reset();
}

// Keeps the lists of tables that could be given back.
void PageTables::sort_in(uint64_t frame) {
  Notes& notes = *notes_at(frame);
  if (notes.parent == kNone) return;  // a root stays
  List list = List::none;
  if (notes.present == 0) {
    list = List::empty;
  } else if (notes.level == 0 && notes.tracked == 0) {
    list = List::zero_only;
  }
  if (list == notes.list) return;
  sort_out(frame);
  notes.list = list;
  if (list == List::empty) empty_.insert(frame);
  if (list == List::zero_only) zero_only_.insert(frame);
}

void PageTables::sort_out(uint64_t frame) {
  Notes& notes = *notes_at(frame);
  if (notes.list == List::empty) empty_.erase(frame);
  if (notes.list == List::zero_only) zero_only_.erase(frame);
  notes.list = List::none;
}

// Gives a table without a present entry back, and those above that lose their
// last entry with it.
void PageTables::free_if_empty(uint64_t frame) {
  while (notes_at(frame)->present == 0 && notes_at(frame)->parent != kNone) {
    const uint64_t parent = notes_at(frame)->parent;
    // Whatever caches entries of upper levels must not lead here any more.
    flush(parent);
    store(parent, 0);
    sort_out(frame);
    forget_notes(Pfn(frame));
    frames_.free(Pfn(frame));
    frame = frame_of(parent);
    --notes_at(frame)->present;
    sort_in(frame);
  }
}

uint64_t PageTables::free_empty_tables() {
  const uint64_t before = frames_.count(FrameKind::page_table);
  while (!empty_.empty()) free_if_empty(*empty_.begin());
  return before - frames_.count(FrameKind::page_table);
}

uint64_t PageTables::free_one_zero_page_table() {
  if (zero_only_.empty()) return 0;
  const uint64_t before = frames_.count(FrameKind::page_table);
  const uint64_t frame = *zero_only_.begin();
  for (uint64_t i = 0; i < entries_in_frame(0); ++i) {
    const uint64_t position = frame * entries_per_frame_ + i;
    if (format_.decode(raw(position), 0).valid) take_away(position);
  }
  sort_in(frame);
  free_if_empty(frame);
  return before - frames_.count(FrameKind::page_table);
}

PageTableStatistics PageTables::statistics() const {
  // A linear table has one entry for each page of a 32- or 64-bit address space.
  const unsigned bits = format_.layout().rule == hw::AddressRule::zero_extended ? 32 : 64;
  PageTableStatistics result;
  result.bytes = frames_.count(FrameKind::page_table) * page().bytes();
  result.peak_bytes = frames_.peak(FrameKind::page_table) * page().bytes();
  result.entries_present = entries_present_;
  for (unsigned level = 0; level < format_.levels(); ++level) {
    result.by_level[level] = {level_frames_[level].now * page().bytes(), level_frames_[level].peak * page().bytes()};
  }
  result.linear_bytes = format_.entry_bytes();
  result.linear_bytes <<= bits - page().shift;
  return result;
}

// --- invariants ---------------------------------------------------------------------

std::optional<std::string> PageTables::check_table(uint64_t frame, uint64_t& entries) const {
  const Notes& notes = *notes_at(frame);
  uint64_t present = 0;
  uint64_t in_chains = 0;
  for (uint64_t i = 0; i < entries_in_frame(notes.level); ++i) {
    const uint64_t at = frame * entries_per_frame_ + i;
    // The kernel's part of a root belongs to no process.
    if (notes.parent == kNone && notes.first_address + i * format_.entry_span(notes.level) >= format_.user_end().value)
      break;
    const hw::Entry entry = format_.decode(raw(at), notes.level);
    if (!entry.valid) continue;
    ++present;
    if (!entry.leaf) {
      if (!notes_at(entry.pfn.value)) return fmt::format("table frame {} leads to a frame that is no table", frame);
      continue;
    }
    ++entries;
    const uint64_t pages = pages_of(notes.level);
    if (entry.pfn.value + pages > frames_.total())
      return fmt::format("table frame {} maps a frame that is not there", frame);
    for (uint64_t page = entry.pfn.value; page < entry.pfn.value + pages; ++page) {
      const Frame& mapped = frames_[Pfn(page)];
      if (mapped.listed || mapped.kind == FrameKind::free) return fmt::format("free frame {} is mapped", page);
      if (notes.level != 0 && mapped.kind != FrameKind::anonymous)
        return fmt::format("frame {} under a large page is not anonymous", page);
    }
    in_chains += tracked(entry.pfn);
  }
  if (present != notes.present)
    return fmt::format("table frame {} has {} entries, noted {}", frame, present, notes.present);
  if (in_chains != notes.tracked)
    return fmt::format("table frame {} maps {} pages, noted {}", frame, in_chains, notes.tracked);
  return std::nullopt;
}

std::optional<std::string> PageTables::check_chain(uint64_t frame) const {
  uint64_t length = 0;
  uint64_t before = kNone;
  for (uint64_t at = frames_[Pfn(frame)].first_mapping; at != kNone;) {
    const Link& link = notes_of(at).links[slot_of(at)];
    const hw::Entry entry = entry_at(at);
    if (link.prev != before || !entry.valid || entry.pfn.value != frame || ++length > frames_[Pfn(frame)].mappings) {
      return fmt::format("the chain of mappings of frame {} is broken", frame);
    }
    before = at;
    at = link.next;
  }
  if (length + large_leaves_over(frame) != frames_[Pfn(frame)].mappings)
    return fmt::format("frame {} has lost mappings", frame);
  return std::nullopt;
}

std::optional<std::string> PageTables::check_invariants() const {
  uint64_t entries = 0;
  uint64_t tables = 0;
  std::optional<std::string> broken;
  std::as_const(frames_).table().for_each_touched([&](uint64_t number, const Frame& frame) {
    if (broken) return;
    const bool is_table = frame.kind == FrameKind::page_table;
    tables += is_table;
    if (is_table != (notes_at(number) != nullptr)) {
      broken = fmt::format("frame {} is half a page table", number);
    } else {
      broken = is_table ? check_table(number, entries) : check_chain(number);
    }
  });
  if (broken) return broken;
  notes_.for_each_chunk([&tables](uint64_t, std::span<const std::unique_ptr<Notes>> notes) {
    for (const auto& each : notes) tables -= each != nullptr;
  });
  if (tables != 0) return "notes of page tables are left over";
  if (entries != entries_present_) return "entries of page tables do not add up";
  return check_large_leaves();
}

}  // namespace faultline::os
