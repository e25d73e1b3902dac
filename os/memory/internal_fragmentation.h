// Internal fragmentation: bytes of pages in memory that nobody uses.
//
// Of an anonymous page those are the lines of 64 bytes that hold nothing but
// zeros, as they did when the page was given: the rest of the last page that a
// program asked for, and what it asked for and never wrote. A line that the
// program itself filled with zeros counts too, since memory does not tell the
// two apart. Of a page of a file they are the bytes behind the file's end.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "hw/base/types.h"
#include "os/memory/statistics.h"
#include "os/memory/vm_area.h"

namespace faultline::os {

class AddressSpace;
class AnonMap;
class FileBacking;
class MemoryManager;

// Looks at the areas of one address space after another. Takes no simulated
// time and changes nothing. The index that it makes of each object is good
// until something is mapped, written or paged out.
class InternalFragmentation {
 public:
  explicit InternalFragmentation(MemoryManager& manager) : manager_(manager) {}

  void add(const AddressSpace& space);
  const AreaStatistics& areas() const { return areas_; }

 private:
  // Pages of an object that are in memory, in order; unused bytes before each.
  struct Index {
    std::vector<uint64_t> pages;
    std::vector<uint64_t> unused{0};

    void add(uint64_t page, uint64_t unused_bytes) {
      pages.push_back(page);
      unused.push_back(unused.back() + unused_bytes);
    }
  };
  struct Share {
    uint64_t pages = 0;
    uint64_t unused = 0;
  };
  static Share share(const Index& index, uint64_t first, uint64_t end);

  const Index& index_of(const AnonMap& anons);
  const Index& index_of(const FileBacking& file);
  Share share_of(const AddressSpace& space, const VmArea& area);
  uint64_t zero_bytes(Pfn frame) const;

  MemoryManager& manager_;
  // Looked up by identity, never walked.
  std::map<const AnonMap*, Index> anons_;
  std::map<const FileBacking*, Index> files_;
  AreaStatistics areas_{};
};

}  // namespace faultline::os
