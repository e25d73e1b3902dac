#include "os/memory/frame_table.h"

#include <algorithm>

namespace faultline::os {

uint64_t FrameTable::untouched_free(uint64_t begin, uint64_t end) const {
  constexpr uint64_t kChunk = ChunkedTable<Frame>::kChunk;
  uint64_t count = 0;
  for (uint64_t at = std::max(begin, kernel_frames_); at < end;) {
    const uint64_t next = std::min(end, (at / kChunk + 1) * kChunk);
    if (frames_.find(at) == nullptr) count += next - at;
    at = next;
  }
  return count;
}

void FrameList::push_back(Pfn pfn) {
  const auto number = static_cast<uint32_t>(pfn.value);
  Frame& frame = frames_[number];
  frame.next = Frame::kNoFrame;
  frame.prev = tail_;
  (tail_ == Frame::kNoFrame ? head_ : frames_[tail_].next) = number;
  tail_ = number;
  ++size_;
}

void FrameList::remove(Pfn pfn) {
  Frame& frame = frames_[pfn.value];
  (frame.prev == Frame::kNoFrame ? head_ : frames_[frame.prev].next) = frame.next;
  (frame.next == Frame::kNoFrame ? tail_ : frames_[frame.next].prev) = frame.prev;
  frame.next = frame.prev = Frame::kNoFrame;
  --size_;
}

}  // namespace faultline::os
