// The page cache: frames that hold pages of files, one copy whoever uses it.
//
// No function here sleeps; one that would answers must_sleep and is called
// again after the sleep.
//
// A page may be read and written while it is being written to disk; a page
// being read may not be used. A shared mapping is writable in the page table
// only while its page is dirty, so that the first store after a write-back is
// noticed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "hw/base/types.h"
#include "hw/devices/disk_request.h"
#include "os/memory/file_backing.h"
#include "os/memory/file_use.h"
#include "os/memory/frame_allocator.h"
#include "os/memory/statistics.h"
#include "os/process/wait_queue.h"
#include "os/result.h"

namespace faultline::os {

class BlockDevice;
class Cpu;
class FrameWaits;
class PageTables;
struct OsConfig;

enum class Fill : uint8_t {
  read,       // the page's bytes are needed
  overwrite,  // the caller writes the whole page: nothing is read
};

class PageCache {
 public:
  struct Parts {
    Cpu& cpu;
    BlockDevice& disk;
    Executor& executor;
    FrameAllocator& frames;
    PageTables& tables;
    FrameWaits& waits;
    const OsConfig& config;
    CopyStatistics& copies;
    ZeroStatistics& zeroed;
  };
  explicit PageCache(Parts parts);

  // The frame of a page of the file, read from disk when absent. Bytes beyond
  // the file's end are zero; a page that begins at or beyond size() is made of
  // zeros without a read. Sequential use starts read-ahead, which nobody waits
  // for; `use` tells one reader of the file from another, and `advice`, unless
  // normal, goes before its own. EIO when the disk failed. The frame stays while
  // it is pinned, or until the caller sleeps.
  Reply<Pfn> page(FileBacking& file, uint64_t index, Fill fill, FileUse* use = nullptr,
                  ReadAdvice advice = ReadAdvice::normal);
  // The frame of a page whose bytes are there, be it on the free list; it stays
  // as it is and counts as nothing.
  std::optional<Pfn> find(const FileBacking& file, uint64_t index) const;
  void pin(Pfn frame);
  void unpin(Pfn frame);
  // Somebody changed the page: write-behind and flush() see it.
  void mark_dirty(Pfn frame);
  // Begins to read pages that nobody waits for, as far as the file and free
  // memory go. Answers behind which page it ended.
  uint64_t read_ahead(FileBacking& file, uint64_t first, uint64_t count);
  // Drops pages from `first` to below `end` that are clean and that nobody maps
  // (POSIX_FADV_DONTNEED).
  void forget_unused(FileBacking& file, uint64_t first, uint64_t end);
  // Where to sleep before another page is made dirty; null: go on.
  WaitQueue* too_dirty();

  // Takes pages at and beyond `new_size` away from the cache and from every
  // mapping, and zeroes the rest of the last page. Call after size() changed.
  // Sleeps while one of them is under I/O.
  Reply<> truncate(FileBacking& file, uint64_t new_size);
  // Takes the pages [first, end) away from the cache and from every mapping,
  // unwritten; copies that private mappings made stay. Sleeps as truncate does.
  Reply<> punch(FileBacking& file, uint64_t first, uint64_t end);
  // Zeroes bytes of a page that is pinned, or held until the caller sleeps.
  void zero_part(Pfn frame, uint64_t offset, uint64_t bytes);
  // Called at the end of truncate, for the copies that private mappings made.
  void on_truncated(std::function<void(const FileBacking&, uint64_t size)> listener) {
    truncated_ = std::move(listener);
  }
  // Starts to write every dirty page of the file and answers must_sleep until
  // all are on disk.
  Reply<> write_out(FileBacking& file);
  // The same, and EIO when a write of the file failed since `use` was last told.
  Reply<> flush(FileBacking& file, FileUse* use = nullptr);
  // The two halves of it, for pages from `first` to below `end`.
  void start_write(FileBacking& file, uint64_t first, uint64_t end);
  Reply<> wait_written(FileBacking& file, uint64_t first, uint64_t end);
  // Of all files.
  WriteErrors& write_errors() { return write_errors_; }
  // Gives all frames of a file back, unwritten. Must be called before a file
  // object goes away; it must not be mapped any more.
  void forget(FileBacking& file);
  // Without simulated time, at the end of the run: the bytes of dirty pages,
  // for the caller to write where they belong; file by file in the order in
  // which they were first cached, pages in order.
  void for_each_dirty(const std::function<void(FileBacking&, uint64_t index, std::span<const uint8_t>)>& visit) const;

  // --- for the page-out and write-behind daemons -------------------------------
  uint64_t dirty_pages() const { return dirty_; }
  // Writes dirty frames, consecutive pages of a file in one request. Frames
  // that are clean or being written already are left out. Returns the pages
  // that went out.
  uint64_t write(std::vector<Pfn> frames, uint64_t max_batch);
  // The same for all dirty pages of all files, at most `max_pages`.
  uint64_t write_oldest(uint64_t max_pages, uint64_t max_batch);
  // The same for those that became dirty at `since` or before.
  uint64_t write_expired(Cycles since, uint64_t max_batch);
  // When the oldest dirty page became so; nothing: there is none.
  std::optional<Cycles> dirty_since() const;
  // Dirty pages at which write-behind begins, and at which writers wait for it.
  uint64_t dirty_background() const;
  uint64_t dirty_limit() const;
  // Called with a frame whose write ended.
  void on_written(std::function<void(Pfn)> listener) { written_ = std::move(listener); }
  // Called when a page becomes dirty.
  void on_dirtied(std::function<void()> listener) { dirtied_ = std::move(listener); }
  // Called when no page is on its way to the disk any more.
  void on_drained(std::function<void()> listener) { drained_ = std::move(listener); }
  bool drained() const { return writing_ == 0; }
  // Called when somebody is about to wait for room to dirty pages.
  void on_crowded(std::function<void()> listener) { crowded_ = std::move(listener); }
  // The frame is about to hold something else.
  void identity_lost(Pfn frame);
  void count_writebehind(uint64_t pages) { statistics_.writebehind += pages; }

  PageCacheStatistics statistics() const;
  uint64_t requests_in_flight() const { return in_flight_; }
  uint64_t write_requests() const { return write_requests_; }  // made so far
  std::optional<std::string> check_invariants() const;

 private:
  struct FileState {
    FileBacking* file = nullptr;
    std::unique_ptr<WaitQueue> writes_done;
    uint64_t writing = 0;  // pages on their way to the disk
    // Of whoever has no open file description.
    ReadAhead ahead;
    WriteErrors::Mark write_errors = 0;
  };
  struct Reader {
    ReadAhead& ahead;
    ReadAdvice advice;
  };

  FileState& state(FileBacking& file);
  Reply<Pfn> absent_page(FileBacking& file, uint64_t index, Fill fill, const Reader& reader);
  Reply<Pfn> present_page(FileBacking& file, Pfn pfn, Fill fill, const Reader& reader);
  Reply<Pfn> wait_for(Pfn pfn);
  std::optional<Pfn> add_frame(FileBacking& file, uint64_t index);
  uint64_t start_read(std::vector<Pfn> frames);
  void end_read(const std::vector<Pfn>& frames, const hw::TransferOutcome& outcome);
  void end_write(const std::vector<Pfn>& frames, const hw::TransferOutcome& outcome);
  void submit_write(std::vector<Pfn> frames);
  void note_use(FileBacking& file, uint64_t index, const Reader& reader);
  void zero_tail(FileBacking& file, uint64_t index, Pfn pfn);
  void remove(Pfn pfn);
  bool begins_beyond_end(const FileBacking& file, uint64_t index) const;
  std::vector<std::pair<uint64_t, Pfn>> sorted_pages(const FileBacking& file, uint64_t first) const;

  Parts parts_;
  PageSize page_;
  // Files by the order of first use, so that nothing depends on addresses.
  std::map<uint64_t, FileState> files_;
  std::unordered_map<const FileBacking*, uint64_t> file_order_;  // looked up only
  uint64_t next_order_ = 0;
  FrameList dirty_list_;  // oldest first
  uint64_t dirty_ = 0;
  uint64_t writing_ = 0;  // pages on their way to the disk
  WaitQueue room_to_dirty_;
  WriteErrors write_errors_;
  uint64_t in_flight_ = 0;
  uint64_t write_requests_ = 0;
  std::function<void(Pfn)> written_;
  std::function<void()> dirtied_;
  std::function<void()> crowded_;
  std::function<void()> drained_;
  std::function<void(const FileBacking&, uint64_t)> truncated_;
  PageCacheStatistics statistics_;
};

}  // namespace faultline::os
