#include "os/memory/page_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "os/config.h"
#include "os/cpu.h"
#include "os/memory/frame_waits.h"
#include "os/memory/page_table.h"

namespace faultline::os {

PageCache::PageCache(Parts parts) : parts_(parts), page_(parts.tables.page()), dirty_list_(parts.frames.table()) {}

PageCache::FileState& PageCache::state(FileBacking& file) {
  const auto [place, is_new] = file_order_.try_emplace(&file, next_order_);
  FileState& state = files_[place->second];
  if (is_new) {
    ++next_order_;
    state.file = &file;
    state.writes_done = std::make_unique<WaitQueue>(parts_.executor);
  }
  return state;
}

bool PageCache::begins_beyond_end(const FileBacking& file, uint64_t index) const {
  return index >= page_.pages(file.size());
}

// --- finding a page -----------------------------------------------------------

Reply<Pfn> PageCache::page(FileBacking& file, uint64_t index, Fill fill) {
  const auto found = file.cached_pages.find(index);
  return found == file.cached_pages.end() ? absent_page(file, index, fill) : present_page(file, found->second);
}

std::optional<Pfn> PageCache::find(const FileBacking& file, uint64_t index) const {
  const auto found = file.cached_pages.find(index);
  if (found == file.cached_pages.end()) return std::nullopt;
  const Frame& frame = parts_.frames[found->second];
  if (frame.reading || frame.failed) return std::nullopt;
  return found->second;
}

Reply<Pfn> PageCache::present_page(FileBacking& file, Pfn pfn) {
  Frame& frame = parts_.frames[pfn];
  if (frame.reading) return parts_.waits.queue(pfn);
  if (frame.failed) {
    // The next one who asks tries again.
    remove(pfn);
    return Errno{EIO};
  }
  if (frame.listed) parts_.frames.take_back(pfn);
  frame.used = true;
  // The look that started the read has been counted as a miss.
  if (!std::exchange(frame.fresh, false)) ++statistics_.hits;
  note_use(state(file), frame.index);
  return pfn;
}

Reply<Pfn> PageCache::absent_page(FileBacking& file, uint64_t index, Fill fill) {
  const std::optional<Pfn> pfn = add_frame(file, index);
  if (!pfn) return parts_.frames.available();
  Frame& frame = parts_.frames[*pfn];
  frame.used = true;
  if (fill == Fill::overwrite) {
    // The caller may yet fail half-way, and must not show what was there
    // before. Real hardware pays for the caller's bytes only.
    std::memset(parts_.cpu.memory().at(page_.address(*pfn)), 0, page_.bytes());
    parts_.cpu.memory().wrote_frame(*pfn);
    note_use(state(file), index);
    return *pfn;
  }
  ++statistics_.misses;
  if (begins_beyond_end(file, index)) {
    parts_.cpu.zero_frame(*pfn);
    ++parts_.zeroed.pages;
    return *pfn;
  }
  frame.fresh = true;
  frame.reading = true;
  start_read({*pfn});
  note_use(state(file), index);
  return parts_.waits.queue(*pfn);
}

std::optional<Pfn> PageCache::add_frame(FileBacking& file, uint64_t index) {
  const std::optional<Pfn> pfn = parts_.frames.allocate(FrameKind::file, Urgency::user);
  if (!pfn) return std::nullopt;
  Frame& frame = parts_.frames[*pfn];
  frame.file = &file;
  frame.index = index;
  file.cached_pages[index] = *pfn;
  state(file);
  return pfn;
}

// Sequential use: page i after page i-1 starts to read those that follow, when
// half of what was read ahead is used up.
void PageCache::note_use(FileState& state, uint64_t index) {
  const uint64_t window = parts_.config.vm.readahead;
  const bool sequential = index != 0 && index == state.next_index;
  const bool again = index + 1 == state.next_index;
  if (!again) state.next_index = index + 1;
  if (window == 0 || !sequential) {
    if (!again) state.ahead_end = index + 1;
    return;
  }
  if (state.ahead_end > index + 1 + window / 2) return;
  std::vector<Pfn> frames;
  FileBacking& file = *state.file;
  const uint64_t end = index + 1 + window;
  for (uint64_t i = std::max(state.ahead_end, index + 1); i < end; ++i) {
    if (begins_beyond_end(file, i)) break;
    state.ahead_end = i + 1;
    if (file.cached_pages.contains(i)) continue;
    if (parts_.frames.free_frames() <= parts_.frames.thresholds().desfree) break;
    const std::optional<Pfn> pfn = add_frame(file, i);
    if (!pfn) break;
    parts_.frames[*pfn].reading = true;
    frames.push_back(*pfn);
  }
  statistics_.readahead += frames.size();
  if (!frames.empty()) start_read(std::move(frames));
}

bool PageCache::read_ahead(FileBacking& file, uint64_t index) {
  if (begins_beyond_end(file, index) || file.cached_pages.contains(index)) return true;
  if (parts_.frames.free_frames() <= parts_.frames.thresholds().lotsfree) return false;
  const std::optional<Pfn> pfn = add_frame(file, index);
  if (!pfn) return false;
  parts_.frames[*pfn].reading = true;
  ++statistics_.readahead;
  start_read({*pfn});
  return true;
}

// Frames of one file in order of index; consecutive places on the disk go in
// one request.
void PageCache::start_read(std::vector<Pfn> frames) {
  const uint64_t sectors = page_.bytes() / 512;
  for (size_t begin = 0; begin < frames.size();) {
    const auto sector_of = [&](size_t i) {
      const Frame& frame = parts_.frames[frames[i]];
      return frame.file->sector(frame.index);
    };
    const uint64_t first = sector_of(begin);
    size_t end = begin + 1;
    while (end < frames.size() && sector_of(end) == first + (end - begin) * sectors) ++end;
    std::vector<Pfn> run(frames.begin() + static_cast<ptrdiff_t>(begin), frames.begin() + static_cast<ptrdiff_t>(end));
    begin = end;
    ++in_flight_;
    parts_.cpu.charge(Cycles(parts_.config.costs.disk_submit));
    parts_.disk.submit(
        {.sector = first, .frames = run, .write = false, .done = [this, run](bool ok) { end_read(run, ok); }});
  }
}

void PageCache::end_read(const std::vector<Pfn>& frames, bool ok) {
  --in_flight_;
  for (const Pfn pfn : frames) {
    Frame& frame = parts_.frames[pfn];
    frame.reading = false;
    if (frame.file == nullptr) {  // forgotten meanwhile
      if (frame.pins == 0) parts_.frames.free(pfn);
    } else if (!ok) {
      frame.failed = true;
    } else {
      zero_tail(*frame.file, frame.index, pfn);
    }
    parts_.waits.wake(pfn);
  }
}

// Beyond the file's end a page holds zeros, whatever the disk says.
void PageCache::zero_tail(FileBacking& file, uint64_t index, Pfn pfn) {
  const uint64_t begin = index << page_.shift;
  const uint64_t used = file.size() > begin ? file.size() - begin : 0;
  if (used >= page_.bytes()) return;
  const PhysAddr from = page_.address(pfn) + used;
  std::memset(parts_.cpu.memory().at(from), 0, page_.bytes() - used);
  parts_.cpu.touch(from, page_.bytes() - used, true);
}

void PageCache::pin(Pfn pfn) {
  ++parts_.frames[pfn].pins;
  parts_.frames.count_use();
}

void PageCache::unpin(Pfn pfn) {
  Frame& frame = parts_.frames[pfn];
  if (--frame.pins == 0 && frame.file == nullptr && !frame.under_io()) parts_.frames.free(pfn);
}

// --- dirty pages -----------------------------------------------------------------

void PageCache::mark_dirty(Pfn pfn) {
  Frame& frame = parts_.frames[pfn];
  if (frame.dirty || frame.file == nullptr) return;
  frame.dirty = true;
  dirty_list_.push_back(pfn);
  ++dirty_;
  frame.file->page_changed(frame.index);
  if (dirtied_) dirtied_();
}

uint64_t PageCache::write(std::vector<Pfn> frames, uint64_t max_batch) {
  std::erase_if(frames, [&](Pfn pfn) { return !parts_.frames[pfn].dirty || parts_.frames[pfn].writing; });
  const uint64_t pages = frames.size();
  // By place on the disk, so that neighbours go together.
  std::vector<std::pair<uint64_t, Pfn>> places;
  for (const Pfn pfn : frames) places.emplace_back(parts_.frames[pfn].file->sector(parts_.frames[pfn].index), pfn);
  std::sort(places.begin(), places.end());
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
  statistics_.written_back += frames.size();
  ++in_flight_;
  ++write_requests_;
  parts_.cpu.charge(Cycles(parts_.config.costs.disk_submit));
  parts_.disk.submit(
      {.sector = sector, .frames = frames, .write = true, .done = [this, frames](bool ok) { end_write(frames, ok); }});
}

void PageCache::end_write(const std::vector<Pfn>& frames, bool ok) {
  --in_flight_;
  for (const Pfn pfn : frames) {
    Frame& frame = parts_.frames[pfn];
    frame.writing = false;
    if (frame.file == nullptr) {  // forgotten meanwhile
      if (frame.pins == 0) parts_.frames.free(pfn);
    } else {
      FileState& file = state(*frame.file);
      // As on Linux a page that the disk refused counts as clean: the next
      // flush says EIO, and memory cannot fill up with such pages.
      if (!ok) file.write_failed = true;
      if (--file.writing == 0) file.writes_done->wake_all();
    }
    parts_.waits.wake(pfn);
    if (written_) written_(pfn);
  }
}

uint64_t PageCache::write_oldest(uint64_t max_pages, uint64_t max_batch) {
  std::vector<Pfn> frames;
  for (uint64_t at = dirty_list_.front(); at != Frame::kNone && frames.size() < max_pages;
       at = parts_.frames[Pfn(at)].next) {
    frames.push_back(Pfn(at));
  }
  return write(std::move(frames), max_batch);
}

Reply<> PageCache::flush(FileBacking& file) {
  // A file that was never cached (one of /proc) must leave no trace here.
  if (!file_order_.contains(&file)) return Unit{};
  FileState& here = state(file);
  std::vector<Pfn> frames;
  for (const auto& [index, pfn] : sorted_pages(file, 0)) frames.push_back(pfn);
  write(std::move(frames), parts_.config.vm.batch);
  if (here.writing != 0) return *here.writes_done;
  if (std::exchange(here.write_failed, false)) return Errno{EIO};
  return Unit{};
}

std::vector<std::pair<uint64_t, Pfn>> PageCache::sorted_pages(const FileBacking& file, uint64_t first) const {
  std::vector<std::pair<uint64_t, Pfn>> pages;
  for (const auto& [index, pfn] : file.cached_pages) {
    if (index >= first) pages.emplace_back(index, pfn);
  }
  std::sort(pages.begin(), pages.end());
  return pages;
}

// --- pages that go away -------------------------------------------------------------

// Takes a page that is not under I/O out of the cache and out of every mapping.
void PageCache::remove(Pfn pfn) {
  parts_.tables.unmap_everywhere(pfn);
  Frame& frame = parts_.frames[pfn];
  if (frame.dirty) {
    dirty_list_.remove(pfn);
    --dirty_;
    frame.dirty = false;
  }
  frame.file->cached_pages.erase(frame.index);
  frame.file = nullptr;
  if (frame.pins == 0 && !frame.under_io()) parts_.frames.free(pfn);
}

Reply<> PageCache::truncate(FileBacking& file, uint64_t new_size) {
  const uint64_t first_gone = page_.pages(new_size);
  const auto pages = sorted_pages(file, first_gone);
  for (const auto& [index, pfn] : pages) {
    if (parts_.frames[pfn].under_io()) return parts_.waits.queue(pfn);
  }
  for (const auto& [index, pfn] : pages) remove(pfn);
  const auto last = page_.aligned(new_size) ? file.cached_pages.end() : file.cached_pages.find(first_gone - 1);
  if (last != file.cached_pages.end()) {
    const Pfn pfn = last->second;
    if (parts_.frames[pfn].reading) return parts_.waits.queue(pfn);
    const uint64_t used = new_size & page_.mask();
    zero_part(pfn, used, page_.bytes() - used);
  }
  if (truncated_) truncated_(file, new_size);
  return Unit{};
}

Reply<> PageCache::punch(FileBacking& file, uint64_t first, uint64_t end) {
  auto pages = sorted_pages(file, first);
  std::erase_if(pages, [end](const auto& page) { return page.first >= end; });
  for (const auto& [index, pfn] : pages) {
    if (parts_.frames[pfn].under_io()) return parts_.waits.queue(pfn);
  }
  for (const auto& [index, pfn] : pages) remove(pfn);
  return Unit{};
}

void PageCache::zero_part(Pfn pfn, uint64_t offset, uint64_t bytes) {
  const PhysAddr from = page_.address(pfn) + offset;
  std::memset(parts_.cpu.memory().at(from), 0, bytes);
  parts_.cpu.touch(from, bytes, true);
}

void PageCache::forget(FileBacking& file) {
  const auto found = file_order_.find(&file);
  if (found == file_order_.end()) return;
  for (const auto& [index, pfn] : sorted_pages(file, 0)) remove(pfn);
  files_[found->second].writes_done->wake_all();
  files_.erase(found->second);
  file_order_.erase(found);
}

void PageCache::identity_lost(Pfn pfn) {
  Frame& frame = parts_.frames[pfn];
  frame.file->cached_pages.erase(frame.index);
  frame.file = nullptr;
}

void PageCache::for_each_dirty(
    const std::function<void(FileBacking&, uint64_t, std::span<const uint8_t>)>& visit) const {
  const hw::BackingStore& memory = parts_.cpu.memory();
  for (const auto& [order, state] : files_) {
    for (const auto& [index, pfn] : sorted_pages(*state.file, 0)) {
      // A page on its way to the disk may not have got there.
      const Frame& frame = parts_.frames[pfn];
      if (frame.dirty || frame.writing) visit(*state.file, index, {memory.at(page_.address(pfn)), page_.bytes()});
    }
  }
}

PageCacheStatistics PageCache::statistics() const {
  PageCacheStatistics result = statistics_;
  result.dirty = dirty_;
  return result;
}

std::optional<std::string> PageCache::check_invariants() const {
  if (dirty_ != dirty_list_.size()) return "dirty pages of files do not add up";
  uint64_t cached = 0;
  for (const auto& [order, state] : files_) {
    for (const auto& [index, pfn] : state.file->cached_pages) {
      const Frame& frame = parts_.frames[pfn];
      if (frame.kind != FrameKind::file || frame.file != state.file || frame.index != index) {
        return fmt::format("page {} of file {} is not in its frame", index, state.file->name());
      }
      ++cached;
    }
  }
  uint64_t owned = 0;
  for (const Frame& frame : parts_.frames.table()) owned += frame.kind == FrameKind::file && frame.file != nullptr;
  if (owned != cached) return "frames of files do not add up";
  return std::nullopt;
}

}  // namespace faultline::os
