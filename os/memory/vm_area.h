// A run of pages of an address space with one backing and one protection.
#pragma once

#include <cstdint>
#include <memory>

#include "hw/base/types.h"
#include "os/memory/file_backing.h"
#include "os/memory/read_ahead.h"

namespace faultline::os {

class AnonMap;
struct FileUse;

enum class AreaUse : uint8_t { other, heap, stack, zero_device /* a private mapping of /dev/zero */ };
// madvise(2), MADV_HUGEPAGE and MADV_NOHUGEPAGE.
enum class HugeAdvice : uint8_t { none, want, never };

// mlock(2): page-out leaves the pages of a locked area in memory, from the
// beginning or as they are first touched (MLOCK_ONFAULT).
enum class AreaLock : uint8_t { none, whole, on_fault };

struct VmArea {
  uint64_t start = 0;  // bytes, page aligned
  uint64_t end = 0;    // first byte after it
  int protection = 0;  // Linux PROT_ bits
  bool shared = false;
  bool grows_down = false;
  bool no_reserve = false;
  bool committed = false;  // its pages are charged against the commit limit
  bool may_write = true;   // PROT_WRITE may be asked for (a shared file opened for reading: no)
  AreaUse use = AreaUse::other;
  AreaLock lock = AreaLock::none;
  bool not_for_children = false;   // MADV_DONTFORK
  bool empty_in_children = false;  // MADV_WIPEONFORK
  bool not_dumped = false;         // MADV_DONTDUMP; nobody dumps, but /proc tells
  HugeAdvice huge = HugeAdvice::none;
  ReadAdvice reading = ReadAdvice::normal;
  uint8_t hugetlb_level = 0;          // MAP_HUGETLB: the level whose pages it is made of; 0: it is not
  std::shared_ptr<FileBacking> file;  // null: anonymous
  std::shared_ptr<FileUse> file_use;  // of the description that was mapped; null: the kernel's own mapping
  std::shared_ptr<AnonMap> object;    // shared anonymous: its pages
  uint64_t offset = 0;                // bytes into `file` or `object`

  bool anonymous() const { return file == nullptr; }
  // What RLIMIT_DATA bounds.
  bool is_data() const;
  bool contains(uint64_t address) const { return start <= address && address < end; }
  uint64_t bytes() const { return end - start; }
  // The page of the backing that lies at `address`.
  uint64_t backing_page(uint64_t address, PageSize page) const {
    return (offset + (page.round_down(address) - start)) >> page.shift;
  }
};

}  // namespace faultline::os
