// From an ELF file to an image: which memory it wants, and its bytes there.
#pragma once

#include <string>
#include <vector>

#include "loader/program_image.h"
#include "os/early/file_reader.h"
#include "os/early/image_store.h"
#include "os/early/program.h"
#include "os/result.h"

namespace faultline::os::early {

struct ProgramFile {
  loader::ProgramImage program;
  int error = 0;  // errno, 0: it can be run
  std::string what;
};

// Addresses that a program may be linked for: from the fence on, or with base
// registers from 0. Only programs at fixed addresses without an interpreter.
ProgramFile read_program_file(FileReader& files, const InodePtr& file, const ImageStore& store);

// The memory that the program wants with a stack of so many bytes. A base register
// moves an address space from 0 on, whatever of it the program is linked for.
Image image_for(const loader::ProgramImage& program, const ImageStore& store, uint64_t stack_bytes);

// Reads the segments into the image, which is in memory and zero.
Result<> read_segments(FileReader& files, const InodePtr& file, const loader::ProgramImage& program,
                       const ImageStore& store, const Image& image);

// What a program finds on its stack: argc, argv, envp, and an empty auxiliary
// vector, by which it can know where it runs. Answers the stack pointer. E2BIG
// beyond half the stack.
Result<uint64_t> build_stack(Cpu& cpu, const ImageStore& store, const Image& image, uint64_t stack_bytes,
                             const std::vector<std::string>& arguments, const std::vector<std::string>& environment);

}  // namespace faultline::os::early
