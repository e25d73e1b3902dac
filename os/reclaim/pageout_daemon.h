// The page-out daemon (illumos, vm_pageout.c): keeps lotsfree frames free by
// letting the replacement policy look at pages, faster the less is free.
//
// It sleeps while lotsfree frames are free. Below that it runs four times a
// second, and at once when an allocation found fewer than minfree; whoever
// allocates then sleeps until there are. When somebody waits in vain (see
// ProgressWatch) and nothing is on its way to the disk, or when frames come and
// go and nobody gets on, memory is out: the callback says so.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "hw/base/types.h"
#include "os/config.h"
#include "os/memory/frame_allocator.h"
#include "os/memory/statistics.h"
#include "os/process/co.h"
#include "os/process/wait_queue.h"
#include "os/reclaim/marks.h"
#include "os/reclaim/policy_record.h"
#include "os/reclaim/progress_watch.h"
#include "os/reclaim/replacement_policy.h"

namespace faultline::os {

class Cpu;
class Laundry;
class PageTables;

class PageoutDaemon final : private PageView {
 public:
  PageoutDaemon(Cpu& cpu, Executor& executor, FrameAllocator& frames, PageTables& tables, Laundry& laundry,
                const OsConfig& config, PageSize page);

  Co<> run();
  // An allocation left fewer than lotsfree, or found too few (`refused`).
  void shortage(bool refused);
  // A page came into a frame, or left it.
  void page_moved(Pfn frame, bool came);
  // A write has ended.
  void disk_progress();
  void on_out_of_memory(std::function<void()> callback) { out_of_memory_callback_ = std::move(callback); }
  // Tells `recorder`, which outlives the daemon, all that the policy hears and
  // does. Before any page has moved.
  void record(PolicyRecorder& recorder);
  // Asked for every page that a policy looks at: it must stay in memory.
  void on_look(std::function<bool(Pfn)> is_locked) { is_locked_ = std::move(is_locked); }
  const ReplacementPolicy* policy() const { return policy_.get(); }  // null: there is none of that name

  // Pages to look at in one activation with `free` frames free.
  uint64_t pages_to_scan(uint64_t free) const;
  PageoutStatistics statistics() const;

 private:
  enum class Next : uint8_t { rest, tick, again, wait_for_disk, after_kill };

  Next activate();
  void scan(uint64_t steps);
  void tick();
  Next last_resort();
  Next out_of_memory();

  // --- PageView ---------------------------------------------------------------
  uint64_t frames() const override { return frames_.total(); }
  bool look(Pfn frame, Hand hand) override;
  bool referenced(Pfn frame) override;
  void clear_referenced(Pfn frame) override;
  void take(Pfn frame) override;

  Cpu& cpu_;
  FrameAllocator& frames_;
  PageTables& tables_;
  Laundry& laundry_;
  const OsConfig& config_;
  ScanRates rates_;
  uint64_t most_in_flight_;
  PolicySettings policy_settings_;
  std::unique_ptr<ReplacementPolicy> policy_;
  WaitQueue wakeup_;
  WaitQueue pause_;  // nobody wakes it: timed sleeps
  std::function<void()> out_of_memory_callback_;
  std::function<bool(Pfn)> is_locked_;
  bool resting_ = false;
  bool waiting_for_disk_ = false;
  Cycles last_tick_{};
  ProgressWatch progress_;
  PageoutStatistics statistics_;
};

}  // namespace faultline::os
