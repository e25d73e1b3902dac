// The disk as a machine with one thing to do sees it: a transfer is begun and
// waited for, with the processor idle. Files come through a few frames of the OS
// layer's own, which keep what was read last.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "os/config.h"
#include "os/cpu.h"
#include "os/files/inode.h"
#include "os/result.h"

namespace faultline::os::early {

class FileReader {
 public:
  // The frames must be the OS layer's own; at least one.
  FileReader(Cpu& cpu, BlockDevice& disk, const OsCosts& costs, Pfn first_frame, uint64_t frames)
      : cpu_(cpu), disk_(disk), costs_(costs), first_frame_(first_frame), frames_(frames) {}

  // Between consecutive sectors and these frames, one request. False: an I/O error.
  bool transfer(uint64_t sector, std::vector<Pfn> frames, bool write);

  // Bytes from `offset` on, fewer only at the file's end; to memory [to, to + bytes),
  // which must exist. EIO.
  Result<uint64_t> read(const InodePtr& file, uint64_t offset, PhysAddr to, uint64_t bytes);
  // The same for the OS layer itself to look at.
  Result<uint64_t> look(const InodePtr& file, uint64_t offset, std::span<uint8_t> to);

 private:
  // Bytes of the buffer that hold the file from `offset` on, at most a page's; none: an I/O error.
  std::span<const uint8_t> buffered(const InodePtr& file, uint64_t offset);
  bool fill(const InodePtr& file, uint64_t page);

  Cpu& cpu_;
  BlockDevice& disk_;
  const OsCosts& costs_;
  Pfn first_frame_;
  uint64_t frames_;
  // What the frames hold: pages of one file. Nobody writes files on such a machine.
  InodePtr held_;
  uint64_t held_first_ = 0;
  uint64_t held_pages_ = 0;
};

}  // namespace faultline::os::early
