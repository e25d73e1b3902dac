// Everything that the OS layer can be told. Plain data; cli fills it from TOML.
#pragma once

#include <cstdint>
#include <string>

namespace faultline::os {

enum class Overcommit : uint8_t { heuristic = 0, always = 1, never = 2 };

struct SwapConfig {
  uint64_t size = 256ull << 20;  // bytes
};

struct VmConfig {
  Overcommit overcommit = Overcommit::heuristic;
  uint32_t overcommit_ratio = 50;              // percent of DRAM, mode 2
  std::string replacement = "two-handed";      // a policy's name in os/reclaim
  uint64_t lotsfree = 0;                       // pages; 0: from the size of memory, as illumos does
  uint64_t desfree = 0;
  uint64_t minfree = 0;
  uint64_t handspreadpages = 0;                // 0: a quarter of memory, at most fastscan
  uint64_t slowscan = 0;                       // pages a second; 0: min(fastscan/10, 100)
  uint64_t fastscan = 0;                       // 0: half of memory a second, at most 64 MB
  uint32_t aging_bits = 8;                     // of a page's counter, policies nfu and aging
  uint32_t aging_interval = 20;                // milliseconds between two samples of all pages
  uint32_t batch = 32;                         // pages written in one go by page-out
  uint32_t readahead = 8;                      // pages; 0: off
  bool writebehind = true;
  uint32_t dirty_background_ratio = 10;        // percent of memory that may be dirty before write-behind begins
  uint32_t dirty_ratio = 20;                   // ... before writers wait for it
  uint32_t dirty_expire_ms = 5'000;            // no page of a file stays dirty longer
  uint32_t swap_readaround = 0;                // pages, 0: off
  uint32_t max_map_count = 65'530;             // areas of one address space
  bool flush_on_clear = true;                  // clearing a reference bit flushes the TLB entry
};

enum class HugePages : uint8_t { never, madvise, always };

struct HugeConfig {
  HugePages transparent = HugePages::never;  // areas that get large pages without asking for each
  // The daemon that makes large pages of base pages; Linux: khugepaged's
  // pages_to_scan and scan_sleep_millisecs.
  uint32_t collapse_pages = 4096;  // at each look; 0: no daemon
  uint32_t collapse_milliseconds = 10'000;
};

// What OS work costs beyond the memory accesses that it really makes: cycles of
// one event each. See docs/timing.md for sources.
struct OsCosts {
  uint64_t trap_entry = 100;        // into the kernel, registers saved
  uint64_t trap_return = 80;
  uint64_t area_lookup = 60;        // find the area of an address
  uint64_t fault = 250;             // the rest of handling a page fault
  uint64_t frame_allocate = 80;
  uint64_t frame_free = 40;
  uint64_t syscall = 60;            // dispatch of a system call
  uint64_t path_component = 150;    // look-up of one name of a path
  uint64_t area_change = 200;       // make, split, merge or remove an area
  uint64_t context_switch = 1200;
  uint64_t fork = 20'000;           // beyond what each area and page costs
  uint64_t fork_area = 300;
  uint64_t exec = 30'000;
  uint64_t exit = 10'000;
  uint64_t signal_deliver = 800;
  uint64_t interrupt = 600;
  uint64_t disk_submit = 1500;
  uint64_t page_scan = 30;          // one page under a hand of the clock
  uint64_t tlb_flush_page = 50;
  uint64_t shootdown = 2000;        // interrupting other harts to flush, until they have
  uint64_t hart_interrupt = 300;    // interrupting another hart for any other reason
  uint64_t pipe = 300;
};

// Where an image goes among the holes that are large enough for it.
enum class Placement : uint8_t { first_fit, best_fit, worst_fit };

// The OS layer of a machine without paging (os/early).
struct EarlyConfig {
  uint64_t resident = 64ull << 10;  // bytes of the OS layer's own, from address 0: the fence
  uint64_t stack = 8ull << 10;      // bytes of every program's stack, which does not grow
  Placement placement = Placement::first_fit;
  bool compaction = true;  // images move together where no hole is large enough; base registers only
  bool swapping = false;   // whole images leave memory
};

struct OsConfig {
  bool translated = false;  // the OS layer's own accesses go through the data TLB
  uint64_t timer_hz = 250;  // time slices: one tick each
  uint64_t stack_limit = 8ull << 20;
  uint64_t seed = 1;        // getrandom, AT_RANDOM
  SwapConfig swap;
  VmConfig vm;
  HugeConfig huge;
  EarlyConfig early;
  OsCosts costs;
};

}  // namespace faultline::os
