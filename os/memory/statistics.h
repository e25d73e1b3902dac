// What the memory side counts. Plain numbers; cli gathers them into a report.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace faultline::os {

// How a fault was resolved, counted once each, when it is. minor + major is
// the sum of all kinds but `protection`, which ended in a signal.
struct FaultStatistics {
  uint64_t minor = 0;        // no wait for a read from the disk
  uint64_t major = 0;        // at least one
  uint64_t demand_zero = 0;  // a new frame of zeros
  uint64_t zero_page = 0;    // the shared frame of zeros, read-only
  uint64_t file = 0;         // a page of a file, from the cache or the disk
  uint64_t cow = 0;          // written while shared: copied
  uint64_t cow_reuse = 0;    // written by the last owner: made writable
  uint64_t swap_in = 0;      // read back from swap
  uint64_t reclaimed = 0;    // taken back from the free list, without I/O
  uint64_t spurious = 0;     // the page was there: its entry was missing, or permitted the access by now
  uint64_t protection = 0;   // ended in SIGSEGV or SIGBUS
};

struct FrameStatistics {
  uint64_t total = 0;
  uint64_t free = 0;  // with or without a page that may be taken back
  uint64_t anonymous = 0;
  uint64_t file = 0;
  uint64_t kernel = 0;       // the kernel's own, its page tables and the zero page
  uint64_t page_tables = 0;  // of processes
  uint64_t peak_page_table_bytes = 0;
  uint64_t peak = 0;  // most that were not free at once
};

// How the free frames lie. Those that keep a page count in no run.
struct FragmentationStatistics {
  std::vector<uint64_t> free_runs;  // by order: aligned runs of 2^order frames, each frame in one
  uint64_t largest_free_run = 0;    // frames; 0: none is free without a page
  // Of the frames free without a page, those in runs too short for the smallest
  // large page (unusable free space index: Gorman and Whitcroft, "The What, The
  // Why and the Where To of Anti-Fragmentation", 2006); 0 where there are no
  // large pages.
  uint64_t unusable = 0;
};

// What an area of an address space is for.
enum class AreaKind : uint8_t {
  code,       // of a file, may be executed
  file,       // of a file, any other
  heap,       // brk(2)
  stack,      // of the first thread
  anonymous,  // private: mmap(2), bss, what a loader filled
  shared      // shared anonymous
};
inline constexpr size_t kAreaKinds = 6;

// Areas of one kind in all address spaces. A page that two areas share counts in both.
struct AreaKindStatistics {
  uint64_t areas = 0;
  uint64_t bytes = 0;           // of addresses
  uint64_t resident_bytes = 0;  // of pages in memory, mapped or not
  uint64_t unused_bytes = 0;    // of those, internal fragmentation (internal_fragmentation.h)
};
using AreaStatistics = std::array<AreaKindStatistics, kAreaKinds>;  // by AreaKind

struct CopyStatistics {
  uint64_t pages = 0;  // whole pages copied on write
  uint64_t bytes = 0;  // those, and bytes between user buffers and the page cache
};

struct ZeroStatistics {
  uint64_t pages = 0;  // frames zeroed for processes and files
};

// In pages.
struct SwapStatistics {
  uint64_t ins = 0;
  uint64_t outs = 0;
  uint64_t slots_total = 0;
  uint64_t slots_used = 0;
  uint64_t slots_used_peak = 0;
  uint64_t slots_bad = 0;        // given up after an I/O error
  uint64_t requests_in = 0;      // reads
  uint64_t requests_out = 0;     // writes: each a run of slots
  uint64_t readaround = 0;       // pages read because they lay beside one that was wanted
  uint64_t readaround_hits = 0;  // ... and then wanted
  uint64_t read_errors = 0;      // pages lost: they could not be read back
  uint64_t write_errors = 0;     // pages that stayed in memory
};

struct PageoutStatistics {
  uint64_t wakeups = 0;     // activations of the daemon
  uint64_t front_hand = 0;  // pages looked at by each hand
  uint64_t back_hand = 0;
  uint64_t freed = 0;          // pages put on the free list
  uint64_t cleaned = 0;        // of these, those written first
  uint64_t batches = 0;        // write requests
  uint64_t tables_freed = 0;   // page tables given back under pressure
  uint64_t out_of_memory = 0;  // times that nothing could be freed
};

struct PageCacheStatistics {
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t readahead = 0;           // pages read before they were asked for
  uint64_t writebehind = 0;         // pages written later, by the daemon
  uint64_t written_back = 0;        // pages written, for whatever reason
  uint64_t dirty = 0;               // pages now
  uint64_t readahead_hits = 0;      // of those read ahead, pages asked for while they were there
  uint64_t readahead_requests = 0;  // reads that nobody waited for at first
  uint64_t waits = 0;               // times that somebody slept until a page was read
  uint64_t throttled = 0;           // times that a writer slept because too much was dirty
  uint64_t read_errors = 0;         // pages that the disk could not read
  uint64_t write_errors = 0;        // pages that it could not write, and that fsync tells of
};

struct CommitStatistics {
  uint64_t limit = 0;      // pages; binding in mode 2 only
  uint64_t committed = 0;  // pages promised
  uint64_t peak = 0;
  uint64_t refused = 0;  // requests
};

// Entries that map large pages.
struct LargeLeafStatistics {
  uint64_t pages = 0;       // base pages that they map now, once for each table
  uint64_t peak_pages = 0;  // the most at once
  uint64_t split = 0;       // large pages that became smaller ones
};

// Large pages, of all that processes do with them.
struct HugeStatistics {
  uint64_t faults = 0;     // faults that mapped a new large page
  uint64_t fallback = 0;   // attempts that found no run of frames: a base page instead
  uint64_t collapsed = 0;  // large pages made of base pages, by the daemon or MADV_COLLAPSE
  uint64_t failed = 0;     // ranges that could have been, but there was no run of frames
  uint64_t copied = 0;     // base pages whose bytes that moved
  uint64_t scans = 0;      // times that the daemon looked
  LargeLeafStatistics leaves;
};

// An area that large pages map, and what of them nobody uses: internal
// fragmentation, as Linux 6.12 finds it for its shrinker of huge pages.
struct LargeAreaStatistics {
  uint64_t start = 0;
  uint64_t bytes = 0;
  bool heap = false;
  bool hugetlb = false;
  uint64_t large_pages = 0;  // base pages under large leaves
  uint64_t zero_pages = 0;   // of them, those that hold nothing but zeros
};

// One address space.
struct LayoutStatistics {
  uint64_t areas = 0;
  uint64_t mapped_bytes = 0;
  uint64_t largest_hole = 0;  // bytes that no area has, in one piece, from vm.mmap_min_addr on
  std::vector<LargeAreaStatistics> large;
};

// Tables of one level; 0 is the last.
struct PageTableLevelStatistics {
  uint64_t bytes = 0;  // now
  uint64_t peak_bytes = 0;
};

// Page tables of all processes against one linear table for each.
struct PageTableStatistics {
  uint64_t bytes = 0;  // now
  uint64_t peak_bytes = 0;
  uint64_t linear_bytes = 0;                         // of one linear table for the same address space, 2^55 at most
  uint64_t entries_present = 0;                      // leaf entries, now
  std::array<PageTableLevelStatistics, 6> by_level;  // as many as the format has
};

}  // namespace faultline::os
