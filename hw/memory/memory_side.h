// What lies behind a requester: the next cache, or the port to it.
#pragma once

#include "hw/base/types.h"
#include "hw/memory/requester.h"

namespace faultline::hw {

class MemorySide {
 public:
  virtual ~MemorySide() = default;

  // Takes the time of one access of `bytes` at `address`, begun at `now`, and
  // moves no bytes. Returns when it is done; never waits. The bytes must lie
  // in memory.
  virtual Cycles access(PhysAddr address, unsigned bytes, bool write, Requester requester, Cycles now) = 0;
};

// A module of the memory side as its neighbours may call it in place of a
// transaction: the same access, the same counts, and the moment itself for its
// time, exact to the femtosecond (a device's accesses keep to no cycle).
class TimedTarget {
 public:
  virtual ~TimedTarget() = default;

  // One access of `bytes` at `address` that arrives at `at_fs`, counted from
  // the start of simulation. Answers when it is done; moves no bytes and never
  // waits. The bytes must lie in memory.
  virtual uint64_t serve(PhysAddr address, unsigned bytes, bool write, Requester requester, uint64_t at_fs) = 0;

  // Two accesses, as serve(): the line at `wanted` is read, and when that is
  // done, which is the answer, the one at `gone` is written back.
  virtual uint64_t exchange(PhysAddr wanted, PhysAddr gone, unsigned bytes, Requester requester, uint64_t at_fs) {
    const uint64_t done_fs = serve(wanted, bytes, false, requester, at_fs);
    serve(gone, bytes, true, Requester::writeback, done_fs);
    return done_fs;
  }
};

// A memory of flat latency that lets its users count accesses in bulk.
class BulkCounter {
 public:
  virtual ~BulkCounter() = default;
  virtual void count_bulk(Requester requester, uint64_t reads, uint64_t writes) = 0;
};

}  // namespace faultline::hw
