// What /proc tells of a process's pages (proc(5): smaps, pagemap, status), as
// the page table and the pages themselves say at this moment.
#pragma once

#include <cstdint>

#include "hw/base/types.h"

namespace faultline::os {

// One area, in pages that its table maps; the zero page is nobody's and counts
// nowhere.
struct AreaUsage {
  static constexpr unsigned kShareShift = 12;

  uint64_t resident = 0;
  // The bytes of each page divided by its mappings, times 2^kShareShift, as
  // Linux sums them (PSS_SHIFT): of all, and by what the pages are.
  uint64_t share = 0, share_anonymous = 0, share_files = 0, share_memory = 0, share_dirty = 0;
  // Shared: mapped more than once. Dirty: newer than what a disk has.
  uint64_t shared_clean = 0, shared_dirty = 0, private_clean = 0, private_dirty = 0;
  uint64_t referenced = 0;
  uint64_t anonymous = 0;
  uint64_t swapped = 0;  // on swap, and not in memory
  // Under entries for large pages, by what the pages are.
  uint64_t large_anonymous = 0, large_memory = 0, large_files = 0;
  // Of MAP_HUGETLB, which is in none of the above.
  uint64_t hugetlb_shared = 0, hugetlb_private = 0;

  void add(const AreaUsage& other);
};

// Pages that a table maps, by what they are: private pages of nobody's file, pages
// of files, and shared anonymous memory with that of files which live in memory.
struct ResidentPages {
  uint64_t anonymous = 0;
  uint64_t files = 0;
  uint64_t shared_memory = 0;
  uint64_t hugetlb = 0;
  uint64_t swapped = 0;
};

// One page, for /proc/PID/pagemap.
struct PageFacts {
  bool present = false;
  bool swapped = false;
  bool of_file = false;  // or of shared memory
  bool alone = false;    // nobody else maps it
  Pfn frame{};           // where present
  uint64_t slot = 0;     // where swapped
};

class MemoryManager;

// Pages of the whole machine, by what /proc/meminfo wants to know of them beyond
// FrameStatistics. Looks at every frame.
struct MemoryPages {
  uint64_t mapped_files = 0;      // that a process maps
  uint64_t files_in_memory = 0;   // of files that live in memory alone
  uint64_t shared_anonymous = 0;  // in memory
  uint64_t hugetlb = 0;           // of MAP_HUGETLB, in use
  uint64_t writing = 0;           // of files, on their way to the disk
  uint64_t swap_cached = 0;       // in memory and on swap
  uint64_t large_anonymous = 0;   // under entries for large pages, once for each table
};
MemoryPages count_memory_pages(MemoryManager& memory);

}  // namespace faultline::os
