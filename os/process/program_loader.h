// Maps a program's segments into an address space, as the kernel's ELF loader
// does: nothing is read but the headers and the page where the bss begins.
#pragma once

#include <string>

#include "loader/program_image.h"
#include "os/files/inode.h"
#include "os/memory/address_space.h"
#include "os/process/co.h"

namespace faultline::os {

class Kernel;

// An errno, or none, and why in one line.
struct LoadFailure {
  int error = 0;
  std::string what;
};

// Why nothing more can be mapped where memory is not promised twice.
inline constexpr const char* kCommitLimitReached =
    "it needs more memory than may be promised (vm.overcommit, vm.overcommit_ratio, swap.size)";

struct ParsedProgram {
  loader::ProgramImage image;  // interpreter_path is filled in
  LoadFailure failure;         // image is meaningless when there is an error
};

// Reads the headers of a program file through the page cache.
Co<ParsedProgram> read_program(Kernel& kernel, Inode& file, loader::AddressLimits limits);

// Maps the segments of an image that is in its place already.
Co<LoadFailure> map_program(Kernel& kernel, AddressSpace& space, const InodePtr& file,
                            const loader::ProgramImage& image);

}  // namespace faultline::os
