#include "os/reclaim/laundry.h"

#include <algorithm>
#include <utility>

#include "os/config.h"
#include "os/cpu.h"
#include "os/memory/anon_map.h"
#include "os/memory/frame_allocator.h"
#include "os/memory/frame_waits.h"
#include "os/memory/page_cache.h"
#include "os/memory/page_table.h"
#include "os/reclaim/swap_area.h"

namespace faultline::os {

Laundry::Laundry(Parts parts, uint64_t batch)
    : parts_(parts), batch_(std::max<uint64_t>(batch, 1)), wanted_(parts.frames.total()) {}

bool Laundry::can_clean(Pfn pfn) {
  const Frame& frame = parts_.frames[pfn];
  if (frame.kind == FrameKind::file) return true;
  const bool has_slot = frame.anon->slot != Anon::kNone;
  return parts_.swap.room(anonymous_.size() + (has_slot ? 0 : 1));
}

void Laundry::add(Pfn pfn) {
  Frame& frame = parts_.frames[pfn];
  if (frame.kind == FrameKind::file) {
    if (!wanted_[pfn.value]) ++in_flight_;
    wanted_[pfn.value] = true;
    files_.push_back(pfn);
    if (files_.size() >= batch_) write_files();
    return;
  }
  Anon& anon = *frame.anon;
  // The old copy is out of date; a slot beside the others of the batch is better.
  if (anon.slot != Anon::kNone) parts_.swap.release(std::exchange(anon.slot, Anon::kNone));
  anon.under_io = true;
  frame.writing = true;
  frame.dirty = false;
  ++in_flight_;
  anonymous_.push_back(pfn);
  if (anonymous_.size() >= batch_) write_anonymous();
}

void Laundry::flush() {
  // A part of a batch waits while another is under way: written one by one,
  // pages would come back one by one, and the next batch would be no larger.
  if (requests_ == 0) write_anonymous();
  write_files();
}

void Laundry::write_anonymous() {
  std::vector<Pfn> frames = std::exchange(anonymous_, {});
  size_t begin = 0;
  while (begin < frames.size()) {
    const std::optional<SwapArea::Run> run = parts_.swap.allocate(frames.size() - begin);
    const auto first = frames.begin() + static_cast<ptrdiff_t>(begin);
    if (!run) {
      give_up(std::vector<Pfn>(first, frames.end()));
      return;
    }
    submit_run(std::vector<Pfn>(first, first + static_cast<ptrdiff_t>(run->count)), run->first);
    begin += run->count;
  }
}

// Swap has become full: the pages stay in memory, dirty as they were.
void Laundry::give_up(const std::vector<Pfn>& frames) {
  for (const Pfn pfn : frames) {
    --in_flight_;
    Frame& frame = parts_.frames[pfn];
    frame.writing = false;
    frame.dirty = true;
    parts_.anons.end_io(*frame.anon);
    parts_.waits.wake(pfn);
  }
}

void Laundry::submit_run(std::vector<Pfn> frames, uint64_t first_slot) {
  ++requests_;
  ++batches_;
  parts_.swap.count_write();
  slots_in_flight_ += frames.size();
  parts_.cpu.charge(Cycles(parts_.costs.disk_submit));
  parts_.disk.submit({.sector = parts_.swap.sector(first_slot),
                      .frames = frames,
                      .write = true,
                      .done = [this, frames, first_slot](const hw::TransferOutcome& outcome) {
                        end_write(frames, first_slot, outcome);
                      }});
}

void Laundry::end_write(const std::vector<Pfn>& frames, uint64_t first_slot, const hw::TransferOutcome& outcome) {
  --requests_;
  for (size_t i = 0; i < frames.size(); ++i) end_page(frames[i], first_slot + i, outcome.ok(i));
  if (requests_ == 0) write_anonymous();
  if (progress_) progress_();
}

void Laundry::end_page(Pfn pfn, uint64_t slot, bool ok) {
  --in_flight_;
  --slots_in_flight_;
  Frame& frame = parts_.frames[pfn];
  Anon& anon = *frame.anon;
  frame.writing = false;
  if (ok) {
    ++cleaned_;
    parts_.swap.count_out(1);
    parts_.swap.assign(slot, anon);
    parts_.swap.note_copy();
  } else {
    parts_.swap.count_write_error();
    parts_.swap.retire(slot);
    frame.dirty = true;
  }
  if (parts_.anons.end_io(anon)) free_if_idle(pfn);
  parts_.waits.wake(pfn);
}

void Laundry::write_files() {
  const std::vector<Pfn> frames = std::exchange(files_, {});
  if (frames.empty()) return;
  const uint64_t before = parts_.cache.write_requests();
  parts_.cache.write(frames, batch_);
  batches_ += parts_.cache.write_requests() - before;
}

void Laundry::file_written(Pfn pfn) {
  if (!wanted_[pfn.value]) return;
  wanted_[pfn.value] = false;
  --in_flight_;
  ++cleaned_;
  const Frame& frame = parts_.frames[pfn];
  if (frame.kind == FrameKind::file && frame.file) free_if_idle(pfn);
  if (progress_) progress_();
}

// Unless somebody came back for the page while it was written.
void Laundry::free_if_idle(Pfn pfn) {
  const Frame& frame = parts_.frames[pfn];
  if (frame.mappings != 0 || frame.dirty || frame.pins != 0 || frame.under_io() || frame.listed) return;
  parts_.frames.free_with_page(pfn);
  ++freed_;
}

}  // namespace faultline::os
