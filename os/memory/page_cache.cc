#include "os/memory/page_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "os/config.h"
#include "os/cpu.h"
#include "os/memory/frame_waits.h"
#include "os/memory/page_table.h"

namespace faultline::os {

PageCache::PageCache(Parts parts)
    : parts_(parts), page_(parts.tables.page()), dirty_list_(parts.frames.table()), room_to_dirty_(parts.executor) {}

PageCache::FileState& PageCache::state(FileBacking& file) {
  const auto [place, is_new] = file_order_.try_emplace(&file, next_order_);
  FileState& state = files_[place->second];
  if (is_new) {
    ++next_order_;
    state.file = &file;
    state.writes_done = std::make_unique<WaitQueue>(parts_.executor);
    state.write_errors = file.write_errors.mark();
  }
  return state;
}

bool PageCache::begins_beyond_end(const FileBacking& file, uint64_t index) const {
  return index >= page_.pages(file.size());
}

std::vector<std::pair<uint64_t, Pfn>> PageCache::sorted_pages(const FileBacking& file, uint64_t first) const {
  std::vector<std::pair<uint64_t, Pfn>> pages;
  for (const auto& [index, pfn] : file.cached_pages) {
    if (index >= first) pages.emplace_back(index, pfn);
  }
  std::sort(pages.begin(), pages.end());
  return pages;
}

void PageCache::pin(Pfn pfn) {
  ++parts_.frames[pfn].pins;
  parts_.frames.count_use();
}

void PageCache::unpin(Pfn pfn) {
  Frame& frame = parts_.frames[pfn];
  if (--frame.pins == 0 && frame.file == nullptr && !frame.under_io()) parts_.frames.free(pfn);
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
  parts_.cpu.memory().zero(from, bytes);
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
  parts_.frames.table().for_each_touched(
      [&owned](uint64_t, const Frame& frame) { owned += frame.kind == FrameKind::file && frame.file != nullptr; });
  if (owned != cached) return "frames of files do not add up";
  return std::nullopt;
}

}  // namespace faultline::os
