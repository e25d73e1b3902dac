// Dirty pages that page-out took, on their way to swap or to their file, many
// in one request.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "hw/base/types.h"
#include "hw/devices/disk_request.h"
#include "os/memory/statistics.h"

namespace faultline::os {

class Anons;
class BlockDevice;
class Cpu;
class FrameAllocator;
class FrameWaits;
class PageCache;
class PageTables;
class SwapArea;
struct Anon;
struct OsCosts;

class Laundry {
 public:
  struct Parts {
    Cpu& cpu;
    BlockDevice& disk;
    FrameAllocator& frames;
    PageTables& tables;
    SwapArea& swap;
    Anons& anons;
    PageCache& cache;
    FrameWaits& waits;
    const OsCosts& costs;
  };
  Laundry(Parts parts, uint64_t batch);

  // Whether a dirty page could be written: swap has room for an anonymous one.
  bool can_clean(Pfn frame);
  // Takes an unmapped dirty page in, and writes when a batch is together. It
  // counts as under I/O from here on.
  void add(Pfn frame);
  // Writes what is there, at the latest when the requests before have ended.
  void flush();
  // The page cache has written a page.
  void file_written(Pfn frame);
  // Called when a request ended.
  void on_progress(std::function<void()> listener) { progress_ = std::move(listener); }

  uint64_t pages_in_flight() const { return in_flight_; }
  uint64_t requests_in_flight() const { return requests_; }
  uint64_t slots_in_flight() const { return slots_in_flight_; }
  uint64_t cleaned() const { return cleaned_; }  // pages written
  uint64_t freed() const { return freed_; }      // ... and put on the free list
  uint64_t batches() const { return batches_; }

 private:
  void write_anonymous();
  void write_files();
  void give_up(const std::vector<Pfn>& frames);
  void submit_run(std::vector<Pfn> frames, uint64_t first_slot);
  void end_write(const std::vector<Pfn>& frames, uint64_t first_slot, const hw::TransferOutcome& outcome);
  void end_page(Pfn frame, uint64_t slot, bool ok);
  void free_if_idle(Pfn frame);

  Parts parts_;
  uint64_t batch_;
  std::vector<Pfn> anonymous_;
  std::vector<Pfn> files_;
  std::vector<bool> wanted_;  // by frame: a file page to free once it is written
  uint64_t in_flight_ = 0;
  uint64_t requests_ = 0;
  uint64_t slots_in_flight_ = 0;
  uint64_t cleaned_ = 0;
  uint64_t freed_ = 0;
  uint64_t batches_ = 0;
  std::function<void()> progress_;
};

}  // namespace faultline::os
