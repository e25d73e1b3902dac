// Who writes down a run at the level of translation: everything that a replay
// needs to make the same look-ups in the same tables. Unlike a
// TranslationObserver it is told of every reference, with its size, in the order
// of the program.
#pragma once

#include <cstdint>

#include "hw/base/types.h"

namespace faultline::hw {

class Recorder {
 public:
  virtual ~Recorder() = default;

  // An instruction of 2 or 4 bytes, looked up before its own data. `faulted`:
  // the attempt ended in a fault; where it touches two pages, of either.
  virtual void fetch(VirtAddr address, unsigned bytes, bool faulted) = 0;
  // A load or a store, as the instruction asked for it.
  virtual void data(Access access, VirtAddr address, unsigned bytes, bool faulted) = 0;
  // One of the OS layer's own through the data side (os.translated).
  virtual void kernel(bool write, VirtAddr address) = 0;

  // What the OS layer writes into page tables; the walker's own writes come
  // about in the replay by themselves.
  virtual void table_write(PhysAddr entry, uint64_t raw) = 0;
  // At most a page.
  virtual void table_zero(PhysAddr begin, uint64_t bytes) = 0;

  virtual void address_space(PhysAddr root, Asid asid) = 0;
  virtual void flush_page(Asid asid, VirtAddr address) = 0;
  virtual void flush_asid(Asid asid) = 0;
  virtual void flush_all() = 0;

  // Whose references follow; the number of a region mark that the program made.
  virtual void process(uint64_t pid) = 0;
  virtual void mark(uint64_t number) = 0;
};

}  // namespace faultline::hw
