// Free frames as runs of powers of two, each aligned to its length (Knuth, The
// Art of Computer Programming volume 1, section 2.5, "the buddy system"). Two
// free halves of a run are always one run: what order the frames come back in
// does not matter, and equal sets of free frames are equal maps.
//
// One frame is taken from the lowest of the shortest runs, so that long runs
// stay whole. All operations take a number of steps that grows with the
// logarithm of the number of frames.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "os/memory/free_map.h"

namespace faultline::os {

class BuddyMap {
 public:
  // Frames 0..frames-1, none free.
  explicit BuddyMap(uint64_t frames);

  // The frame becomes free; it was not.
  void insert(uint64_t frame);
  // The same for frames begin..end-1 of an empty map.
  void insert_all(uint64_t begin, uint64_t end);
  // The free frame is so no longer; what is left of its run stays free.
  void erase(uint64_t frame);
  bool contains(uint64_t frame) const { return run_of(frame).has_value(); }
  uint64_t count() const { return count_; }

  // The lowest of the shortest runs that hold 2^order frames; its first frame.
  std::optional<uint64_t> find(unsigned order) const;
  // Takes what find(0) would answer.
  std::optional<uint64_t> take_lowest();
  // Takes 2^order frames from `first` on, all of them free and in one run.
  void take(uint64_t first, unsigned order);

  // Runs of exactly 2^order frames, for order 0 to orders() - 1.
  uint64_t runs(unsigned order) const { return free_[order].count(); }
  unsigned orders() const { return static_cast<unsigned>(free_.size()); }

 private:
  struct Run {
    uint64_t first = 0;
    unsigned order = 0;
  };
  std::optional<Run> run_of(uint64_t frame) const;
  void add(uint64_t first, unsigned order);
  void remove(uint64_t first, unsigned order);
  void split(Run run, uint64_t first, unsigned order);

  std::vector<FreeMap> free_;  // by order: first frame >> order
  uint64_t present_ = 0;       // bit o: there are runs of order o
  uint64_t count_ = 0;         // frames
};

}  // namespace faultline::os
