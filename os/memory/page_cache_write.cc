// Pages of files on their way out.
#include <algorithm>
#include <utility>

#include "os/config.h"
#include "os/cpu.h"
#include "os/memory/frame_waits.h"
#include "os/memory/page_cache.h"
#include "os/memory/page_table.h"

namespace faultline::os {

namespace {
// However little memory there is, a writer may go so far ahead.
constexpr uint64_t kLeastDirty = 16;

// Pages in memory from `first` to below `end`, in order.
std::vector<std::pair<uint64_t, Pfn>> pages_between(const FileBacking& file, uint64_t first, uint64_t end) {
  std::vector<std::pair<uint64_t, Pfn>> pages;
  if (end - first < file.cached_pages.size()) {
    for (uint64_t index = first; index < end; ++index) {
      const auto found = file.cached_pages.find(index);
      if (found != file.cached_pages.end()) pages.emplace_back(*found);
    }
    return pages;
  }
  for (const auto& [index, pfn] : file.cached_pages) {
    if (index >= first && index < end) pages.emplace_back(index, pfn);
  }
  std::sort(pages.begin(), pages.end());
  return pages;
}
}  // namespace

void PageCache::mark_dirty(Pfn pfn) {
  Frame& frame = parts_.frames[pfn];
  if (frame.dirty || frame.file == nullptr) return;
  frame.dirty = true;
  frame.dirtied = parts_.cpu.now().value;
  dirty_list_.push_back(pfn);
  ++dirty_;
  frame.file->page_changed(frame.index);
  if (dirtied_) dirtied_();
}

// --- how much may be dirty ------------------------------------------------------

uint64_t PageCache::dirty_background() const {
  const uint64_t pages = parts_.frames.total() * parts_.config.vm.dirty_background_ratio / 100;
  return std::min(std::max(pages, kLeastDirty / 2), dirty_limit());
}

uint64_t PageCache::dirty_limit() const {
  return std::max(parts_.frames.total() * parts_.config.vm.dirty_ratio / 100, kLeastDirty);
}

WaitQueue* PageCache::too_dirty() {
  if (!parts_.config.vm.writebehind || dirty_ + writing_ < dirty_limit()) return nullptr;
  ++statistics_.throttled;
  if (crowded_) crowded_();
  return &room_to_dirty_;
}

// --- writing ----------------------------------------------------------------------

uint64_t PageCache::write(std::vector<Pfn> frames, uint64_t max_batch) {
  std::erase_if(frames, [&](Pfn pfn) { return !parts_.frames[pfn].dirty || parts_.frames[pfn].writing; });
  // By place on the disk, so that neighbours go together; once, though page-out may take a
  // page again before its batch is full.
  std::vector<std::pair<uint64_t, Pfn>> places;
  for (const Pfn pfn : frames) places.emplace_back(parts_.frames[pfn].file->sector(parts_.frames[pfn].index), pfn);
  std::sort(places.begin(), places.end());
  places.erase(std::unique(places.begin(), places.end()), places.end());
  const uint64_t pages = places.size();
  const uint64_t sectors = page_.bytes() / 512;
  std::vector<Pfn> run;
  for (size_t i = 0; i < places.size(); ++i) {
    run.push_back(places[i].second);
    const bool last = i + 1 == places.size() || places[i + 1].first != places[i].first + sectors ||
                      parts_.frames[places[i + 1].second].file != parts_.frames[places[i].second].file ||
                      run.size() >= max_batch;
    if (last) submit_write(std::exchange(run, {}));
  }
  return pages;
}

void PageCache::submit_write(std::vector<Pfn> frames) {
  FileBacking& file = *parts_.frames[frames.front()].file;
  const uint64_t sector = file.sector(parts_.frames[frames.front()].index);
  for (const Pfn pfn : frames) {
    // From here on a store counts as a new change.
    parts_.tables.write_protect_everywhere(pfn);
    Frame& frame = parts_.frames[pfn];
    frame.dirty = false;
    frame.writing = true;
    dirty_list_.remove(pfn);
    --dirty_;
  }
  state(file).writing += frames.size();
  writing_ += frames.size();
  statistics_.written_back += frames.size();
  ++in_flight_;
  ++write_requests_;
  parts_.cpu.charge(Cycles(parts_.config.costs.disk_submit));
  parts_.disk.submit(
      {.sector = sector, .frames = frames, .write = true, .done = [this, frames](const hw::TransferOutcome& outcome) {
         end_write(frames, outcome);
       }});
}

void PageCache::end_write(const std::vector<Pfn>& frames, const hw::TransferOutcome& outcome) {
  --in_flight_;
  writing_ -= frames.size();
  for (size_t i = 0; i < frames.size(); ++i) {
    const Pfn pfn = frames[i];
    Frame& frame = parts_.frames[pfn];
    frame.writing = false;
    if (!outcome.ok(i)) ++statistics_.write_errors;
    if (frame.file == nullptr) {  // forgotten meanwhile
      if (frame.pins == 0) parts_.frames.free(pfn);
    } else {
      FileState& file = state(*frame.file);
      // As on Linux a page that the disk refused counts as clean: fsync says
      // EIO, and memory cannot fill up with such pages.
      if (!outcome.ok(i)) {
        frame.file->write_errors.record();
        write_errors_.record();
      }
      if (--file.writing == 0) file.writes_done->wake_all();
    }
    parts_.waits.wake(pfn);
    if (written_) written_(pfn);
  }
  if (dirty_ + writing_ < dirty_limit() && !room_to_dirty_.empty()) room_to_dirty_.wake_all();
  if (writing_ == 0 && drained_) drained_();
}

uint64_t PageCache::write_oldest(uint64_t max_pages, uint64_t max_batch) {
  std::vector<Pfn> frames;
  for (uint64_t at = dirty_list_.front(); at != Frame::kNone && frames.size() < max_pages; at = dirty_list_.after(at)) {
    frames.push_back(Pfn(at));
  }
  return write(std::move(frames), max_batch);
}

uint64_t PageCache::write_expired(Cycles since, uint64_t max_batch) {
  std::vector<Pfn> frames;
  for (uint64_t at = dirty_list_.front(); at != Frame::kNone && parts_.frames[Pfn(at)].dirtied <= since.value;
       at = dirty_list_.after(at)) {
    frames.push_back(Pfn(at));
  }
  return write(std::move(frames), max_batch);
}

std::optional<Cycles> PageCache::dirty_since() const {
  if (dirty_list_.empty()) return std::nullopt;
  return Cycles(parts_.frames[Pfn(dirty_list_.front())].dirtied);
}

// --- for whoever wants it on the disk now ---------------------------------------------

void PageCache::start_write(FileBacking& file, uint64_t first, uint64_t end) {
  if (!file_order_.contains(&file)) return;
  std::vector<Pfn> frames;
  for (const auto& [index, pfn] : pages_between(file, first, end)) frames.push_back(pfn);
  write(std::move(frames), parts_.config.vm.batch);
}

Reply<> PageCache::wait_written(FileBacking& file, uint64_t first, uint64_t end) {
  for (const auto& [index, pfn] : pages_between(file, first, end)) {
    if (parts_.frames[pfn].writing) return parts_.waits.queue(pfn);
  }
  return Unit{};
}

Reply<> PageCache::write_out(FileBacking& file) {
  // A file that was never cached (one of /proc) must leave no trace here.
  if (!file_order_.contains(&file)) return Unit{};
  start_write(file, 0, ~uint64_t{0});
  FileState& here = state(file);
  if (here.writing != 0) return *here.writes_done;
  return Unit{};
}

Reply<> PageCache::flush(FileBacking& file, FileUse* use) {
  Reply<> out = write_out(file);
  if (!out.ok()) return out;
  if (!use && !file_order_.contains(&file)) return out;
  WriteErrors::Mark& told = use ? use->write_errors : state(file).write_errors;
  return file.write_errors.tell(told) ? Reply<>(Errno{EIO}) : out;
}

}  // namespace faultline::os
