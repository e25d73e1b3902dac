// Entries above level 0 that map large pages: their reverse map, and how they
// are split. Each counts among the mappings of all frames that it covers; the
// chains through the tables' notes are for level 0 alone.
#include <fmt/format.h>

#include <algorithm>

#include "os/cpu.h"
#include "os/memory/page_table.h"

namespace faultline::os {

void PageTables::find_large_levels() {
  for (unsigned level = 1; level < format_.levels(); ++level) {
    if (format_.leaf_allowed(level) && order(level) < 32 && pages_of(level) <= frames_.total()) {
      large_.push_back({level, {}});
    }
  }
}

unsigned PageTables::large_level_of(unsigned shift) const {
  for (const LargeLeaves& leaves : large_) {
    if (format_.entry_shift(leaves.level) == shift) return leaves.level;
  }
  return 0;
}

PageTables::LargeLeaves& PageTables::large_leaves_of(unsigned level) {
  return *std::find_if(large_.begin(), large_.end(), [=](const LargeLeaves& one) { return one.level == level; });
}

void PageTables::link_large(uint64_t position, unsigned level, Pfn first) {
  large_leaves_of(level).by_frame[first.value].push_back(position);
  const uint64_t pages = pages_of(level);
  for (uint64_t i = 0; i < pages; ++i) ++frames_[first + i].mappings;
  large_statistics_.pages += pages;
  large_statistics_.peak_pages = std::max(large_statistics_.peak_pages, large_statistics_.pages);
}

void PageTables::unlink_large(uint64_t position, unsigned level, Pfn first) {
  auto& by_frame = large_leaves_of(level).by_frame;
  const auto leaves = by_frame.find(first.value);
  std::erase(leaves->second, position);
  if (leaves->second.empty()) by_frame.erase(leaves);
  const uint64_t pages = pages_of(level);
  for (uint64_t i = 0; i < pages; ++i) --frames_[first + i].mappings;
  large_statistics_.pages -= pages;
}

// What the notes and the frames must know when a large page's entry goes.
void PageTables::forget_large_leaf(uint64_t position, const hw::Entry& entry) {
  Notes& notes = notes_of(position);
  --notes.present;
  --notes.tracked;
  --entries_present_;
  unlink_large(position, notes.level, entry.pfn);
  const uint64_t pages = pages_of(notes.level);
  notes.owner->resident_ -= pages;
  for (uint64_t i = 0; i < pages; ++i) {
    Frame& frame = frames_[entry.pfn + i];
    frame.dirty |= entry.modified;
    frame.used |= entry.referenced;
  }
}

bool PageTables::any_large_mapping(Pfn pfn, const std::function<bool(Asid, VirtAddr)>& is_it) const {
  for (const LargeLeaves& leaves : large_) {
    const uint64_t inside = pfn.value & (pages_of(leaves.level) - 1);
    const auto here = leaves.by_frame.find(pfn.value - inside);
    if (here == leaves.by_frame.end()) continue;
    const bool found = std::any_of(here->second.begin(), here->second.end(), [&](uint64_t position) {
      return is_it(notes_of(position).owner->asid(), translated_by(position) + (inside << page().shift));
    });
    if (found) return true;
  }
  return false;
}

void PageTables::unmap_large_everywhere(Pfn pfn) {
  visit_large(pfn, [this](uint64_t position) { remove(position); });
}

// `visit` may take the entry away.
void PageTables::visit_large(Pfn pfn, const std::function<void(uint64_t)>& visit) {
  for (const LargeLeaves& leaves : large_) {
    const auto here = leaves.by_frame.find(pfn.value & ~(pages_of(leaves.level) - 1));
    if (here == leaves.by_frame.end()) continue;
    const std::vector<uint64_t> positions = here->second;
    for (const uint64_t position : positions) visit(position);
  }
}

// A large page's entry becomes a table of entries one level down that say the
// same. Without a frame for it, or where that level maps no pages, the entry
// goes: it can be made again from the areas.
void PageTables::split(uint64_t position) {
  Notes& notes = notes_of(position);
  const unsigned below = notes.level - 1;
  const hw::Entry entry = format_.decode(load(position), notes.level);
  ++large_statistics_.split;
  const std::optional<Pfn> table =
      format_.leaf_allowed(below) ? frames_.allocate(FrameKind::page_table, Urgency::table) : std::nullopt;
  if (!table) {
    notes.owner->has_lost_pages_ = true;
    remove(position);
    return;
  }
  unlink_large(position, notes.level, entry.pfn);
  --notes.tracked;
  --entries_present_;
  notes.owner->resident_ -= pages_of(notes.level);
  if (format_.table_bytes(below) < page().bytes()) cpu_.zero_frame(*table);
  // Whoever writes the run down hears of the table before what leads to it.
  add_notes(*table, *notes.owner, below, translated_by(position).value, position);
  store(position, format_.encode_table(*table));
  flush(position);
  for (uint64_t i = 0; i < format_.entries(below); ++i) {
    const Pfn pfn = entry.pfn + i * pages_of(below);
    const uint64_t value = format_.encode_leaf(pfn, entry.permissions(), entry.referenced, entry.modified, below);
    place(table->value * entries_per_frame_ + i, value, pfn);
  }
}

// Until no large page covers the frame.
void PageTables::split_everywhere(Pfn pfn) {
  if (large_statistics_.pages == 0) return;
  // From the largest down: pieces of one may be large themselves.
  for (auto leaves = large_.rbegin(); leaves != large_.rend(); ++leaves) {
    const uint64_t first = pfn.value & ~(pages_of(leaves->level) - 1);
    for (auto here = leaves->by_frame.find(first); here != leaves->by_frame.end(); here = leaves->by_frame.find(first))
      split(here->second.back());
  }
}

// Takes away all that is mapped at and below an entry, and the tables below
// it. The table that it stands in stays, though it may be empty afterwards.
void PageTables::clear_entry(uint64_t position) {
  const hw::Entry entry = format_.decode(load(position), notes_of(position).level);
  if (!entry.valid) return;
  if (entry.leaf) {
    take_away(position);
    return;
  }
  const uint64_t frame = entry.pfn.value;
  for (uint64_t i = 0; i < entries_in_frame(notes_at(frame)->level) && notes_at(frame)->present != 0; ++i) {
    clear_entry(frame * entries_per_frame_ + i);
  }
  // Whatever caches entries of upper levels must not lead here any more.
  flush(position);
  store(position, 0);
  sort_out(frame);
  forget_notes(entry.pfn);
  frames_.free(entry.pfn);
  --notes_of(position).present;
}

// --- invariants ---------------------------------------------------------------------

uint64_t PageTables::large_leaves_over(uint64_t frame) const {
  uint64_t found = 0;
  for (const LargeLeaves& leaves : large_) {
    const auto here = leaves.by_frame.find(frame & ~(pages_of(leaves.level) - 1));
    if (here != leaves.by_frame.end()) found += here->second.size();
  }
  return found;
}

std::optional<std::string> PageTables::check_large_leaves() const {
  uint64_t pages = 0;
  for (const LargeLeaves& leaves : large_) {
    for (const auto& [first, positions] : leaves.by_frame) {
      for (const uint64_t position : positions) {
        const Notes* const notes = notes_at(frame_of(position));
        if (!notes || notes->level != leaves.level) return fmt::format("a large page at {} is in no table", first);
        const hw::Entry entry = entry_at(position);
        if (!entry.valid || !entry.leaf || entry.pfn.value != first)
          return fmt::format("the entry of the large page at frame {} says otherwise", first);
        pages += pages_of(leaves.level);
      }
    }
  }
  if (pages != large_statistics_.pages) return "large pages do not add up";
  return std::nullopt;
}

}  // namespace faultline::os
