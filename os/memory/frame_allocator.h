// Who owns each frame of physical memory, and which are free.
//
// A frame on the free list may keep the page that it held, so that a touch
// takes it back without I/O (second chance). Frames without such a page are
// given out first, from the lowest of their shortest runs (BuddyMap); then those
// with one, oldest first. Frames that keep a page are in no run of the buddy
// map: they stand beside it, and lose their page when the aligned run around
// them is wanted as a whole and nothing else is in it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hw/base/types.h"
#include "os/memory/buddy_map.h"
#include "os/memory/frame_table.h"
#include "os/memory/free_map.h"
#include "os/memory/statistics.h"
#include "os/process/wait_queue.h"
#include "os/reclaim/marks.h"

namespace faultline::os {

class Cpu;
struct OsCosts;

// How far below minfree an allocation may go.
enum class Urgency : uint8_t {
  user,   // waits when fewer than minfree frames are free
  table,  // page tables: down to the reserve
  dying,  // whoever must finish so that memory comes back: to the last frame
};

class FrameAllocator {
 public:
  // All frames begin free but the first `kernel_frames`. `large_orders`: log2 of
  // the frames in each large page that there may be, ascending.
  FrameAllocator(Cpu& cpu, Executor& executor, const OsCosts& costs, uint64_t frames, uint64_t kernel_frames,
                 const Thresholds& thresholds, const std::vector<unsigned>& large_orders = {});

  // Nothing: sleep on available() and try again; page-out has been told. Not
  // `kept`, which may be on the free list.
  std::optional<Pfn> allocate(FrameKind kind, Urgency urgency, std::optional<Pfn> kept = std::nullopt);
  // What allocate() would give out, of the frames without a page.
  std::optional<Pfn> next() const;
  // `count` frames in one piece, the highest such. Nothing: there is no such piece.
  std::optional<Pfn> allocate_run(uint64_t count, FrameKind kind);
  // An aligned run for a large page, whose order is one of the constructor's.
  // Nothing: there is none, or too few frames would be left; page-out is not
  // told, base pages will do. A run without pages to lose is preferred, then the lowest.
  std::optional<Pfn> allocate_large(unsigned order, FrameKind kind, Urgency urgency);
  // Gives a frame back; whatever it held is gone. It has no mapping.
  void free(Pfn pfn);
  // Puts a frame on the free list with its page, which is clean.
  void free_with_page(Pfn pfn);
  // Takes a frame back from the free list with its page.
  void take_back(Pfn pfn);

  Frame& operator[](Pfn pfn) { return frames_[pfn.value]; }
  const Frame& operator[](Pfn pfn) const { return frames_[pfn.value]; }
  FrameTable& table() { return frames_; }
  const FrameTable& table() const { return frames_; }
  uint64_t total() const { return frames_.size(); }
  uint64_t free_frames() const { return counts_[static_cast<size_t>(FrameKind::free)]; }
  uint64_t count(FrameKind kind) const { return counts_[static_cast<size_t>(kind)]; }
  uint64_t peak(FrameKind kind) const { return peaks_[static_cast<size_t>(kind)]; }
  // The most that were not free at once.
  uint64_t peak_used() const { return total() - least_free_; }
  FragmentationStatistics fragmentation() const;
  const Thresholds& thresholds() const { return thresholds_; }
  // Frames that allocate() gave out so far: to anybody, and those for which a
  // process may have to wait until minfree are free.
  uint64_t granted() const { return granted_; }
  uint64_t served() const { return served_; }
  // The kernel used a page for a process: that is work done, as an instruction is.
  void count_use() { ++uses_; }
  uint64_t uses() const { return uses_; }

  // Where to sleep for a frame.
  WaitQueue& available() { return available_; }
  // Wakes the sleepers if they would get one.
  void wake_waiters();
  // After out-of-memory: anybody may go down to the reserve until memory is
  // back above minfree, so that whoever was killed can finish. With nobody left
  // to kill (`last`), to the last frame.
  void begin_emergency(bool last = false);
  bool somebody_waits() const { return !available_.empty(); }

  // Called when fewer than lotsfree frames are free after an allocation, or
  // one found too few (`refused`).
  void on_shortage(std::function<void(bool refused)> listener) { shortage_ = std::move(listener); }
  // Called before a frame that holds a page is used for something else.
  void on_identity_lost(std::function<void(Pfn)> listener) { identity_lost_ = std::move(listener); }

  // Called when a frame gets a page of a process or file, and when it loses it
  // or goes on the free list.
  void on_page_moved(std::function<void(Pfn, bool came)> listener) { page_moved_ = std::move(listener); }

  std::optional<std::string> check_invariants() const;

 private:
  uint64_t floor(Urgency urgency) const;
  void take(Pfn pfn, FrameKind kind);
  void give(Pfn pfn, FrameKind kind);
  void drop_page(Pfn pfn);
  void count_as(Pfn pfn, FrameKind from, FrameKind to);
  void count_in_runs(Pfn pfn, bool free);
  void tell_page_moved(Pfn pfn, FrameKind kind, bool came);
  uint64_t run_ending_below(uint64_t end, uint64_t count) const;

  // The aligned runs of one large page's length, by number: how many frames of
  // each are free, with or without a page, and which are free as a whole.
  struct LargeRuns {
    // All frames from `begin` on are free.
    LargeRuns(unsigned log2_frames, uint64_t begin, uint64_t frames);
    uint64_t length() const { return uint64_t{1} << order; }
    unsigned order;
    std::vector<uint32_t> free;
    FreeMap whole;
  };
  std::optional<std::string> check_runs() const;

  Cpu& cpu_;
  const OsCosts& costs_;
  FrameTable frames_;
  BuddyMap empty_;  // free and without a page
  std::vector<LargeRuns> large_;
  FrameList second_chance_;
  Thresholds thresholds_;
  bool emergency_ = false;
  bool last_emergency_ = false;
  uint64_t granted_ = 0;
  uint64_t served_ = 0;
  uint64_t uses_ = 0;
  std::array<uint64_t, kFrameKinds> counts_{};
  std::array<uint64_t, kFrameKinds> peaks_{};
  uint64_t least_free_ = 0;
  WaitQueue available_;
  std::function<void(bool)> shortage_;
  std::function<void(Pfn)> identity_lost_;
  std::function<void(Pfn, bool)> page_moved_;
};

}  // namespace faultline::os
