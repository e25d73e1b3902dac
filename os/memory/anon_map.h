// Anonymous pages in two layers, as NetBSD's UVM has them: an Anon is one page
// that lies in a frame, on swap or in both; an AnonMap says which Anon a place
// has. Several places may share an Anon (fork): whoever writes while it is
// shared gets a copy, the last owner writes in place.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "hw/base/types.h"

namespace faultline::os {

class FrameAllocator;
class SwapArea;

struct Anon {
  static constexpr uint64_t kNone = ~uint64_t{0};

  uint32_t references = 0;  // places that have it
  bool under_io = false;    // a transfer between its frame and its slot is under way
  bool damaged = false;     // its bytes could not be read back from swap
  uint64_t frame = kNone;   // also while the frame is on the free list
  uint64_t slot = kNone;    // holds the same bytes unless the frame is dirty

  bool in_memory() const { return frame != kNone; }
};

// Makes anons and takes them back when nobody has them any more. Their places
// are used again, the latest first: a fault asks nobody for memory.
class Anons {
 public:
  Anons(FrameAllocator& frames, SwapArea& swap) : frames_(frames), swap_(swap) {}
  Anons(const Anons&) = delete;
  Anons& operator=(const Anons&) = delete;

  // A page in `frame`, which nobody else has; one reference, no slot.
  Anon* create(Pfn frame);
  void add_reference(Anon& anon) { ++anon.references; }
  // At zero its frame and slot are given back: at once, or by end_io when a
  // transfer is under way. Its mappings are gone by then.
  void drop_reference(Anon& anon);
  // The transfer ended; false when the anon went with it.
  bool end_io(Anon& anon);
  // A run of frames that no page came into.
  void free_run(Pfn first, unsigned order);
  // The page stays with its frame alone.
  void drop_slot(Anon& anon);

  uint64_t live() const { return live_; }

 private:
  static constexpr size_t kBlock = 256;
  Anon& new_place();
  void destroy(Anon& anon);

  FrameAllocator& frames_;
  SwapArea& swap_;
  uint64_t live_ = 0;
  std::vector<std::unique_ptr<std::array<Anon, kBlock>>> blocks_;
  std::vector<Anon*> places_;  // that hold none
};

// A sparse array of anons by page number; each holds a reference.
class AnonMap {
 public:
  explicit AnonMap(Anons& anons) : anons_(anons) {}
  ~AnonMap() { clear(); }
  AnonMap(const AnonMap&) = delete;
  AnonMap& operator=(const AnonMap&) = delete;

  Anon* find(uint64_t page) const;
  // Takes over the caller's reference; what was there loses its own.
  void set(uint64_t page, Anon& anon);
  // Puts what lies at `from` at `to`, which is empty.
  void move(uint64_t from, uint64_t to);
  void erase(uint64_t first, uint64_t end);
  void clear() { erase(0, ~uint64_t{0}); }
  // In order of page number. `visit` must not change the map.
  void for_each(uint64_t first, uint64_t end, const std::function<void(uint64_t, Anon&)>& visit) const;
  uint64_t pages() const { return pages_; }

  // A run of frames set aside for the large page that is to begin at `page`
  // (MAP_HUGETLB). erase() gives those back that begin in its range.
  struct Run {
    Pfn first{};
    unsigned order = 0;
  };
  void reserve(uint64_t page, Run run) { reserved_[page] = run; }
  std::optional<Pfn> take_reserved(uint64_t page);
  // Those that begin in first..end-1 begin at the same distance from `to`.
  void move_reserved(uint64_t first, uint64_t end, uint64_t to);
  const std::map<uint64_t, Run>& reserved() const { return reserved_; }
  // Whether there is one at first..end-1.
  bool any(uint64_t first, uint64_t end) const;

  // Pages charged against the commit limit for a shared object, by whoever
  // made it; they are its own and not the areas', however many map it.
  uint64_t committed = 0;

 private:
  static constexpr uint64_t kChunk = 64;
  struct Chunk {
    std::array<Anon*, kChunk> anons{};
    unsigned used = 0;
  };

  Chunk* find_chunk(uint64_t number) const;

  Anons& anons_;
  std::map<uint64_t, Run> reserved_;
  std::map<uint64_t, std::unique_ptr<Chunk>> chunks_;  // by page number / kChunk
  // The chunk found last: a fault asks for the same place more than once, and
  // the next one is often its neighbour.
  mutable uint64_t recent_number_ = 0;
  mutable Chunk* recent_ = nullptr;
  uint64_t pages_ = 0;
};

}  // namespace faultline::os
