// Which pages a program's segments become. With base pages larger than those
// that it was linked for, two segments may meet in a page, or the file's bytes
// may not lie where a mapping of the file would put them: such pages cannot be
// mapped and are filled by copying instead.
#pragma once

#include <cstdint>
#include <vector>

#include "hw/base/types.h"
#include "loader/program_image.h"

namespace faultline::loader {

// The smallest page that programs are linked for (RISC-V psABI, Program
// Loading). With pages up to this size a page of two segments belongs to the
// later one, as load_elf_binary() of Linux leaves it.
inline constexpr uint64_t kLinkedPageBytes = 4096;

enum class PageSource : uint8_t {
  file,    // mapped from `file_offset` on
  zero,    // anonymous
  filled,  // anonymous, then the bytes of every segment that lies in it
};

// Whole pages that are mapped alike.
struct PageRange {
  VirtAddr begin;
  uint64_t bytes = 0;  // a multiple of the page
  PageSource source = PageSource::zero;
  uint64_t file_offset = 0;  // of the first page; a multiple of the page
  uint64_t file_length = 0;  // of a mapped range, from `begin`: where the segment's file bytes end
  bool read = false;
  bool write = false;
  bool execute = false;
  // The bss begins in the last page: bytes from file_length on must be zeroed.
  bool zero_tail = false;

  VirtAddr end() const { return begin + bytes; }
};

// The segments are those of a ProgramImage, in their place. The ranges ascend
// and do not overlap. What a filled page permits is what any segment in it does.
std::vector<PageRange> plan_pages(const std::vector<Segment>& segments, PageSize page);

// The part of the file whose bytes lie in [range.begin, range.end()) of memory.
struct Piece {
  VirtAddr address;
  FileRange file;
};
std::vector<Piece> pieces_of(const PageRange& range, const std::vector<Segment>& segments);

}  // namespace faultline::loader
