// All of memory management that is the machine's and not one process's: owns
// the frames, page tables, anonymous pages, swap, page cache, commit
// accounting and the daemons, and hands them to each other.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hw/base/types.h"
#include "hw/mmu/page_table_format.h"
#include "os/config.h"
#include "os/cpu.h"
#include "os/memory/address_space.h"
#include "os/memory/anon_map.h"
#include "os/memory/collapse.h"
#include "os/memory/commit.h"
#include "os/memory/frame_allocator.h"
#include "os/memory/frame_waits.h"
#include "os/memory/page_cache.h"
#include "os/memory/page_table.h"
#include "os/memory/statistics.h"
#include "os/memory/user_memory.h"
#include "os/process/co.h"
#include "os/reclaim/laundry.h"
#include "os/reclaim/pageout_daemon.h"
#include "os/reclaim/swap_area.h"
#include "os/result.h"

namespace faultline::os {

class MemoryManager {
 public:
  // Swap takes the first swap_sectors() of the disk; files lie behind it.
  // All must outlive the manager.
  MemoryManager(Cpu& cpu, BlockDevice& disk, Executor& executor, const hw::PageTableFormat& format,
                const OsConfig& config);
  ~MemoryManager();
  MemoryManager(const MemoryManager&) = delete;
  MemoryManager& operator=(const MemoryManager&) = delete;

  // What makes the machine unable to start (memory too small), or nothing.
  std::optional<std::string> unusable() const;

  // Empty but for the kernel's part. Sleeps for a frame; ENOMEM when there is
  // no run of frames for the root, or no address-space identifier.
  Reply<std::unique_ptr<AddressSpace>> create_address_space();
  UserMemory user_memory(AddressSpace& space) { return UserMemory(cpu_, space, copies_); }
  // A buffer of the kernel's in the program's place.
  UserMemory kernel_buffer(AddressSpace& space, std::span<uint8_t> buffer) {
    return UserMemory(cpu_, space, copies_, buffer);
  }

  // For the scheduler to start as tasks of their own; they never end.
  Co<> pageout_daemon() { return daemon_.run(); }
  Co<> write_behind_daemon();
  Co<> collapse_daemon() { return collapse_.run(); }
  // Called when nothing can be freed and somebody waits for memory: the kernel
  // picks a process, calls AddressSpace::set_dying and kills it.
  void on_out_of_memory(std::function<void()> callback) { daemon_.on_out_of_memory(std::move(callback)); }
  // There is nobody left to kill, and still somebody waits: a process that is
  // half-way through exec, say. Nobody waits for a frame any more.
  void give_up();
  // Transfers that memory started and the disk has not ended. The counts after
  // the last exit hold when it is zero.
  uint64_t requests_in_flight() const;

  // --- parts ---------------------------------------------------------------------
  Cpu& cpu() { return cpu_; }
  const OsConfig& config() const { return config_; }
  const OsCosts& costs() const { return config_.costs; }
  PageSize page() const { return format_.page(); }
  const hw::PageTableFormat& format() const { return format_; }
  FrameAllocator& frame_allocator() { return frames_; }
  PageTables& page_tables() { return tables_; }
  PageCache& page_cache() { return cache_; }
  SwapArea& swap_area() { return swap_; }
  Anons& anons() { return anons_; }
  Commit& commit() { return commit_; }
  FrameWaits& waits() { return waits_; }
  PageoutDaemon& daemon() { return daemon_; }
  Pfn zero_page() const { return zero_page_; }
  FaultStatistics& fault_counts() { return faults_; }
  HugeStatistics& huge_counts() { return huge_; }

  uint64_t swap_sectors() const { return swap_.sectors(); }

  // --- what faults need ------------------------------------------------------------
  // A frame for a process, zeroed or to be overwritten by the caller.
  std::optional<Pfn> zeroed_frame(Urgency urgency);
  // A run of 2^order frames for a large page, all of zeros. Nothing: there is
  // no such run; page-out is not told.
  std::optional<Pfn> zeroed_run(unsigned order, Urgency urgency);
  void zero_run(Pfn first, unsigned order);
  // The bytes of a whole page, for a copy on write.
  void copy_page(Pfn to, Pfn from);
  // `from` may be on the free list, and is still there then; or is the answer,
  // where it is the last free frame.
  std::optional<Pfn> copied_frame(Pfn from, Urgency urgency);
  // Whether a locked area holds the page in this frame: page-out leaves it.
  bool is_locked(Pfn frame);
  // Starts to read a page back from swap. False: no frame, sleep for one.
  bool start_swap_in(Anon& anon, Urgency urgency);

  std::map<Asid, AddressSpace*>& spaces() { return spaces_; }
  CollapseDaemon& collapse() { return collapse_; }

  // --- statistics --------------------------------------------------------------------
  FrameStatistics frames() const;
  const FaultStatistics& faults() const { return faults_; }
  const CopyStatistics& copies() const { return copies_; }
  const ZeroStatistics& zeroed() const { return zeroed_; }
  SwapStatistics swap() const { return swap_.statistics(); }
  PageoutStatistics pageout() const { return daemon_.statistics(); }
  PageCacheStatistics page_cache_statistics() const { return cache_.statistics(); }
  const CommitStatistics& commit_statistics() const { return commit_.statistics(); }
  PageTableStatistics page_table_statistics() const { return tables_.statistics(); }
  // Of all address spaces, at this moment; as much work as there are pages in memory.
  AreaStatistics area_statistics();
  HugeStatistics huge() const;

  // Every frame has one owner, chains and counts agree: one line when not.
  std::optional<std::string> check_invariants() const;

 private:
  friend class AddressSpace;

  uint64_t page_frames_of_root() const;
  void fetch_next_frame();
  void write_behind(Cycles expire);
  void identity_lost(Pfn frame);
  // The run of slots around one, to be read in one request: frames for it, the
  // wanted page's among them.
  struct SlotRun {
    uint64_t first = 0;
    std::vector<Pfn> frames;
    std::vector<Anon*> anons;
  };
  bool may_read_around(uint64_t slot) const;
  SlotRun read_around(Anon& wanted, Pfn frame);
  void end_swap_in(const SlotRun& run, const Anon& wanted, const hw::TransferOutcome& outcome);
  void end_swap_in_page(Anon& anon, Pfn frame, bool ok, bool wanted);

  Cpu& cpu_;
  BlockDevice& disk_;
  Executor& executor_;
  const hw::PageTableFormat& format_;
  const OsConfig& config_;
  FrameAllocator frames_;
  FrameWaits waits_;
  SwapArea swap_;
  Anons anons_;
  PageTables tables_;
  FaultStatistics faults_;
  CopyStatistics copies_;
  ZeroStatistics zeroed_;
  HugeStatistics huge_;
  PageCache cache_;
  Commit commit_;
  Laundry laundry_;
  PageoutDaemon daemon_;
  Pfn zero_page_{};
  uint64_t swap_ins_in_flight_ = 0;
  WaitQueue write_behind_wakeup_;
  WaitQueue write_behind_pause_;
  bool crowded_ = false;  // somebody waits for room to dirty pages
  std::map<Asid, AddressSpace*> spaces_;
  CollapseDaemon collapse_;
};

}  // namespace faultline::os
