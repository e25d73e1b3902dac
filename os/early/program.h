// A program on a machine without paging, and the one piece of memory that it has.
//
//   begin            stack_top = heap_begin      heap_end      begin + pages
//     | text data bss | <---- stack | heap ----> |   (rest of a page)   |
//
// The stack has a fixed size and lies below the heap, so that brk(2) makes the
// image longer at its end and moves no address.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "hw/base/types.h"
#include "hw/hart/hart_state.h"
#include "os/files/inode.h"
#include "os/process/process.h"
#include "os/process/usage.h"

namespace faultline::os::early {

// Addresses are the program's own: with base registers they begin at 0, without
// them they are those of memory.
struct Image {
  Vpn begin;
  uint64_t pages = 0;
  uint64_t heap_begin = 0;
  uint64_t heap_end = 0;

  bool resident = false;
  Pfn place{};            // where it is in memory, or was last
  bool placed = false;    // it was ever there
  uint64_t last_run = 0;  // the turn in which it ran last
  uint64_t slot = 0;      // its pages of swap space, kept for life; none without swapping
  uint64_t slot_pages = 0;
};

struct OpenProgramFile {
  InodePtr inode;
  uint64_t offset = 0;
};

struct Program {
  enum class State : uint8_t { ready, waiting, zombie };  // waiting: in wait4(2), for a child

  int32_t pid = 0;
  int32_t parent = 0;  // 1: nobody waits for it
  std::string name;
  State state = State::ready;
  hw::HartState hart;
  Image image;
  std::map<int, OpenProgramFile> files;
  ExitStatus exit;
  Usage usage;
};

}  // namespace faultline::os::early
