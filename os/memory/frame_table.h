// What the OS layer knows of each frame of physical memory, and lists through it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "hw/base/types.h"
#include "os/memory/chunked_table.h"

namespace faultline::os {

class FileBacking;
struct Anon;

enum class FrameKind : uint8_t { free, anonymous, file, kernel, page_table };
inline constexpr size_t kFrameKinds = 5;

// One line of the host's cache.
struct alignas(64) Frame {
  static constexpr uint64_t kNone = ~uint64_t{0};
  static constexpr uint32_t kNoFrame = ~uint32_t{0};

  FrameKind kind = FrameKind::free;  // on the free list: whose page it still holds
  bool listed : 1 = false;           // on the free list, with a page that may be taken back
  bool reading : 1 = false;          // the disk is writing into it: its bytes are not there yet
  bool writing : 1 = false;          // the disk is reading it
  bool dirty : 1 = false;            // newer than its place on disk, modified bits of tables apart
  bool fresh : 1 = false;            // read on demand and not yet used
  bool used : 1 = false;             // referenced other than through a table, since last cleared
  bool failed : 1 = false;           // the read failed
  bool ahead : 1 = false;            // read ahead or around, and not yet asked for
  bool pristine : 1 = true;          // never given back: all zeros until its first owner writes
  uint32_t pins = 0;                 // somebody copies, or it is MAP_HUGETLB's: page-out leaves it alone
  Anon* anon = nullptr;              // kind anonymous; null while an orphan under I/O
  FileBacking* file = nullptr;       // kind file; null while an orphan under I/O
  uint64_t index = 0;                // page of the file
  uint64_t dirtied = 0;              // kind file, dirty: since this cycle
  uint64_t first_mapping = kNone;    // head of the reverse map's chain
  uint32_t mappings = 0;             // its length
  uint32_t next = kNoFrame;          // in one FrameList
  uint32_t prev = kNoFrame;

  bool under_io() const { return reading || writing; }
};
static_assert(sizeof(Frame) == 64);

// The first frames are the kernel's, the others free, until somebody says otherwise.
class FrameTable {
 public:
  FrameTable(uint64_t frames, uint64_t kernel_frames)
      : kernel_frames_(kernel_frames), frames_(frames, [kernel_frames](uint64_t first, std::span<Frame> made) {
          for (uint64_t i = 0; i < made.size() && first + i < kernel_frames; ++i) made[i].kind = FrameKind::kernel;
        }) {
    kernel_.kind = FrameKind::kernel;
  }

  uint64_t size() const { return frames_.size(); }
  Frame& operator[](uint64_t number) { return frames_[number]; }
  const Frame& operator[](uint64_t number) const {
    const Frame* const frame = frames_.find(number);
    return frame != nullptr ? *frame : number < kernel_frames_ ? kernel_ : free_;
  }

  // Calls visit(number, frame) for every frame that may not be as it was at
  // first, in order.
  template <class Visit>
  void for_each_touched(Visit&& visit) const {
    frames_.for_each_chunk([&](uint64_t first, std::span<const Frame> chunk) {
      for (uint64_t i = 0; i < chunk.size(); ++i) visit(first + i, chunk[i]);
    });
  }
  // How many of [begin, end) are as at first and free.
  uint64_t untouched_free(uint64_t begin, uint64_t end) const;

 private:
  uint64_t kernel_frames_;
  ChunkedTable<Frame> frames_;
  Frame kernel_;
  Frame free_;
};

// A doubly linked list through the frames; a frame is in at most one.
class FrameList {
 public:
  explicit FrameList(FrameTable& frames) : frames_(frames) {}
  void push_back(Pfn pfn);
  void remove(Pfn pfn);
  uint64_t front() const { return head_ == Frame::kNoFrame ? Frame::kNone : head_; }
  // The one behind it; Frame::kNone: it is the last.
  uint64_t after(uint64_t frame) const {
    const uint32_t next = frames_[frame].next;
    return next == Frame::kNoFrame ? Frame::kNone : next;
  }
  uint64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  FrameTable& frames_;
  uint32_t head_ = Frame::kNoFrame;
  uint32_t tail_ = Frame::kNoFrame;
  uint64_t size_ = 0;
};

}  // namespace faultline::os
