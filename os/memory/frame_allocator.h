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
#include "os/memory/free_map.h"
#include "os/memory/statistics.h"
#include "os/process/wait_queue.h"
#include "os/reclaim/marks.h"

namespace faultline::os {

class Cpu;
class FileBacking;
struct Anon;
struct OsCosts;

enum class FrameKind : uint8_t { free, anonymous, file, kernel, page_table };
inline constexpr size_t kFrameKinds = 5;

struct Frame {
  static constexpr uint64_t kNone = ~uint64_t{0};

  FrameKind kind = FrameKind::free;  // on the free list: whose page it still holds
  bool listed = false;               // on the free list, with a page that may be taken back
  bool reading = false;              // the disk is writing into it: its bytes are not there yet
  bool writing = false;              // the disk is reading it
  bool dirty = false;                // newer than its place on disk, modified bits of tables apart
  bool fresh = false;                // read on demand and not yet used
  bool used = false;                 // referenced other than through a table, since last cleared
  bool failed = false;               // the read failed
  bool ahead = false;                // read ahead or around, and not yet asked for
  uint32_t pins = 0;                 // somebody copies, or it is MAP_HUGETLB's: page-out leaves it alone
  Anon* anon = nullptr;              // kind anonymous; null while an orphan under I/O
  FileBacking* file = nullptr;       // kind file; null while an orphan under I/O
  uint64_t index = 0;                // page of the file
  uint64_t dirtied = 0;              // kind file, dirty: since this cycle
  uint64_t first_mapping = kNone;    // head of the reverse map's chain
  uint32_t mappings = 0;             // its length
  uint64_t next = kNone;             // in one FrameList
  uint64_t prev = kNone;

  bool under_io() const { return reading || writing; }
};

// A doubly linked list through the frames; a frame is in at most one.
class FrameList {
 public:
  explicit FrameList(std::vector<Frame>& frames) : frames_(frames) {}
  void push_back(Pfn pfn);
  void remove(Pfn pfn);
  uint64_t front() const { return head_; }
  uint64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  std::vector<Frame>& frames_;
  uint64_t head_ = Frame::kNone;
  uint64_t tail_ = Frame::kNone;
  uint64_t size_ = 0;
};

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
  std::vector<Frame>& table() { return frames_; }
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
  void drop_page(Pfn pfn);
  void release(Pfn pfn);
  void count_as(Pfn pfn, FrameKind from, FrameKind to);
  void count_in_runs(Pfn pfn, bool free);
  void tell_page_moved(Pfn pfn, FrameKind kind, bool came);
  uint64_t run_ending_below(uint64_t end, uint64_t count) const;

  // The aligned runs of one large page's length, by number: how many frames of
  // each are free, with or without a page, and which are free as a whole.
  struct LargeRuns {
    LargeRuns(unsigned log2_frames, uint64_t frames)
        : order(log2_frames), free((frames >> log2_frames) + 1), whole((frames >> log2_frames) + 1) {}
    unsigned order;
    std::vector<uint32_t> free;
    FreeMap whole;
  };
  std::optional<std::string> check_runs() const;

  Cpu& cpu_;
  const OsCosts& costs_;
  std::vector<Frame> frames_;
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
