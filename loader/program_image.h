// What a program file asks for: segments at addresses, an entry, a stack.
// Addresses are those of the file; a position-independent program is moved
// with placed_at() before it is mapped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hw/base/types.h"
#include "loader/expected.h"

namespace faultline::loader {

// One PT_LOAD. The first `file_bytes` come from the file, the rest of
// `memory_bytes` is zero. Nothing needs to be page-aligned, but `address` and
// `file_offset` are equal modulo 4 KB, or the page where that is smaller, when
// there are file bytes.
struct Segment {
  VirtAddr address;
  uint64_t memory_bytes = 0;  // at least 1
  uint64_t file_offset = 0;
  uint64_t file_bytes = 0;  // at most memory_bytes; may be 0
  bool read = false;
  bool write = false;
  bool execute = false;

  VirtAddr end() const { return address + memory_bytes; }
};

// A range of bytes in the program's file.
struct FileRange {
  uint64_t offset = 0;
  uint64_t bytes = 0;
};

enum class ProgramKind : uint8_t {
  fixed,                 // ET_EXEC: only at the addresses in the file
  position_independent,  // ET_DYN: a static PIE, an interpreter, or a program that wants one
};

// The addresses that a program may use, and the granularity of mapping.
struct AddressLimits {
  PageSize page;
  VirtAddr user_begin;  // the lowest address that may be mapped
  VirtAddr user_end;    // the first address that is not the user's
};

struct ProgramImage {
  ProgramKind kind = ProgramKind::fixed;
  std::vector<Segment> segments;  // at least one, by ascending address, none overlap
  VirtAddr entry;                 // in an executable segment
  uint64_t alignment = 1;         // the largest p_align of the segments: a power of two

  // Where the program finds its own program headers (AT_PHDR); absent when no
  // segment holds them. AT_PHENT is kProgramHeaderBytes.
  std::optional<VirtAddr> program_headers;
  uint32_t program_header_count = 0;

  // PT_INTERP: where the interpreter's path lies in the file, and the path once
  // it was read (parse_interpreter).
  std::optional<FileRange> interpreter;
  std::string interpreter_path;

  bool executable_stack = false;  // PT_GNU_STACK asks for it; without one, no

  VirtAddr begin() const { return segments.front().address; }
  VirtAddr end() const { return segments.back().end(); }

  // The same program with every address moved up by `bias`, a multiple of the
  // page size and of `alignment`. Failure::invalid when it leaves the limits.
  Expected<ProgramImage> placed_at(uint64_t bias, const AddressLimits& limits) const;
};

inline constexpr uint64_t kProgramHeaderBytes = 56;  // Elf64_Phdr

}  // namespace faultline::loader
