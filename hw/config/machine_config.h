// Everything that hardware can be told. Plain data; cli fills it from TOML,
// docs/configuration.md explains each key. Defaults are the textbook machine.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace faultline::hw {

enum class Replacement : uint8_t { lru, plru, fifo, random };

// A TLB's own array for pages above the base size.
struct TlbArrayConfig {
  bool enabled = true;  // false: they are held with the next smaller size
  uint32_t sets = 8;
  uint32_t ways = 4;
  Replacement replacement = Replacement::lru;
};

struct TlbLevelConfig {
  bool enabled = true;
  uint32_t sets = 32;
  uint32_t ways = 2;
  Replacement replacement = Replacement::lru;
  uint32_t hit_cycles = 0;  // added to the access on a hit
  // False: pages of every size share the sets, each in that of its own number.
  // True: arrays of their own for the second and third page size of the format.
  bool split = false;
  TlbArrayConfig large{};          // second page size (2 MB, or 4 MB in 32-bit formats)
  TlbArrayConfig huge{.sets = 1};  // third and beyond (1 GB)
};

// What a page above the base size takes in a TLB.
enum class TlbLarge : uint8_t {
  one,      // one entry
  several,  // one entry for each base page of it that is touched
};

struct TlbConfig {
  bool enabled = true;  // false: every reference walks
  bool asids = false;   // false: a switch of address space flushes
  TlbLarge large = TlbLarge::one;
  TlbLevelConfig l1i;
  TlbLevelConfig l1d;
  TlbLevelConfig l2{.enabled = false, .sets = 128, .ways = 4};
};

enum class WalkerEntry : uint8_t { l1d, l2, memory };

struct WalkCacheLevelConfig {
  bool enabled = true;
  uint32_t sets = 1;
  uint32_t ways = 2;
  Replacement replacement = Replacement::lru;
};

// Page-walk caches: level n holds entries of table level n, 0 being the last.
// Sizes are those of ChampSim's default walker (its PSCL2 to PSCL5 are levels
// 1 to 4); Intel SDM volume 3A, 4.10.3, describes such caches and gives none.
struct WalkCacheConfig {
  uint32_t cycles = 0;  // a look-up in all levels at once, before the first read
  WalkCacheLevelConfig l1{.sets = 4, .ways = 8};
  WalkCacheLevelConfig l2{.sets = 2, .ways = 4};
  WalkCacheLevelConfig l3{.sets = 1, .ways = 4};
  WalkCacheLevelConfig l4{.sets = 1, .ways = 2};
  WalkCacheLevelConfig l5{.sets = 1, .ways = 2};

  // 1 to 5.
  const WalkCacheLevelConfig& level(unsigned n) const {
    const WalkCacheLevelConfig* const all[] = {&l1, &l2, &l3, &l4, &l5};
    return *all[n - 1];
  }
};

struct WalkerConfig {
  WalkerEntry entry = WalkerEntry::memory;  // where its reads enter the hierarchy
  bool caches = false;                      // page-walk caches
  WalkCacheConfig cache;                    // their shapes
  uint32_t parallel = 1;                    // walks of one instruction at once
};

enum class NestedPage : uint8_t { small, medium, large, base };  // 4 KB, 2 MB, 1 GB, the format's smallest

// Two-dimensional translation: what paging_format leads to is a guest-physical
// address, which the host's tables translate once more.
struct NestedConfig {
  bool enabled = false;
  std::string format = "x86-64";                                     // of the host's tables
  NestedPage page = NestedPage::small;                               // that they map guest-physical memory with
  WalkCacheLevelConfig tlb{.enabled = false, .sets = 8, .ways = 4};  // guest-physical to host-physical
};

struct CacheLevelConfig {
  bool enabled = true;
  uint64_t size = 32 * 1024;  // bytes
  uint32_t ways = 8;
  uint32_t line = 64;  // bytes, the same at every level
  Replacement replacement = Replacement::lru;
  uint32_t hit_cycles = 0;  // added to every access that reaches this level
  bool prefetch = false;    // next line on a miss
};

struct CacheConfig {
  bool enabled = false;
  CacheLevelConfig l1i;
  CacheLevelConfig l1d;
  CacheLevelConfig l2{.size = 256 * 1024, .hit_cycles = 10};
  CacheLevelConfig l3{.enabled = false, .size = 8 * 1024 * 1024, .ways = 16, .hit_cycles = 35};
};

enum class DramTiming : uint8_t { flat, banks };

struct DramConfig {
  uint64_t size = 256ull << 20;  // bytes
  DramTiming timing = DramTiming::flat;
  uint32_t flat_cycles = 100;  // one access, any address
  bool hart_waits = true;      // false: flat, and only the walker and the disk take time here
  uint32_t banks = 16;
  uint64_t row = 8192;                 // bytes of one row of one bank
  uint32_t row_hit_cycles = 40;        // column access in the open row
  uint32_t row_miss_cycles = 80;       // activate, then column
  uint32_t row_conflict_cycles = 120;  // precharge, activate, column
};

struct BusConfig {
  uint32_t cycles = 0;           // latency each way together
  uint32_t bytes_per_cycle = 0;  // 0: no limit
};

enum class Misaligned : uint8_t { fast, slow, trap };

struct HartConfig {
  uint32_t count = 1;
  uint32_t clock_mhz = 1000;
  Misaligned misaligned = Misaligned::fast;
  uint32_t misaligned_cycles = 10;  // with "slow"
  // Cycles of an instruction beyond fetch and data; 1 in the textbook machine.
  uint32_t base_cycles = 1;
  uint32_t multiply_cycles = 1;
  uint32_t divide_cycles = 1;
  uint32_t float_cycles = 1;         // add, multiply, fused, convert, compare
  uint32_t float_divide_cycles = 1;  // divide and square root
  uint64_t quantum = 100'000;        // cycles between looks at the rest of the machine
  bool fast_path = true;             // false: no host-side shortcut; no count changes
};

enum class DiskKind : uint8_t { hdd, ssd };
enum class DiskScheduler : uint8_t { fifo, elevator };
enum class DiskFaultOn : uint8_t { both, read, write };
enum class DiskFaultArea : uint8_t { all, swap, files };

// Pages that the medium cannot move (os/files/medium_faults.h).
struct DiskFaultConfig {
  uint32_t rate = 0;  // of a million pages moved, so many fail by chance
  uint64_t seed = 0;  // of that chance; 0: the run's
  DiskFaultOn on = DiskFaultOn::both;
  DiskFaultArea area = DiskFaultArea::all;  // where chance strikes
  std::string sectors;                      // that fail always: "100-107,4096"
  std::string files;                        // ... of files, in bytes: "data.bin:8192-12287,lib.so"
};

struct DiskConfig {
  DiskKind kind = DiskKind::hdd;
  uint64_t size = 64ull << 30;  // bytes
  // hdd
  uint32_t rpm = 10'000;
  uint64_t seek_average_us = 5'000;  // over a third of the tracks
  uint64_t seek_track_us = 500;      // to the next track
  uint64_t track_bytes = 1 << 20;
  bool track_buffer = true;  // reads on to the end of the track while idle
  // ssd
  uint64_t ssd_read_us = 80;
  uint64_t ssd_write_us = 20;
  uint64_t ssd_bytes_per_us = 3'000;
  uint32_t queue_depth = 32;  // ssd: requests served at once
  // the queue
  DiskScheduler scheduler = DiskScheduler::elevator;
  uint32_t merge = 256;  // pages that requests for neighbouring sectors become one of, at most; 0: they stay apart
  DiskFaultConfig fault;
};

// What is watched beside what always is. Changes no other count and no cycle.
struct ObserveConfig {
  bool tlb = false;            // misses of many TLB geometries (hw/mmu/stack_distance_observer.h)
  std::vector<uint32_t> sets;  // ... of these numbers of sets too
  bool pages = false;          // what each page, and each instruction, cost in translation
  uint32_t top = 20;           // ... of so many in the statistics
  uint64_t interval = 0;       // cycles between the rows of a time series; 0: none
};

// Radix tables of the user's own, where paging_format is "custom". Entries have
// the bits of x86-64's (8 bytes) or IA32's (4), the frame number in base pages.
// Up to 32 bits of address are zero-extended and the kernel has the top quarter;
// more are canonical and it has the upper half.
struct CustomFormatConfig {
  uint64_t page = 4096;                       // bytes of the base page: a power of two
  std::vector<uint32_t> bits = {9, 9, 9, 9};  // of address that each level translates, the root's first
  uint32_t entry_bytes = 8;                   // or 4
  std::vector<uint32_t> leaves = {0};         // levels whose entries may map a page; 0 is the last, and must
};

// How a program's addresses become those of memory.
enum class MemoryModel : uint8_t {
  paging,
  fence,        // as they are; below the fence register only the OS layer
  base_bounds,  // checked against a bounds register, then the base register is added
};

// Where the model is not paging.
struct RelocationConfig {
  MemoryModel model = MemoryModel::paging;
  uint32_t check_cycles = 0;  // of the comparison and the addition, on every reference
};

struct MachineConfig {
  uint64_t seed = 1;
  std::string paging_format = "x86-64";
  CustomFormatConfig paging_custom;
  RelocationConfig relocation;
  HartConfig hart;
  TlbConfig tlb;
  WalkerConfig walker;
  NestedConfig nested;
  CacheConfig cache;
  BusConfig bus;
  DramConfig dram;
  DiskConfig disk;
  ObserveConfig observe;
};

}  // namespace faultline::hw
