// The swap area: page-sized slots at the beginning of the disk.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hw/base/types.h"
#include "os/memory/free_map.h"
#include "os/memory/statistics.h"

namespace faultline::os {

class FrameAllocator;
struct Anon;

class SwapArea {
 public:
  // `bytes` is rounded down to pages, and to what the disk has.
  SwapArea(PageSize page, uint64_t bytes, uint64_t disk_sectors, FrameAllocator& frames);

  struct Run {
    uint64_t first = 0;
    uint64_t count = 0;
  };
  // At most `most` consecutive slots, next after those given out last, so that
  // pages that go out together lie together. When none is free, copies of
  // pages that are in memory too are given up. Nothing: swap is full.
  std::optional<Run> allocate(uint64_t most);
  // True when `slots` are free, or can be made so.
  bool room(uint64_t slots);
  // A page with a slot has come into memory, or stayed there: its slot may be
  // given up when swap is short.
  void note_copy() { copies_ = true; }
  // `anon` keeps its page in the slot from here on.
  void assign(uint64_t slot, Anon& anon);
  void release(uint64_t slot);
  // Gives up a slot that the disk cannot write.
  void retire(uint64_t slot);

  uint64_t sector(uint64_t slot) const { return slot * sectors_per_page_; }
  uint64_t sectors() const { return slots_ * sectors_per_page_; }
  uint64_t slots() const { return slots_; }
  Anon* owner(uint64_t slot) const { return owners_[slot]; }

  void count_in() { ++statistics_.ins; }
  // A read of one page that was wanted, and of so many beside it.
  void count_read(uint64_t beside) {
    ++statistics_.requests_in;
    statistics_.readaround += beside;
  }
  void count_readaround_hit() { ++statistics_.readaround_hits; }
  void count_write() { ++statistics_.requests_out; }
  void count_read_error() { ++statistics_.read_errors; }
  void count_write_error() { ++statistics_.write_errors; }
  void count_out(uint64_t pages) { statistics_.outs += pages; }
  SwapStatistics statistics() const { return statistics_; }

  std::optional<std::string> check_invariants() const;

 private:
  bool reclaim_copies();

  uint64_t slots_;
  uint64_t sectors_per_page_;
  FrameAllocator& frames_;
  FreeMap free_;
  std::vector<Anon*> owners_;  // by slot; null: free, bad, or being written
  uint64_t cursor_ = 0;        // where the next run is looked for
  uint64_t reclaim_cursor_ = 0;
  bool copies_ = false;  // there may be a slot to give up
  SwapStatistics statistics_;
};

}  // namespace faultline::os
