// What the memory side must know of a file: its identity (the object itself),
// its size, and where its pages lie on the disk. os/files derives its inodes
// from this; the page cache hangs its frames on it.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>
#include <utility>

#include "hw/base/types.h"
#include "os/memory/write_errors.h"

namespace faultline::os {

class AddressSpace;

class FileBacking {
 public:
  virtual ~FileBacking() = default;

  // In bytes. Pages that begin at or beyond it do not exist (SIGBUS when touched
  // through a mapping).
  virtual uint64_t size() const = 0;

  // The first sector of the page's place on the disk; assigned on first use,
  // consecutive for consecutive pages wherever possible.
  virtual uint64_t sector(uint64_t page_index) = 0;

  // Somebody changed the page in memory; it is not on the disk yet.
  virtual void page_changed(uint64_t page_index) {}

  // A mapping that was not writable yet is stored to (st_mtime).
  virtual void stored_through_mapping() {}
  // It lives in memory alone: a page of it counts as shared memory.
  virtual bool is_shared_memory() const { return false; }

  // Names the file in /proc/self/maps and in reports.
  virtual const char* name() const = 0;

  // Of writing its pages to the disk; told by fsync and msync.
  WriteErrors write_errors;

  // Resident pages, by page index. Only PageCache touches this.
  std::unordered_map<uint64_t, Pfn> cached_pages;

  // The areas that show it, by address space and start. Only AreaMap touches this.
  std::map<std::pair<Asid, uint64_t>, AddressSpace*> mappings;
};

}  // namespace faultline::os
