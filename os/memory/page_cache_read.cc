// Pages of files on their way in: on demand, and ahead of it.
#include <algorithm>
#include <utility>

#include "os/config.h"
#include "os/cpu.h"
#include "os/memory/frame_waits.h"
#include "os/memory/page_cache.h"
#include "os/memory/page_table.h"

namespace faultline::os {

namespace {
constexpr uint64_t kLongestRead = 512;  // pages of one request, so that others get their turn
}

Reply<Pfn> PageCache::page(FileBacking& file, uint64_t index, Fill fill, FileUse* use, ReadAdvice advice) {
  const Reader reader{use ? use->ahead : state(file).ahead, use && advice == ReadAdvice::normal ? use->advice : advice};
  const auto found = file.cached_pages.find(index);
  return found == file.cached_pages.end() ? absent_page(file, index, fill, reader)
                                          : present_page(file, found->second, fill, reader);
}

std::optional<Pfn> PageCache::find(const FileBacking& file, uint64_t index) const {
  const auto found = file.cached_pages.find(index);
  if (found == file.cached_pages.end()) return std::nullopt;
  const Frame& frame = parts_.frames[found->second];
  if (frame.reading || frame.failed) return std::nullopt;
  return found->second;
}

Reply<Pfn> PageCache::wait_for(Pfn pfn) {
  ++statistics_.waits;
  return parts_.waits.queue(pfn);
}

Reply<Pfn> PageCache::present_page(FileBacking& file, Pfn pfn, Fill fill, const Reader& reader) {
  Frame& frame = parts_.frames[pfn];
  if (frame.reading) return wait_for(pfn);
  if (frame.failed) {
    // The next one who asks tries again; and so does whoever asks for a page
    // that failed on its way through the free list.
    const uint64_t index = frame.index;
    const bool asked_for = frame.fresh;
    remove(pfn);
    return asked_for ? Reply<Pfn>(Errno{EIO}) : absent_page(file, index, fill, reader);
  }
  if (frame.listed) parts_.frames.take_back(pfn);
  frame.used = true;
  // The look that started the read has been counted as a miss.
  if (!frame.fresh) ++statistics_.hits;
  if (frame.ahead) ++statistics_.readahead_hits;
  frame.fresh = frame.ahead = false;
  if (fill == Fill::read) note_use(file, frame.index, reader);
  return pfn;
}

Reply<Pfn> PageCache::absent_page(FileBacking& file, uint64_t index, Fill fill, const Reader& reader) {
  const std::optional<Pfn> pfn = add_frame(file, index);
  if (!pfn) return parts_.frames.available();
  Frame& frame = parts_.frames[*pfn];
  frame.used = true;
  if (fill == Fill::overwrite) {
    // The caller may yet fail half-way, and must not show what was there
    // before. Real hardware pays for the caller's bytes only.
    parts_.cpu.memory().zero(page_.address(*pfn), page_.bytes());
    parts_.cpu.memory().wrote_frame(*pfn);
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
  note_use(file, index, reader);
  return wait_for(*pfn);
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

// --- ahead of demand ----------------------------------------------------------

void PageCache::note_use(FileBacking& file, uint64_t index, const Reader& reader) {
  const ReadAhead::Pages pages = reader.ahead.use(index, parts_.config.vm.readahead, reader.advice);
  if (pages.count == 0) return;
  const uint64_t end = read_ahead(file, pages.first, pages.count);
  if (end != pages.first + pages.count) reader.ahead.stopped_before(end);
}

uint64_t PageCache::read_ahead(FileBacking& file, uint64_t first, uint64_t count) {
  std::vector<Pfn> frames;
  uint64_t index = first;
  for (; index - first < count && !begins_beyond_end(file, index); ++index) {
    if (file.cached_pages.contains(index)) continue;
    const bool room = parts_.frames.free_frames() > parts_.frames.thresholds().desfree;
    const std::optional<Pfn> pfn = room ? add_frame(file, index) : std::nullopt;
    if (!pfn) {
      ++index;  // the page is not worth another try
      break;
    }
    parts_.frames[*pfn].reading = true;
    parts_.frames[*pfn].ahead = true;
    frames.push_back(*pfn);
  }
  statistics_.readahead += frames.size();
  statistics_.readahead_requests += start_read(std::move(frames));
  return index;
}

// --- the transfers --------------------------------------------------------------

// Frames of one file in order of index; consecutive places on the disk go in
// one request. Answers how many there were.
uint64_t PageCache::start_read(std::vector<Pfn> frames) {
  const uint64_t sectors = page_.bytes() / 512;
  uint64_t requests = 0;
  for (size_t begin = 0; begin < frames.size();) {
    const auto sector_of = [&](size_t i) {
      const Frame& frame = parts_.frames[frames[i]];
      return frame.file->sector(frame.index);
    };
    const uint64_t first = sector_of(begin);
    size_t end = begin + 1;
    while (end < frames.size() && end - begin < kLongestRead && sector_of(end) == first + (end - begin) * sectors)
      ++end;
    std::vector<Pfn> run(frames.begin() + static_cast<ptrdiff_t>(begin), frames.begin() + static_cast<ptrdiff_t>(end));
    begin = end;
    ++in_flight_;
    ++requests;
    parts_.cpu.charge(Cycles(parts_.config.costs.disk_submit));
    parts_.disk.submit(
        {.sector = first, .frames = run, .write = false, .done = [this, run](const hw::TransferOutcome& outcome) {
           end_read(run, outcome);
         }});
  }
  return requests;
}

void PageCache::end_read(const std::vector<Pfn>& frames, const hw::TransferOutcome& outcome) {
  --in_flight_;
  for (size_t i = 0; i < frames.size(); ++i) {
    const Pfn pfn = frames[i];
    Frame& frame = parts_.frames[pfn];
    frame.reading = false;
    if (!outcome.ok(i)) ++statistics_.read_errors;
    if (frame.file == nullptr) {  // forgotten meanwhile
      if (frame.pins == 0) parts_.frames.free(pfn);
    } else if (outcome.ok(i)) {
      zero_tail(*frame.file, frame.index, pfn);
    } else if (frame.fresh) {
      frame.failed = true;  // whoever asked for it is told
    } else {
      remove(pfn);  // nobody asked for it, or will ask again
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
  parts_.cpu.memory().zero(from, page_.bytes() - used);
  parts_.cpu.touch(from, page_.bytes() - used, true);
}

void PageCache::forget_unused(FileBacking& file, uint64_t first, uint64_t end) {
  for (const auto& [index, pfn] : sorted_pages(file, first)) {
    const Frame& frame = parts_.frames[pfn];
    const bool busy = frame.under_io() || frame.dirty || frame.pins != 0 || frame.mappings != 0;
    if (index < end && !busy) remove(pfn);
  }
}

}  // namespace faultline::os
