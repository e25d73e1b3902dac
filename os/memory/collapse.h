// The daemon that makes large pages of base pages, Linux's khugepaged: where
// areas that may have large pages got base pages, it looks at them at
// intervals, a number of pages at a time, and copies those that lie in the
// place of one large page into one run of frames.
#pragma once

#include <cstdint>

#include "os/process/co.h"
#include "os/process/wait_queue.h"

namespace faultline::os {

class MemoryManager;

class CollapseDaemon {
 public:
  CollapseDaemon(MemoryManager& manager, Executor& executor) : manager_(manager), wakeup_(executor), pause_(executor) {}

  // A task of its own; it never ends.
  Co<> run();
  // A base page came where a large page could be.
  void note_base_page();
  // One look, from where the last one ended.
  void scan();

 private:
  MemoryManager& manager_;
  WaitQueue wakeup_;
  WaitQueue pause_;      // nobody wakes it
  bool wanted_ = false;  // base pages came since the round began
  bool resting_ = true;  // nothing came in the last round
  uint32_t space_ = 0;   // where to go on: address space, and place in it
  uint64_t place_ = 0;
};

}  // namespace faultline::os
