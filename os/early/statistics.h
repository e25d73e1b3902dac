// What the OS layer of a machine without paging counts. Plain numbers.
#pragma once

#include <cstdint>

namespace faultline::os::early {

// Bytes are those of whole images (text, data, bss, stack and heap, rounded up to
// pages), but for what programs read themselves.
struct Statistics {
  uint64_t programs = 0;     // begun
  uint64_t peak_images = 0;  // in memory at once
  uint64_t peak_bytes = 0;   // that images took of memory
  uint64_t moves = 0;        // of an image within memory
  uint64_t bytes_moved = 0;  // by them
  uint64_t compactions = 0;  // that moved images together
  uint64_t fragmented = 0;   // wishes that no hole held, but all holes together would have
  uint64_t refused = 0;      // wishes that nothing could be done for
  uint64_t swap_outs = 0;    // images
  uint64_t swap_ins = 0;
  uint64_t bytes_swapped_out = 0;
  uint64_t bytes_swapped_in = 0;
  uint64_t same_place = 0;    // of the swap-ins: to where the image was before
  uint64_t other_place = 0;   // ... or somewhere else
  uint64_t file_reads = 0;    // read(2) and pread(2) of files: overlays
  uint64_t bytes_read = 0;    // by them
  uint64_t zeroed_pages = 0;  // before a program had them
};

// How memory lies, at one moment.
struct Layout {
  uint64_t holes = 0;
  uint64_t free_bytes = 0;
  uint64_t largest_hole = 0;  // bytes
};

}  // namespace faultline::os::early
