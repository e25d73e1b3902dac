// The stack that a program finds at its first instruction, as Linux for RISC-V
// lays it out (fs/exec.c and fs/binfmt_elf.c of Linux 6.1).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "hw/base/types.h"
#include "loader/expected.h"
#include "loader/program_image.h"

namespace faultline::loader {

struct StackRequest {
  std::vector<std::string> arguments;    // argv; none becomes one empty string, as since Linux 5.18
  std::vector<std::string> environment;  // envp, NAME=VALUE
  std::string path;                      // AT_EXECFN: the path given to execve
  PageSize page;                         // AT_PAGESZ
  uint64_t interpreter_base = 0;         // AT_BASE; 0 without an interpreter
  uint32_t uid = 0, euid = 0, gid = 0, egid = 0;
  std::array<uint8_t, 16> random{};  // the bytes that AT_RANDOM points to
};

struct InitialStack {
  VirtAddr stack_pointer;      // 16-byte aligned; points to argc
  std::vector<uint8_t> bytes;  // from stack_pointer to the top
  // Where the strings lie, for /proc/PID/cmdline and environ.
  VirtAddr arguments_begin, arguments_end, environment_begin, environment_end;
};

// `image` is the program itself (already placed), never its interpreter.
// `top`: the end of the stack area, 16-byte aligned. `stack_limit`:
// RLIMIT_STACK in bytes; E2BIG follows Linux's rule (string_limit).
Expected<InitialStack> build_initial_stack(const StackRequest& request, const ProgramImage& image, VirtAddr top,
                                           uint64_t stack_limit);

// What strings and pointers of argv and envp may take together: a quarter of
// the stack limit, at most 6 MiB, and always at least 128 KiB.
uint64_t string_limit(uint64_t stack_limit);

// One string with its final NUL (MAX_ARG_STRLEN: 32 pages of 4 KiB).
inline constexpr uint64_t kLongestString = 128 * 1024;

}  // namespace faultline::loader
