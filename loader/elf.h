// Reads ELF64 executables for RISC-V Linux (System V ABI, gABI 4.1; RISC-V ELF
// psABI 1.0). The file is hostile: every field is checked before it is used, and
// nothing is read outside the bytes given.
//
// A kernel reads the file through its page cache in up to three steps:
//
//   read kElfHeaderBytes at 0                     -> parse_header
//   read header.program_headers                   -> parse_program
//   read *image.interpreter, where there is one   -> parse_interpreter
#pragma once

#include <cstdint>
#include <span>

#include "loader/expected.h"
#include "loader/program_image.h"

namespace faultline::loader {

inline constexpr uint64_t kElfHeaderBytes = 64;  // Elf64_Ehdr

struct ElfHeader {
  ProgramKind kind = ProgramKind::fixed;
  VirtAddr entry;
  FileRange program_headers;  // inside the file, at most 64 KiB
  uint32_t program_header_count = 0;
};

// `first_bytes`: the first kElfHeaderBytes of the file, or all of a shorter one;
// more is allowed. `file_bytes`: the size of the whole file.
Expected<ElfHeader> parse_header(std::span<const uint8_t> first_bytes, uint64_t file_bytes);

// `table`: exactly the bytes of header.program_headers.
Expected<ProgramImage> parse_program(const ElfHeader& header, std::span<const uint8_t> table, uint64_t file_bytes,
                                     const AddressLimits& limits);

// `path`: exactly the bytes of *image.interpreter, which is also `where`. The
// caller puts the answer into image.interpreter_path.
Expected<std::string> parse_interpreter(std::span<const uint8_t> path, const FileRange& where);

// All three at once, of a file that is in memory as a whole.
Expected<ProgramImage> parse_elf(std::span<const uint8_t> file, const AddressLimits& limits);

}  // namespace faultline::loader
